"""The verbs of a problem. Each changes the record and returns what is now true; VERBS is all of them, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.envelope import Event
from services.problem.domain import causes, details, effects, progress, proof
from services.problem.domain.desk import Desk, with_status
from services.problem.domain.opening import open_problem
from services.problem.domain.orders import (
    Assign,
    Cancel,
    Classify,
    Close,
    Comment,
    Edit,
    IdentifyCause,
    Link,
    Open,
    Order,
    Prioritise,
    ProposeImprovement,
    Reopen,
    RequestChange,
    Resolve,
    Resume,
    Review,
    Start,
    Unlink,
    Wait,
    Workaround,
)
from services.problem.lifecycle import Action
from services.problem.tables import Problem

__all__ = ["VERBS", "Desk", "Open", "Order", "Verb", "decide", "open_problem"]


@dataclass(frozen=True, slots=True)
class Verb:
    """What an order of this class does to a problem, in a sentence for the API's pages."""

    order: type[Order]
    act: Callable[[Problem, Any, Desk], list[Event]]
    summary: str


VERBS: Mapping[Action, Verb] = {
    Action.ASSIGN: Verb(Assign, details.assign, "Give it to a support group, a person, or both"),
    Action.START: Verb(Start, progress.start, "Investigate: somebody looks for the cause now"),
    Action.WAIT: Verb(Wait, progress.wait, "Wait for a change, a vendor or evidence"),
    Action.RESUME: Verb(Resume, progress.resume, "What was waited for has come"),
    Action.REQUEST_CHANGE: Verb(RequestChange, progress.request_change, "Ask for a change that removes the cause"),
    Action.RESOLVE: Verb(Resolve, progress.resolve, "The cause is removed; that incidents stop is still to be proved"),
    Action.CLOSE: Verb(Close, progress.close, "It is proved: the cause is known and incidents stopped"),
    Action.REOPEN: Verb(Reopen, progress.reopen, "The cause was not removed after all"),
    Action.CANCEL: Verb(Cancel, progress.cancel, "Withdraw it: there is no problem here, or another record has it"),
    Action.PRIORITISE: Verb(
        Prioritise, details.prioritise, "Frequency, impact and cost anew; the rule gives the priority"
    ),
    Action.CLASSIFY: Verb(Classify, details.classify, "Say which service, configuration item and category it is about"),
    Action.LINK: Verb(Link, effects.link, "An incident is an effect of it"),
    Action.UNLINK: Verb(Unlink, effects.unlink, "An incident turned out to have another cause"),
    Action.WORKAROUND: Verb(Workaround, details.record_workaround, "Say how to restore the service meanwhile"),
    Action.IDENTIFY_CAUSE: Verb(
        IdentifyCause, causes.identify, "State the root cause with method and evidence, or accept that it stays unknown"
    ),
    Action.REVIEW: Verb(Review, proof.review, "Look back: what is learned, which chances were missed, who is trained"),
    Action.PROPOSE_IMPROVEMENT: Verb(
        ProposeImprovement, proof.propose_improvement, "Say what should be better; the management system decides"
    ),
    Action.COMMENT: Verb(Comment, details.comment, "Write on it"),
    Action.EDIT: Verb(Edit, details.edit, "Correct the title or description"),
}


def decide(verb: Verb, problem: Problem, order: Order, desk: Desk) -> list[Event]:
    """Do it, and say how the problem stands where that is another way then."""
    state, workaround = problem.state, problem.workaround
    return with_status(problem, state, workaround, verb.act(problem, order, desk))
