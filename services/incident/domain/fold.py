"""A record's state from its events alone: what the timeline proves, and what a lost row could be written from again."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contracts import incident as it
from contracts.envelope import Message, registry

State = dict[str, Any]
FIGURES = tuple(it.IncidentFact.model_fields)
AT_OPENING = (
    "title", "description", "impact", "urgency", "channel", "caller", "occurred_at", "detected_at", "recorded_at",
    "subcategory", "symptom", "origin", "reference",
)  # fmt: skip
UNSET = (
    "waiting_reason", "taken_up_at", "resolved_at", "closed_at", "close_due_at", "resolution_code", "resolution_note",
    "cause", "closure_code", "confirmed_by", "parent", "problem", "duplicate_of", "escalation", "escalated_to",
    "escalated_at", "acknowledged_at",
)  # fmt: skip


def opened(event: it.IncidentOpened, message: Message, before: State) -> State:
    known = {name: getattr(event, name) for name in AT_OPENING}
    counts = {"priority_overridden": False, "reopen_count": 0, "reassignment_count": 0, "children": 0}
    return dict.fromkeys(UNSET) | known | counts


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
    }


def closed(event: it.IncidentClosed, message: Message, before: State) -> State:
    over = {"waiting_reason": None, "close_due_at": None, "closed_at": message.occurred}
    return over | {"closure_code": event.closure_code, "confirmed_by": event.confirmed_by}


def reopened(event: it.IncidentReopened, message: Message, before: State) -> State:
    gone = ("resolved_at", "closed_at", "close_due_at", "resolution_code", "resolution_note", "closure_code")
    return dict.fromkeys((*gone, "confirmed_by")) | {"reopen_count": event.reopen_count}


def cancelled(event: object, message: Message, before: State) -> State:
    return {"waiting_reason": None, "closed_at": message.occurred}


def prioritised(event: it.IncidentPrioritised, message: Message, before: State) -> State:
    return {"impact": event.impact, "urgency": event.urgency, "priority_overridden": event.overridden}


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
