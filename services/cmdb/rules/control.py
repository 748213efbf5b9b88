"""Which change allows an item in service to be altered, and why another one does not (CFG-3)."""

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

APPROVED = frozenset({"approved", "implementing"})


@dataclass(frozen=True, slots=True)
class Approval:
    """What is known of the change that an order names. `start` and `end` are its window, half open."""

    number: str
    state: str
    items: Collection[str]
    start: datetime | None
    end: datetime | None


def objection(approval: Approval | None, item: str, now: datetime) -> str | None:
    """Why this change does not allow the item to be altered now; None where it does.

    A change without a window, as an emergency may have none, allows it only while it is being implemented.
    """
    if approval is None:
        return "no change is named that is known here"
    if approval.state not in APPROVED:
        return f"{approval.number} is {approval.state}, not approved"
    if item not in approval.items:
        return f"{approval.number} does not cover {item}"
    if approval.start is None or approval.end is None:
        return None if approval.state == "implementing" else f"{approval.number} has no window and is not under way"
    if not approval.start <= now < approval.end:
        return f"the window of {approval.number} is from {approval.start.isoformat()} to {approval.end.isoformat()}"
    return None
