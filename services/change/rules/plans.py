"""Which plans a change of each class needs before it is approved and started (CHG-5), as one table."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


class Planned(Protocol):
    """What is looked at of a change."""

    plan: str
    backout: str
    remedy: str
    backout_minutes: int | None
    backout_tested: bool | None


@dataclass(frozen=True, slots=True)
class Need:
    """`reversal`: a back-out plan, or a remedy plan for what cannot be reversed. `decision`: by when that is decided,
    in minutes after the start. `stated`: whether the plan was tested, be it that it was not."""

    plan: bool
    reversal: bool
    decision: bool
    stated: bool


# An emergency owes its plans as paperwork.
NEEDS: Mapping[str, Need] = {
    "standard": Need(plan=True, reversal=True, decision=True, stated=True),
    "normal": Need(plan=False, reversal=True, decision=True, stated=True),
    "major": Need(plan=True, reversal=True, decision=True, stated=True),
    "emergency": Need(plan=False, reversal=False, decision=False, stated=False),
}
PAPERWORK = Need(plan=True, reversal=True, decision=False, stated=True)


def lacks(change: Planned, need: Need) -> list[str]:
    """What is missing, in words."""
    found = []
    if need.plan and not change.plan.strip():
        found.append("an implementation plan")
    if need.reversal and not (change.backout.strip() or change.remedy.strip()):
        found.append("a back-out or remedy plan")
    if need.decision and change.backout_minutes is None:
        found.append("the time by which backing out is decided (backout_minutes)")
    if need.stated and change.backout_tested is None:
        found.append("whether that plan was tested (backout_tested)")
    return found
