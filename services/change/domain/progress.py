"""From the start of a change to its end: actual times, how it went, and back where it did not go (CHG-9)."""

from datetime import datetime, timedelta

from contracts.change import (
    ChangeBackedOut,
    ChangeClosed,
    ChangeFailed,
    ChangeImplemented,
    ChangeStarted,
)
from contracts.envelope import Event
from services.change.domain.desk import Desk, conflict, figures
from services.change.domain.orders import BackOut, Close, Complete, Fail, Repair, Start
from services.change.lifecycle import LIFECYCLE, Action, State
from services.change.rules import approval
from services.change.rules.plans import NEEDS, lacks
from services.change.tables import Change
from shared.errors import Invalid


def move(change: Change, action: Action) -> State:
    """The state the table gives; raises Conflict with the allowed ones. Returns the state before."""
    before = State(change.state)
    change.state = LIFECYCLE.after(before, action)
    return before


def start(change: Change, order: Start, desk: Desk) -> list[Event]:
    """Refused without approval by the table, outside the approved window without a reason, and under a freeze."""
    move(change, Action.START)
    at = happened(order.started_at, desk, "started_at")
    planned(change)
    emergency = change.change_class == "emergency"
    outside = not (change.planned_start and change.planned_end and change.planned_start <= at < change.planned_end)
    if outside and not order.reason and not emergency:
        conflict(
            approval.IN_WINDOW,
            f"it was approved for {change.planned_start:%F %H:%M} to {change.planned_end:%F %H:%M} UTC; "
            "give a reason, or schedule it anew",
        )
    frozen = [each for each in desk.collisions if each.forbids and each.overlap_start <= at < each.overlap_end]
    if frozen and not emergency:
        conflict(approval.FREEZE, f"the freeze {frozen[0].with_what} covers it now", freeze=frozen[0].with_what)
    change.started_at = at
    if change.backout_minutes is not None:
        change.decide_by = at + timedelta(minutes=change.backout_minutes)
    return [
        ChangeStarted(
            **figures(change),
            started_at=at,
            decide_by=change.decide_by,
            outside_window=outside,
            reason=order.reason,
        )
    ]


def complete(change: Change, order: Complete, desk: Desk) -> list[Event]:
    move(change, Action.COMPLETE)
    return _implemented(change, order.ended_at, order.note, desk, repaired=False)


def repair(change: Change, order: Repair, desk: Desk) -> list[Event]:
    """It had failed, and was brought to its end by its remedy plan."""
    move(change, Action.REPAIR)
    return _implemented(change, order.ended_at, order.note, desk, repaired=True)


def _implemented(change: Change, at: datetime | None, note: str, desk: Desk, *, repaired: bool) -> list[Event]:
    change.ended_at, change.outcome = ended(change, at, desk), "implemented"
    return [
        ChangeImplemented(
            **figures(change), started_at=change.started_at, ended_at=change.ended_at, note=note, repaired=repaired
        )
    ]


def fail(change: Change, order: Fail, desk: Desk) -> list[Event]:
    move(change, Action.FAIL)
    change.ended_at, change.outcome = ended(change, order.ended_at, desk), "failed"
    return [ChangeFailed(**figures(change), started_at=change.started_at, ended_at=change.ended_at, note=order.note)]


def back_out(change: Change, order: BackOut, desk: Desk) -> list[Event]:
    move(change, Action.BACK_OUT)
    change.ended_at, change.outcome = ended(change, order.ended_at, desk), "backed_out"
    change.restored = order.restored
    return [
        ChangeBackedOut(
            **figures(change),
            started_at=change.started_at,
            ended_at=change.ended_at,
            restored=order.restored,
            note=order.note,
        )
    ]


def close(change: Change, order: Close, desk: Desk) -> list[Event]:
    before = move(change, Action.CLOSE)
    if change.paperwork_due is not None and change.documented_at is None:
        conflict(approval.PAPERWORK, f"an emergency owes its paperwork, due {change.paperwork_due:%F %H:%M} UTC")
    if before is State.FAILED and not order.note:
        raise Invalid.field("note", "a failed change was neither backed out nor repaired: say why it ends so")
    change.closed_at = desk.now
    return [
        ChangeClosed(
            **figures(change),
            outcome=change.outcome,
            started_at=change.started_at,
            ended_at=change.ended_at,
            note=order.note,
        )
    ]


def planned(change: Change) -> None:
    """Refused without the plans that its class demands (CHG-5)."""
    change_class = change.change_class or "normal"
    if found := lacks(change, NEEDS[change_class]):
        conflict(approval.BACKOUT, f"a {change_class} change needs {', '.join(found)}", missing=found)


def happened(at: datetime | None, desk: Desk, field: str) -> datetime:
    """The instant that was given, or now. Raises Invalid for one that is still to come."""
    if at is not None and at > desk.now:
        raise Invalid.field(field, "this is still to come")
    return at or desk.now


def ended(change: Change, at: datetime | None, desk: Desk) -> datetime:
    found = happened(at, desk, "ended_at")
    if change.started_at is not None and found < change.started_at:
        raise Invalid.field("ended_at", f"it was started at {change.started_at:%F %H:%M:%S} UTC")
    return found
