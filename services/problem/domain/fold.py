"""A record's state from its events alone: what the timeline proves, and what a lost row could be written from again."""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from contracts import problem as it
from contracts.envelope import Message, registry
from contracts.problem_review import FixEvaluated, ImprovementProposed, ProblemReviewCompleted
from services.problem.domain.progress import ENDED, UNKNOWN

State = dict[str, Any]
FIGURES = tuple(it.ProblemFact.model_fields)
UNSET = (
    "frequency", "impact", "cost", "waiting_reason", "last_recurrence_at", "workaround", "workaround_at",
    "change_request", "change_requested_at", "taken_up_at", "resolved_at", "closed_at", "resolution_code",
    "resolution_note", "cause", "closure_code", "cause_known", "cause_code", "cause_method", "cause_accepted_by",
    "cause_identified_at", "change_number", "change_state", "fixed_at", "proof", "verdict", "evaluated_at",
    "incidents_before", "incidents_after", "reviewed_at",
)  # fmt: skip


def opened(event: it.ProblemOpened, message: Message, before: State) -> State:
    known = {"title": event.title, "description": event.description, "source": event.source}
    lists = {"incidents": list(event.incidents), "unlinked": [], "cause_evidence": [], "review_reasons": []}
    counts = {"priority_overridden": False, "recurrences": 0, "reopen_count": 0, "reassignment_count": 0}
    return dict.fromkeys(UNSET) | known | lists | counts


def assigned(event: it.ProblemAssigned, message: Message, before: State) -> State:
    return {"reassignment_count": before["reassignment_count"] + event.reassignment}


def prioritised(event: it.ProblemPrioritised, message: Message, before: State) -> State:
    degrees = {"frequency": event.frequency, "impact": event.impact, "cost": event.cost}
    return degrees | {"priority_overridden": event.overridden}


def linked(event: it.ProblemIncidentLinked, message: Message, before: State) -> State:
    unlinked = [each for each in before["unlinked"] if each != event.incident]
    return {"incidents": [*before["incidents"], event.incident], "unlinked": unlinked}


def unlinked(event: it.ProblemIncidentUnlinked, message: Message, before: State) -> State:
    incidents = [each for each in before["incidents"] if each != event.incident]
    return {"incidents": incidents, "unlinked": [*before["unlinked"], event.incident]}


def taken_up(event: object, message: Message, before: State) -> State:
    return {"waiting_reason": None, "taken_up_at": before["taken_up_at"] or message.occurred}


def waiting(event: it.ProblemWaiting, message: Message, before: State) -> State:
    return {"waiting_reason": event.reason}


def change_requested(event: it.ChangeRequested, message: Message, before: State) -> State:
    forgotten = dict.fromkeys(("change_number", "change_state", "fixed_at"))
    return forgotten | {"change_request": event.request, "change_requested_at": message.occurred}


def change_followed(event: it.ChangeFollowed, message: Message, before: State) -> State:
    known = {"change_number": event.change_number, "change_state": event.change_state}
    return known | {"fixed_at": event.fixed_at}


def cause_identified(event: it.CauseIdentified, message: Message, before: State) -> State:
    return {
        "cause": event.cause,
        "cause_known": event.known,
        "cause_code": event.cause_code,
        "cause_method": event.method,
        "cause_evidence": list(event.evidence),
        "cause_accepted_by": event.accepted_by,
        "cause_identified_at": message.occurred,
    }


def workaround_recorded(event: it.WorkaroundRecorded, message: Message, before: State) -> State:
    return {"workaround": event.workaround, "workaround_at": message.occurred}


def resolved(event: it.ProblemResolved, message: Message, before: State) -> State:
    said = {"resolution_code": event.resolution_code, "resolution_note": event.note, "cause": event.cause}
    return said | {"waiting_reason": None, "resolved_at": message.occurred, "fixed_at": event.fixed_at}


def closed(event: it.ProblemClosed, message: Message, before: State) -> State:
    said = {"closure_code": event.closure_code, "proof": event.proof or None, "review_reasons": list(event.review)}
    return said | {"closed_at": message.occurred}


def reopened(event: it.ProblemReopened, message: Message, before: State) -> State:
    again = {"reopen_count": before["reopen_count"] + 1, "taken_up_at": before["taken_up_at"] or message.occurred}
    gone = dict.fromkeys(ENDED) | {"review_reasons": []}
    if not before["cause_known"]:
        gone |= dict.fromkeys(UNKNOWN) | {"cause_evidence": []}
    return gone | again


def evaluated(event: FixEvaluated, message: Message, before: State) -> State:
    counted = {"incidents_before": event.before, "incidents_after": event.after}
    return counted | {"verdict": event.verdict, "evaluated_at": message.occurred}


def reviewed(event: object, message: Message, before: State) -> State:
    return {"reviewed_at": message.occurred}


def cancelled(event: object, message: Message, before: State) -> State:
    return {"waiting_reason": None, "closed_at": message.occurred}


def recurred(event: it.ProblemRecurred, message: Message, before: State) -> State:
    last = max(before["last_recurrence_at"] or event.closed_at, event.closed_at)
    return {"recurrences": event.recurrences, "last_recurrence_at": last}


def edited(event: it.ProblemEdited, message: Message, before: State) -> State:
    return {name: change.after for name, change in event.changes.items()}


def nothing(event: object, message: Message, before: State) -> State:
    return {}


# What each event changes beside the figures that all of them repeat.
CHANGES: Mapping[type[it.ProblemFact], Callable[[Any, Message, State], State]] = {
    it.ProblemOpened: opened,
    it.ProblemAssigned: assigned,
    it.ProblemPrioritised: prioritised,
    it.ProblemClassified: nothing,
    it.ProblemIncidentLinked: linked,
    it.ProblemIncidentUnlinked: unlinked,
    it.ProblemStarted: taken_up,
    it.WorkaroundRecorded: workaround_recorded,
    it.ChangeRequested: change_requested,
    it.ChangeFollowed: change_followed,
    it.CauseIdentified: cause_identified,
    it.ProblemWaiting: waiting,
    it.ProblemResumed: taken_up,
    it.ProblemResolved: resolved,
    it.ProblemClosed: closed,
    it.ProblemReopened: reopened,
    it.ProblemCancelled: cancelled,
    it.ProblemRecurred: recurred,
    it.ProblemStatusChanged: nothing,
    it.ProblemCommented: nothing,
    it.ProblemEdited: edited,
    FixEvaluated: evaluated,
    ProblemReviewCompleted: reviewed,
    ImprovementProposed: nothing,
}


def fold(messages: Iterable[Message]) -> State:
    """The columns of the record whose events these are, from the first one on, in their order.

    Raises KeyError for an event that is not a problem's.
    """
    state: State = {}
    for message in messages:
        event = registry()[message.type].model_validate_json(message.data)
        change = CHANGES[type(event)]  # type: ignore[index]  # whatever is no problem's event raises here
        state |= change(event, message, state)
        state |= {name: getattr(event, name) for name in FIGURES}
        state |= {"id": message.aggregate_id, "number": message.subject, "version": message.sequence}
    return state
