"""Who asks, and what they may do.

`Tokens` turns a bearer token into a `Caller`, `Permissions` is a service's table of who may do what. Both fail closed:
what is not understood is refused.
"""

from shared.auth.keys import KeySource
from shared.auth.people import Caller, Permissions
from shared.auth.tokens import Tokens, TokenSettings

__all__ = ["Caller", "KeySource", "Permissions", "TokenSettings", "Tokens"]
