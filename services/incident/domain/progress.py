"""The moves: from a contact to a record whose work is over, and back where it was not."""

from datetime import datetime
from uuid import UUID

from contracts.envelope import Event
from contracts.incident import (
    IncidentCancelled,
    IncidentClosed,
    IncidentConfirmed,
    IncidentReopened,
    IncidentResolved,
    IncidentResumed,
    IncidentStarted,
    IncidentWaiting,
)
from services.incident.domain.desk import Desk, figures
from services.incident.domain.orders import Cancel, Close, Confirm, Reopen, Resolve, Resume, Start, Wait
from services.incident.lifecycle import LIFECYCLE, OPEN, Action, State
from services.incident.tables import Incident
from shared.errors import Conflict, Invalid

DUPLICATE = "duplicate"


def move(incident: Incident, action: Action) -> State:
    """The state the table gives; raises Conflict with the allowed ones. Returns the state before."""
    before = State(incident.state)
    incident.state = LIFECYCLE.after(before, action)
    return before


def start(incident: Incident, order: Start, desk: Desk) -> list[Event]:
    move(incident, Action.START)
    incident.taken_up_at = incident.taken_up_at or desk.now
    return [IncidentStarted(**figures(incident))]


def wait(incident: Incident, order: Wait, desk: Desk) -> list[Event]:
    before = move(incident, Action.WAIT)
    if before is State.WAITING and incident.waiting_reason == order.reason:
        return []
    incident.waiting_reason = order.reason
    return [IncidentWaiting(**figures(incident), reason=order.reason, note=order.note)]


def resume(incident: Incident, order: Resume, desk: Desk) -> list[Event]:
    move(incident, Action.RESUME)
    waited_for, incident.waiting_reason = incident.waiting_reason, None
    incident.taken_up_at = incident.taken_up_at or desk.now
    return [IncidentResumed(**figures(incident), waited_for=waited_for, note=order.note)]


def resolve(incident: Incident, order: Resolve, desk: Desk) -> list[Event]:
    return [resolved(incident, order, desk)]


def resolved(incident: Incident, order: Resolve, desk: Desk, with_parent: UUID | None = None) -> Event:
    move(incident, Action.RESOLVE)
    judge_cause(incident, order.cause_code, desk)
    incident.waiting_reason = None
    nothing_to_tell(incident)
    incident.resolved_at = desk.now
    incident.resolution_code = order.resolution_code
    incident.resolution_note = order.note
    incident.cause = order.cause
    incident.cause_code = order.cause_code
    incident.close_due_at = desk.now + desk.silence
    return IncidentResolved(
        **figures(incident),
        resolution_code=order.resolution_code,
        note=order.note,
        cause=order.cause,
        with_parent=with_parent,
        close_due_at=incident.close_due_at,
        cause_code=incident.cause_code,
    )


def judge_cause(incident: Incident, code: str | None, desk: Desk) -> None:
    """Raises Invalid where the closure policy asks for a cause, or for another one (INC-11)."""
    codes = desk.closure.cause_codes
    one_of = f": one of {', '.join(codes)}" if codes else ""
    if code is None and desk.closure.cause_code_required and incident.kind == "incident":
        raise Invalid.field("cause_code", f"the closure policy asks for it{one_of}")
    if code is not None and codes and code not in codes:
        raise Invalid.field("cause_code", f"{code!r} is none of the closure policy's{one_of}")


def nothing_to_tell(incident: Incident) -> None:
    """The work is over, which its own event tells the customer: no update is due any more."""
    incident.next_update_due = incident.update_overdue_since = None


def confirm(incident: Incident, order: Confirm, desk: Desk) -> list[Event]:
    move(incident, Action.CONFIRM)
    confirmed = IncidentConfirmed(**figures(incident))
    return [confirmed, closed(incident, desk.now, "user", None, "")]


def close(incident: Incident, order: Close, desk: Desk) -> list[Event]:
    before = move(incident, Action.CLOSE)
    if order.closure_code == DUPLICATE and incident.duplicate_of is None:
        raise Conflict("link it to the record that it repeats first: duplicate_of", allowed=(Action.LINK,))
    code = order.closure_code or (DUPLICATE if incident.duplicate_of else None)
    # What repeats another record has its cause there; what was resolved has named one.
    cause = order.cause_code or incident.cause_code
    if order.cause_code is not None or (before in OPEN and code != DUPLICATE):
        judge_cause(incident, cause, desk)
    incident.cause_code = cause
    return [closed(incident, desk.now, "staff", code, order.note)]


def close_by_silence(incident: Incident, now: datetime) -> list[Event]:
    """The user said nothing for as long as the closure policy declares."""
    move(incident, Action.CLOSE)
    return [closed(incident, now, "silence", None, "")]


def closed(incident: Incident, now: datetime, confirmed_by: str, closure_code: str | None, note: str) -> Event:
    incident.waiting_reason = None
    nothing_to_tell(incident)
    incident.closed_at = now
    incident.close_due_at = None
    incident.closure_code = closure_code
    incident.confirmed_by = confirmed_by
    return IncidentClosed(
        **figures(incident),
        confirmed_by=confirmed_by,
        closure_code=closure_code,
        resolution_code=incident.resolution_code,
        note=note,
        resolved_at=incident.resolved_at,
        parent=incident.parent,
        problem=incident.problem,
        duplicate_of=incident.duplicate_of,
        reopen_count=incident.reopen_count,
        reassignment_count=incident.reassignment_count,
        cause_code=incident.cause_code,
        effort_minutes=incident.effort_minutes,
    )


def reopen(incident: Incident, order: Reopen, desk: Desk) -> list[Event]:
    before = move(incident, Action.REOPEN)
    incident.reopen_count += 1
    incident.resolved_at = incident.closed_at = incident.close_due_at = None
    incident.resolution_code = incident.resolution_note = incident.closure_code = incident.confirmed_by = None
    incident.next_update_due = next_update(incident, desk)
    return [
        IncidentReopened(
            **figures(incident),
            reason=order.reason,
            reopened_from=before.value,
            reopen_count=incident.reopen_count,
            next_update_due=incident.next_update_due,
        )
    ]


def next_update(incident: Incident, desk: Desk) -> datetime | None:
    """By when the customer of an incident is told how it stands, if nothing is told before."""
    return desk.inform.next(incident.priority, desk.now) if incident.kind == "incident" else None


def cancel(incident: Incident, order: Cancel, desk: Desk) -> list[Event]:
    move(incident, Action.CANCEL)
    incident.waiting_reason = None
    nothing_to_tell(incident)
    incident.closed_at = desk.now
    return [IncidentCancelled(**figures(incident), reason=order.reason)]
