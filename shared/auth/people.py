"""The caller that a verified token names, and the table of what each role may do."""

from collections.abc import Mapping
from dataclasses import dataclass

from shared.errors import Forbidden


@dataclass(frozen=True, slots=True)
class Caller:
    """Who asks.

    `organisation` is set for a contact of a customer, who sees that organisation's records alone; for staff it is
    None. `roles` is never empty: a token that names no role is refused.
    """

    subject: str
    name: str
    roles: frozenset[str]
    organisation: str | None

    @property
    def is_customer(self) -> bool:
        return self.organisation is not None


class Permissions:
    """A service's table: permission → the roles that have it.

    No role has a power that the table does not show. `everything` names the roles that have each permission of the
    table (an administrator's); they are written into it here, so what `table` prints is the whole truth.
    """

    def __init__(self, table: Mapping[str, frozenset[str]], *, everything: frozenset[str] = frozenset()) -> None:
        self.table: Mapping[str, frozenset[str]] = {name: roles | everything for name, roles in table.items()}

    def has(self, caller: Caller, permission: str) -> bool:
        """Raises KeyError for a permission that the table does not have: a misspelt one must not pass for refused."""
        return not self.table[permission].isdisjoint(caller.roles)

    def of(self, caller: Caller) -> frozenset[str]:
        """Every permission this caller has."""
        return frozenset(name for name, roles in self.table.items() if not roles.isdisjoint(caller.roles))

    def require(self, caller: Caller, permission: str) -> None:
        """Raises Forbidden, with `permission` and the `roles` that have it; KeyError as in `has`."""
        if not self.has(caller, permission):
            roles = sorted(self.table[permission])
            raise Forbidden(
                f"this needs the permission {permission}, which these roles have: {', '.join(roles) or 'none'}",
                permission=permission,
                roles=roles,
            )
