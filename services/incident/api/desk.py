"""What is in force at an instant: the desk that every verb is given."""

from datetime import datetime

from services.incident.domain import Desk
from services.incident.rules import CLOSURE, INFORM, MATRIX, UNDECLARED, USUAL, ClosurePolicy
from shared.http.ask import Ask

# What counts until a closure policy is applied.
UNWRITTEN = ClosurePolicy()


def desk(ask: Ask, now: datetime | None = None, actor: str | None = None) -> Desk:
    """The time, the actor and the rules in force at that time."""
    at = now or ask.now
    matrix = ask.runtime.policies.of(MATRIX, None, at)
    closure = ask.runtime.policies.of(CLOSURE, None, at)
    inform = ask.runtime.policies.of(INFORM, None, at)
    return Desk(
        now=at,
        actor=actor or ask.caller.subject,
        customer=ask.caller.is_customer,
        matrix=matrix.spec if matrix else USUAL,
        matrix_name=matrix.name if matrix else None,
        matrix_version=matrix.version if matrix else None,
        closure=closure.spec if closure else UNWRITTEN,
        inform=inform.spec if inform else UNDECLARED,
    )
