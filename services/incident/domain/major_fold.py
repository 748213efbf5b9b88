"""A major incident's state from its events alone, as `fold` does it for incidents."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contracts import major_incident as it
from contracts.envelope import Message, registry

State = dict[str, Any]
FIGURES = tuple(it.MajorIncidentFact.model_fields)
UNSET = (
    "communications", "technical_lead", "scribe", "update_overdue_since", "last_update_at", "stood_down_at",
    "stand_down_reason", "reviewed_at", "went_well", "to_improve", "actions",
)  # fmt: skip


def declared(event: it.MajorIncidentDeclared, message: Message, before: State) -> State:
    under = {"criterion": event.criterion, "reason": event.reason}
    policy = {"policy": event.policy, "policy_version": event.policy_version}
    counts = {"updates_sent": 0, "updates_missed": 0, "update_every_minutes": event.update_every_minutes}
    return dict.fromkeys(UNSET) | under | policy | counts | {"declared_by": message.actor}


def role_assigned(event: it.MajorRoleAssigned, message: Message, before: State) -> State:
    return {event.role: event.person}


def update_sent(event: it.MajorUpdateSent, message: Message, before: State) -> State:
    sent = before["updates_sent"] + 1
    return {"updates_sent": sent, "last_update_at": message.occurred, "update_overdue_since": None}


def update_missed(event: it.MajorUpdateMissed, message: Message, before: State) -> State:
    return {"updates_missed": before["updates_missed"] + 1, "update_overdue_since": event.due}


def stood_down(event: it.MajorIncidentStoodDown, message: Message, before: State) -> State:
    ended = {"stood_down_at": event.stood_down_at, "stand_down_reason": event.reason}
    return ended | {"update_overdue_since": None}


def reviewed(event: it.MajorIncidentReviewed, message: Message, before: State) -> State:
    learned = {"went_well": event.went_well, "to_improve": event.to_improve, "actions": list(event.actions)}
    return learned | {"reviewed_at": message.occurred}


# What each event changes beside the figures that all of them repeat.
CHANGES: Mapping[type[it.MajorIncidentFact], Callable[[Any, Message, State], State]] = {
    it.MajorIncidentDeclared: declared,
    it.MajorRoleAssigned: role_assigned,
    it.MajorUpdateSent: update_sent,
    it.MajorUpdateMissed: update_missed,
    it.MajorIncidentStoodDown: stood_down,
    it.MajorIncidentReviewed: reviewed,
}


def fold(messages: Iterable[Message]) -> State:
    """The columns of the record whose events these are. Raises KeyError for an event that is not a major incident's."""
    state: State = {}
    for message in messages:
        event = registry()[message.type].model_validate_json(message.data)
        change = CHANGES[type(event)]  # type: ignore[index]
        state |= change(event, message, state)
        state |= {name: getattr(event, name) for name in FIGURES}
        state |= {"id": message.aggregate_id, "number": message.subject, "version": message.sequence}
    return state
