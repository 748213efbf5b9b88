"""A record's state from its events alone: what the timeline proves, and what a lost row could be written from again."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contracts import incident as it
from contracts.envelope import Message, registry
from contracts.incident_care import CustomerInformed, EffortLogged, OutageRecorded, SlaChanged, UpdateMissed
from contracts.incident_causes import ChangeConfirmed, ChangeDismissed, ChangeSuspected, WorkaroundApplied
from services.incident.domain import causes, outages
from services.incident.domain.particulars import AppliedWorkaround, Suspect, item, put

State = dict[str, Any]
FIGURES = tuple(it.IncidentFact.model_fields)
AT_OPENING = (
    "title", "description", "impact", "urgency", "channel", "caller", "occurred_at", "detected_at", "recorded_at",
    "subcategory", "symptom", "origin", "reference", "next_update_due",
)  # fmt: skip
UNSET = (
    "waiting_reason", "taken_up_at", "resolved_at", "closed_at", "close_due_at", "resolution_code", "resolution_note",
    "cause", "closure_code", "confirmed_by", "parent", "problem", "duplicate_of", "escalation", "escalated_to",
    "escalated_at", "acknowledged_at", "cause_code", "informed_at", "update_overdue_since", "sla_state", "sla_due_at",
    "cause_change", "outages", "workarounds", "suspects",
)  # fmt: skip


def opened(event: it.IncidentOpened, message: Message, before: State) -> State:
    known = {name: getattr(event, name) for name in AT_OPENING}
    counts = {
        "priority_overridden": False,
        "reopen_count": 0,
        "reassignment_count": 0,
        "children": 0,
        "effort_minutes": 0,
    }
    return dict.fromkeys(UNSET) | known | counts


# The end of the work is told by its own event: no update is due then.
TOLD = {"next_update_due": None, "update_overdue_since": None}


def assigned(event: it.IncidentAssigned, message: Message, before: State) -> State:
    return {"reassignment_count": before["reassignment_count"] + event.reassignment}


def taken_up(event: object, message: Message, before: State) -> State:
    return {"waiting_reason": None, "taken_up_at": before["taken_up_at"] or message.occurred}


def waiting(event: it.IncidentWaiting, message: Message, before: State) -> State:
    return {"waiting_reason": event.reason}


def resolved(event: it.IncidentResolved, message: Message, before: State) -> State:
    return {
        "waiting_reason": None,
        "resolved_at": message.occurred,
        "resolution_code": event.resolution_code,
        "resolution_note": event.note,
        "cause": event.cause,
        "close_due_at": event.close_due_at,
        "cause_code": event.cause_code,
        **TOLD,
    }


def closed(event: it.IncidentClosed, message: Message, before: State) -> State:
    over = {"waiting_reason": None, "close_due_at": None, "closed_at": message.occurred}
    codes = {"closure_code": event.closure_code, "cause_code": event.cause_code}
    return over | codes | TOLD | {"confirmed_by": event.confirmed_by}


def reopened(event: it.IncidentReopened, message: Message, before: State) -> State:
    gone = ("resolved_at", "closed_at", "close_due_at", "resolution_code", "resolution_note", "closure_code")
    kept = {"reopen_count": event.reopen_count, "next_update_due": event.next_update_due}
    return dict.fromkeys((*gone, "confirmed_by")) | kept


def cancelled(event: object, message: Message, before: State) -> State:
    return TOLD | {"waiting_reason": None, "closed_at": message.occurred}


def prioritised(event: it.IncidentPrioritised, message: Message, before: State) -> State:
    degrees = {"impact": event.impact, "urgency": event.urgency}
    return degrees | {"priority_overridden": event.overridden, "next_update_due": event.next_update_due}


def classified(event: it.IncidentClassified, message: Message, before: State) -> State:
    return {"subcategory": event.subcategory, "symptom": event.symptom}


def escalated(event: it.IncidentEscalated, message: Message, before: State) -> State:
    asked = {"escalation": event.to, "escalated_to": event.target}
    return asked | {"escalated_at": message.occurred, "acknowledged_at": None}


def acknowledged(event: object, message: Message, before: State) -> State:
    return {"acknowledged_at": message.occurred}


def linked(event: it.IncidentLinked, message: Message, before: State) -> State:
    return {"children": before["children"] + 1} if event.relation == "child" else {event.relation: event.target}


def unlinked(event: it.IncidentUnlinked, message: Message, before: State) -> State:
    return {"children": before["children"] - 1} if event.relation == "child" else {event.relation: None}


def edited(event: it.IncidentEdited, message: Message, before: State) -> State:
    return {name: change.after for name, change in event.changes.items()}


def informed(event: CustomerInformed, message: Message, before: State) -> State:
    return {"informed_at": message.occurred, "next_update_due": event.next_update_due, "update_overdue_since": None}


def update_missed(event: UpdateMissed, message: Message, before: State) -> State:
    return {"next_update_due": None, "update_overdue_since": event.due}


def sla_changed(event: SlaChanged, message: Message, before: State) -> State:
    return {"sla_state": event.danger, "sla_due_at": event.due_at, "next_update_due": event.next_update_due}


def workaround_applied(event: WorkaroundApplied, message: Message, before: State) -> State:
    applied = AppliedWorkaround(
        known_error=event.known_error, number=event.known_error_number, helped=event.helped, at=message.occurred
    )
    return {"workarounds": put(before["workarounds"], "known_error", item(applied))}


def outage_recorded(event: OutageRecorded, message: Message, before: State) -> State:
    return {"outages": outages.folded(before["outages"], event)}


def effort_logged(event: EffortLogged, message: Message, before: State) -> State:
    return {"effort_minutes": event.total_minutes}


def change_suspected(event: ChangeSuspected, message: Message, before: State) -> State:
    suspect = Suspect(
        change=event.change, number=event.change_number, status="suspected", by=event.by, path=event.path,
        minutes_after=event.minutes_after,
    )  # fmt: skip
    return {"suspects": put(before["suspects"], "change", item(suspect))}


def change_confirmed(event: ChangeConfirmed, message: Message, before: State) -> State:
    suspects = causes.marked(before["suspects"], event.change, "confirmed")
    return {"suspects": suspects, "cause_change": event.change}


def change_dismissed(event: ChangeDismissed, message: Message, before: State) -> State:
    suspects = causes.marked(before["suspects"], event.change, "dismissed")
    cause = before["cause_change"]
    return {"suspects": suspects, "cause_change": None if cause == event.change else cause}


def nothing(event: object, message: Message, before: State) -> State:
    return {}


# What each event changes beside the figures that all of them repeat.
CHANGES: Mapping[type[it.IncidentFact], Callable[[Any, Message, State], State]] = {
    it.IncidentOpened: opened,
    it.IncidentAssigned: assigned,
    it.IncidentStarted: taken_up,
    it.IncidentWaiting: waiting,
    it.IncidentResumed: taken_up,
    it.IncidentResolved: resolved,
    it.IncidentConfirmed: nothing,
    it.IncidentClosed: closed,
    it.IncidentReopened: reopened,
    it.IncidentCancelled: cancelled,
    it.IncidentPrioritised: prioritised,
    it.IncidentClassified: classified,
    it.IncidentEscalated: escalated,
    it.EscalationAcknowledged: acknowledged,
    it.IncidentCommented: nothing,
    it.IncidentLinked: linked,
    it.IncidentUnlinked: unlinked,
    it.IncidentEdited: edited,
    it.IncidentHistoryCompleted: nothing,
    CustomerInformed: informed,
    UpdateMissed: update_missed,
    SlaChanged: sla_changed,
    WorkaroundApplied: workaround_applied,
    OutageRecorded: outage_recorded,
    EffortLogged: effort_logged,
    ChangeSuspected: change_suspected,
    ChangeConfirmed: change_confirmed,
    ChangeDismissed: change_dismissed,
}


def fold(messages: Iterable[Message]) -> State:
    """The columns of the record whose events these are, from the first one on, in their order.

    `history_row` and `in_history` are the import's bookkeeping and no facts of the record's life. Raises KeyError for
    an event that is not an incident's.
    """
    state: State = {}
    for message in messages:
        event = registry()[message.type].model_validate_json(message.data)
        change = CHANGES[type(event)]  # type: ignore[index]
        state |= change(event, message, state)
        state |= {name: getattr(event, name) for name in FIGURES}
        state |= {"id": message.aggregate_id, "number": message.subject, "version": message.sequence}
    return state
