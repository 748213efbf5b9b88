"""What happens when an item in service is altered: allowed by a change, flagged, or refused (CFG-3)."""

from collections.abc import Iterable

from contracts.cmdb import UnauthorisedChangeFound
from contracts.envelope import Event
from services.cmdb.domain.desk import Desk, figures
from services.cmdb.lifecycle import IN_SERVICE
from services.cmdb.rules.control import objection
from services.cmdb.tables import Item
from shared.errors import Conflict


def controlled(item: Item, status: str, fields: Iterable[str], desk: Desk) -> tuple[str | None, list[Event]]:
    """The change that allows altering these fields of an item that was in this status, and what else has to be told.

    The control is that of the type's version in force now. Raises Conflict that says what is missing. Called when the
    item has been altered, so that what is told holds the item as it is then.
    """
    found = desk.types(item.type)
    control = found.terms.control if found else "free"
    if control == "free" or status not in IN_SERVICE:
        return desk.change, []
    reason = objection(desk.approval, item.name, desk.now)
    if reason is None:
        return desk.change, []
    if control == "refuse":
        raise Conflict(
            f"{item.number} {item.name} is {status} and of the type {item.type}, which is altered only by an approved "
            f"change that covers it, in its window: {reason}",
            rule="change-control",
            item=item.name,
            change=desk.change,
        )
    return None, [UnauthorisedChangeFound(**figures(item), fields=tuple(fields))]
