"""The change that is to remove a cause: which one it is, and what its fate means for the problem (PRB-5).

A problem that waits for its change goes on when that is refused, withdrawn, failed or backed out, and is resolved when
it is carried out: the fix is in place and still to be proved. A problem that somebody has taken up meanwhile, or that
waits for something else, is theirs; it learns how the change stands and is not moved. A fix that is taken back reopens
a problem that rested on it, unless that is closed: then somebody stands for its proof.
"""

from datetime import datetime
from uuid import UUID

from contracts.change import (
    ChangeBackedOut,
    ChangeCancelled,
    ChangeClosed,
    ChangeFact,
    ChangeFailed,
    ChangeImplemented,
    ChangeRejected,
    ChangeSubmitted,
)
from contracts.envelope import Event
from contracts.problem import ChangeFollowed
from services.problem.domain.desk import figures, with_status
from services.problem.domain.progress import reopened, resolved, resumed
from services.problem.lifecycle import State
from services.problem.tables import Problem

# Nothing more comes of a change in these states.
OVER = ("rejected", "cancelled", "backed_out", "closed")


def adopts(problem: Problem, change: UUID, event: ChangeFact) -> bool:
    """Whether this change is the one that the problem follows, from now on or already.

    The answer to its last wish is, whatever else is under way; one that names the problem without being asked for is
    where no other is under way. Answers to earlier wishes are not.
    """
    if problem.state == State.CANCELLED:
        return False
    if problem.change == change:
        return True
    if event.request is not None and event.request != problem.change_request:
        return False
    free = problem.change is None or problem.change_state in OVER
    return free or (event.request is not None and isinstance(event, ChangeSubmitted))


def follow(problem: Problem, change: UUID, number: str, event: ChangeFact, at: datetime) -> list[Event]:
    """What an event of a change means for the problem; nothing where it says what is known already."""
    if not adopts(problem, change, event):
        return []
    if (problem.change, problem.change_state) == (change, event.state):
        return []
    state = problem.state
    rested = problem.change == change and problem.change_state in ("implemented", "closed")
    fixed_at, lost = fate(event)
    problem.change, problem.change_number, problem.change_state = change, number, event.state
    if fixed_at is not None:
        # A problem that was resolved by other means has its own date.
        problem.fixed_at = fixed_at if problem.state not in (State.RESOLVED, State.CLOSED) else problem.fixed_at
    elif lost and problem.state not in (State.RESOLVED, State.CLOSED):
        problem.fixed_at = None
    note = f"{number} {lost}" if lost else ""
    happened: list[Event] = [
        ChangeFollowed(
            **figures(problem), change_number=number, change_state=event.state, fixed_at=problem.fixed_at, note=note
        )
    ]
    if problem.state == State.WAITING and problem.waiting_reason == "change":
        if fixed_at is not None:
            note = f"{number} is carried out; that incidents stop is still to be proved"
            happened += resolved(problem, "Changed", note, at)
        elif lost:
            happened += resumed(problem, note, at)
    elif problem.state == State.RESOLVED and rested and lost:
        happened += reopened(problem, note, at)
    return with_status(problem, state, problem.workaround, happened)


def fate(event: ChangeFact) -> tuple[datetime | None, str | None]:
    """Since when the change is in place, or in words why it is not and will not be; neither while it is under way."""
    match event:
        case ChangeImplemented(ended_at=ended_at) | ChangeClosed(outcome="implemented", ended_at=ended_at):
            return ended_at, None
        case ChangeRejected(reason=reason):
            return None, f"was rejected: {reason}"
        case ChangeCancelled(reason=reason):
            return None, f"was withdrawn: {reason}"
        case ChangeFailed(note=note):
            return None, f"failed: {note}"
        case ChangeBackedOut(note=note):
            return None, f"was backed out: {note}"
        case ChangeClosed(outcome=outcome, note=note):
            return None, f"was closed as {outcome}: {note}"
    return None, None
