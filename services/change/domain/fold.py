"""A record's state from its events alone: what the timeline proves, and what a lost row could be written from again."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contracts import change as it
from contracts import change_collisions as collisions
from contracts import change_emergency as emergency
from contracts.envelope import Message, registry

State = dict[str, Any]
FIGURES = tuple(it.ChangeFact.model_fields)
PLANS = ("plan", "backout", "remedy", "backout_minutes", "backout_tested")
UNSET = (
    "rule", "rule_version", "model_version", "policy", "policy_version", "authorised_by", "authorised_at",
    "paperwork_due", "documented_at", "justified", "review", "started_at", "decide_by", "ended_at", "outcome",
    "restored", "closed_at",
)  # fmt: skip
# What a void takes away with the approvals.
AUTHORISED = ("authorised_by", "authorised_at", "paperwork_due", "documented_at", "justified", "review")


def plans(event: it.PlannedFact) -> State:
    return {name: getattr(event, name) for name in PLANS}


def submitted(event: it.ChangeSubmitted, message: Message, before: State) -> State:
    said = ("description", "reason", "benefit", "impact", "resources", "outage_minutes")
    empty = {"points": 0, "answers": [], "round": 0, "approvers": [], "acknowledged": {}, "overdue": False}
    return dict.fromkeys(UNSET) | empty | plans(event) | {name: getattr(event, name) for name in said}


def edited(event: it.ChangeEdited, message: Message, before: State) -> State:
    return {name: change.after for name, change in event.changes.items()}


def classified(event: it.ChangeClassified, message: Message, before: State) -> State:
    answers = [each.model_dump() for each in event.answers]
    ruled = {"rule": event.rule, "rule_version": event.rule_version, "model_version": event.model_version}
    return plans(event) | ruled | {"answers": answers, "points": event.points}


def approval_given(event: it.ApprovalGiven, message: Message, before: State) -> State:
    return {"approvers": [*before["approvers"], event.by]}


def approved(event: it.ChangeApproved, message: Message, before: State) -> State:
    return {"policy": event.policy, "policy_version": event.policy_version}


def voided(event: it.ApprovalVoided, message: Message, before: State) -> State:
    gone = dict.fromkeys((*AUTHORISED, "policy", "policy_version"))
    return gone | {"approvers": [], "round": before["round"] + 1, "overdue": False}


def authorised(event: it.EmergencyAuthorised, message: Message, before: State) -> State:
    by = {"authorised_by": event.by, "authorised_at": message.occurred, "approvers": [event.by]}
    return by | {"paperwork_due": event.paperwork_due}


def documented(event: emergency.PaperworkCompleted, message: Message, before: State) -> State:
    looked_back = {"justified": event.justified, "review": event.review}
    return plans(event) | looked_back | {"documented_at": message.occurred}


def overdue(event: emergency.PaperworkOverdue, message: Message, before: State) -> State:
    return {"overdue": True}


def started(event: it.ChangeStarted, message: Message, before: State) -> State:
    return {"started_at": event.started_at, "decide_by": event.decide_by}


def implemented(event: it.ChangeImplemented, message: Message, before: State) -> State:
    return {"ended_at": event.ended_at, "outcome": "implemented"}


def failed(event: it.ChangeFailed, message: Message, before: State) -> State:
    return {"ended_at": event.ended_at, "outcome": "failed"}


def backed_out(event: it.ChangeBackedOut, message: Message, before: State) -> State:
    return {"ended_at": event.ended_at, "outcome": "backed_out", "restored": event.restored}


def over(event: object, message: Message, before: State) -> State:
    return {"closed_at": message.occurred}


def acknowledged(event: collisions.CollisionAcknowledged, message: Message, before: State) -> State:
    return {"acknowledged": before["acknowledged"] | {str(event.collision): event.reason}}


def nothing(event: object, message: Message, before: State) -> State:
    return {}


# What each event changes beside the figures that all of them repeat.
CHANGES: Mapping[type[it.ChangeFact], Callable[[Any, Message, State], State]] = {
    it.ChangeSubmitted: submitted,
    it.ChangeEdited: edited,
    it.ChangeClassified: classified,
    it.ChangeAssigned: nothing,
    it.ChangeScheduled: nothing,
    it.ApprovalGiven: approval_given,
    it.ChangeApproved: approved,
    it.ChangeRejected: over,
    it.ApprovalVoided: voided,
    it.EmergencyAuthorised: authorised,
    emergency.PaperworkCompleted: documented,
    emergency.PaperworkOverdue: overdue,
    it.ChangeStarted: started,
    it.ChangeImplemented: implemented,
    it.ChangeFailed: failed,
    it.ChangeBackedOut: backed_out,
    it.ChangeClosed: over,
    it.ChangeCancelled: over,
    it.ChangeCommented: nothing,
    collisions.CollisionFound: nothing,
    collisions.CollisionAcknowledged: acknowledged,
}


def fold(messages: Iterable[Message]) -> State:
    """The columns of the record whose events these are, from the first one on, in their order.

    Raises KeyError for an event that is not a change's.
    """
    state: State = {}
    for message in messages:
        event = registry()[message.type].model_validate_json(message.data)
        change = CHANGES[type(event)]  # type: ignore[index]  # whatever is no change's event raises here
        state |= change(event, message, state)
        state |= {name: getattr(event, name) for name in FIGURES}
        state["items"] = list(state["items"])
        state |= {"id": message.aggregate_id, "number": message.subject, "version": message.sequence}
    return state
