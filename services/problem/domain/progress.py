"""The moves: from a suspicion to a removed cause, and back where it was not removed."""

from collections.abc import Mapping
from datetime import datetime
from uuid import uuid5

from contracts.envelope import Event
from contracts.problem import (
    ChangeRequested,
    ProblemCancelled,
    ProblemClassified,
    ProblemClosed,
    ProblemReopened,
    ProblemResolved,
    ProblemResumed,
    ProblemStarted,
    ProblemWaiting,
)
from services.problem.domain.desk import Desk, figures
from services.problem.domain.orders import Cancel, Close, Reopen, RequestChange, Resolve, Resume, Start, Wait
from services.problem.lifecycle import LIFECYCLE, Action, State
from services.problem.tables import Problem
from shared.errors import Conflict, Invalid


def move(problem: Problem, action: Action) -> State:
    """The state the table gives; raises Conflict with the allowed ones. Returns the state before."""
    before = State(problem.state)
    problem.state = LIFECYCLE.after(before, action)
    return before


def reclassified(problem: Problem, changes: Mapping[str, str | None]) -> list[Event]:
    """Say anew what it is about; nothing where that is what it says already."""
    if all(getattr(problem, name) == value for name, value in changes.items()):
        return []
    service, ci, category = problem.service, problem.ci, problem.category
    for name, value in changes.items():
        setattr(problem, name, value)
    return [ProblemClassified(**figures(problem), previous_service=service, previous_ci=ci, previous_category=category)]


def start(problem: Problem, order: Start, desk: Desk) -> list[Event]:
    move(problem, Action.START)
    problem.taken_up_at = problem.taken_up_at or desk.now
    return [ProblemStarted(**figures(problem))]


def wait(problem: Problem, order: Wait, desk: Desk) -> list[Event]:
    before = move(problem, Action.WAIT)
    if before is State.WAITING and problem.waiting_reason == order.reason:
        return []
    problem.waiting_reason = order.reason
    return [ProblemWaiting(**figures(problem), reason=order.reason, note=order.note)]


def resume(problem: Problem, order: Resume, desk: Desk) -> list[Event]:
    return resumed(problem, order.note, desk.now)


def resumed(problem: Problem, note: str, now: datetime) -> list[Event]:
    move(problem, Action.RESUME)
    waited_for, problem.waiting_reason = problem.waiting_reason, None
    problem.taken_up_at = problem.taken_up_at or now
    return [ProblemResumed(**figures(problem), waited_for=waited_for, note=note)]


def request_change(problem: Problem, order: RequestChange, desk: Desk) -> list[Event]:
    """The correction goes through change management (PRB-5); the problem waits for it."""
    before = move(problem, Action.REQUEST_CHANGE)
    waits_already = before is State.WAITING and problem.waiting_reason == "change"
    problem.waiting_reason = "change"
    classified = reclassified(problem, {"ci": order.ci}) if order.ci else []
    # The wish is told apart from earlier ones of this problem by the place it has in the record's life.
    problem.change_request = uuid5(problem.id, f"change request at {problem.version + 1}")
    problem.change_requested_at = desk.now
    # What an earlier change did has not been enough, or it did nothing.
    problem.change = problem.change_number = problem.change_state = problem.fixed_at = None
    requested = ChangeRequested(
        **figures(problem),
        request=problem.change_request,
        title=order.title,
        reason=order.reason,
        description=order.description,
    )
    if waits_already:
        return [*classified, requested]
    return [*classified, requested, ProblemWaiting(**figures(problem), reason="change", note=order.title)]


def resolve(problem: Problem, order: Resolve, desk: Desk) -> list[Event]:
    if order.cause is not None and problem.cause_known is not None and order.cause != problem.cause:
        raise Invalid.field("cause", "the cause is identified already; identify-cause says it anew")
    return resolved(problem, order.resolution, order.note, desk.now, order.cause)


def resolved(problem: Problem, code: str, note: str, now: datetime, cause: str | None = None) -> list[Event]:
    """The fix is in place: since the change that was carried out, or else from now on."""
    move(problem, Action.RESOLVE)
    problem.waiting_reason = None
    problem.resolved_at = now
    problem.resolution_code = code
    problem.resolution_note = note
    problem.cause = problem.cause if cause is None else cause
    problem.fixed_at = problem.fixed_at or now
    said = {"resolution_code": code, "note": note, "cause": problem.cause, "fixed_at": problem.fixed_at}
    return [ProblemResolved(**figures(problem), **said)]


def close(problem: Problem, order: Close, desk: Desk) -> list[Event]:
    """Refused until the cause is identified (PRB-3) and it is proved that incidents stop (PRB-5): by the count after
    the fix, or by the word of whoever closes it."""
    after = LIFECYCLE.after(State(problem.state), Action.CLOSE)
    if problem.cause_known is None:
        raise Conflict("its cause is not identified", allowed=(Action.IDENTIFY_CAUSE,), rule="cause-identified")
    if problem.cause_accepted_by is not None and problem.cause_accepted_by == problem.assignee:
        detail = f"that its cause stays unknown was accepted by {problem.assignee}, who is its assignee by now"
        raise Conflict(detail, allowed=(Action.IDENTIFY_CAUSE,), rule="unknown-cause-accepted-by-another")
    if problem.verdict != "effective" and not order.proof:
        raise Invalid.field("proof", "say how it is known that incidents stop: counting them has not shown it")
    problem.state, problem.closed_at = after, desk.now
    problem.closure_code = order.closure_code
    problem.proof = order.proof or None
    problem.review_reasons = desk.review.reasons(
        problem.priority, problem.reopen_count, problem.recurrences, problem.opened_at, desk.now
    )
    return [
        ProblemClosed(
            **figures(problem),
            closure_code=order.closure_code,
            resolution_code=problem.resolution_code,
            note=order.note,
            resolved_at=problem.resolved_at,
            incidents=tuple(problem.incidents),
            recurrences=problem.recurrences,
            verdict=problem.verdict,
            proof=order.proof,
            review=tuple(problem.review_reasons),
        )
    ]


def reopen(problem: Problem, order: Reopen, desk: Desk) -> list[Event]:
    return reopened(problem, order.reason, desk.now)


# What belongs to an end that was none. A cause that was identified stays: it may be right and only still be there; that
# it is unknown has to be accepted anew.
ENDED = (
    "resolved_at", "closed_at", "resolution_code", "resolution_note", "closure_code", "fixed_at", "proof", "verdict",
    "evaluated_at", "incidents_before", "incidents_after", "reviewed_at",
)  # fmt: skip
UNKNOWN = ("cause", "cause_known", "cause_code", "cause_method", "cause_accepted_by", "cause_identified_at")


def reopened(problem: Problem, reason: str, now: datetime) -> list[Event]:
    before = move(problem, Action.REOPEN)
    problem.reopen_count += 1
    problem.taken_up_at = problem.taken_up_at or now
    for name in ENDED if problem.cause_known else (*ENDED, *UNKNOWN):
        setattr(problem, name, None)
    problem.review_reasons = []
    if problem.cause_known is None:
        problem.cause_evidence = []
    return [ProblemReopened(**figures(problem), reason=reason, reopened_from=before.value)]


def cancel(problem: Problem, order: Cancel, desk: Desk) -> list[Event]:
    move(problem, Action.CANCEL)
    problem.waiting_reason = None
    problem.closed_at = desk.now
    return [ProblemCancelled(**figures(problem), reason=order.reason)]
