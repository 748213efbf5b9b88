"""The moves: from a suspicion to a removed cause, and back where it was not removed."""

from collections.abc import Mapping
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
    move(problem, Action.RESUME)
    waited_for, problem.waiting_reason = problem.waiting_reason, None
    problem.taken_up_at = problem.taken_up_at or desk.now
    return [ProblemResumed(**figures(problem), waited_for=waited_for, note=order.note)]


def request_change(problem: Problem, order: RequestChange, desk: Desk) -> list[Event]:
    """The correction goes through change management (PRB-5); the problem waits for it."""
    before = move(problem, Action.REQUEST_CHANGE)
    waits_already = before is State.WAITING and problem.waiting_reason == "change"
    problem.waiting_reason = "change"
    classified = reclassified(problem, {"ci": order.ci}) if order.ci else []
    # The wish is told apart from earlier ones of this problem by the place it has in the record's life.
    problem.change_request = uuid5(problem.id, f"change request at {problem.version + 1}")
    problem.change_requested_at = desk.now
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
    move(problem, Action.RESOLVE)
    problem.waiting_reason = None
    problem.resolved_at = desk.now
    problem.resolution_code = order.resolution
    problem.resolution_note = order.note
    problem.cause = order.cause
    return [ProblemResolved(**figures(problem), resolution_code=order.resolution, note=order.note, cause=order.cause)]


def close(problem: Problem, order: Close, desk: Desk) -> list[Event]:
    move(problem, Action.CLOSE)
    problem.closed_at = desk.now
    problem.closure_code = order.closure_code
    return [
        ProblemClosed(
            **figures(problem),
            closure_code=order.closure_code,
            resolution_code=problem.resolution_code,
            note=order.note,
            resolved_at=problem.resolved_at,
            incidents=tuple(problem.incidents),
            recurrences=problem.recurrences,
        )
    ]


def reopen(problem: Problem, order: Reopen, desk: Desk) -> list[Event]:
    before = move(problem, Action.REOPEN)
    problem.reopen_count += 1
    problem.taken_up_at = problem.taken_up_at or desk.now
    problem.resolved_at = problem.closed_at = None
    problem.resolution_code = problem.resolution_note = problem.cause = problem.closure_code = None
    return [ProblemReopened(**figures(problem), reason=order.reason, reopened_from=before.value)]


def cancel(problem: Problem, order: Cancel, desk: Desk) -> list[Event]:
    move(problem, Action.CANCEL)
    problem.waiting_reason = None
    problem.closed_at = desk.now
    return [ProblemCancelled(**figures(problem), reason=order.reason)]
