"""The root cause: by which method it was found and what shows it, or who accepted that it stays unknown (PRB-3)."""

from contracts.envelope import Event
from contracts.problem import CauseIdentified
from services.problem.domain.desk import Desk, figures
from services.problem.domain.orders import IdentifyCause
from services.problem.lifecycle import LIFECYCLE, Action, State
from services.problem.tables import Problem
from shared.errors import Forbidden


def identify(problem: Problem, order: IdentifyCause, desk: Desk) -> list[Event]:
    """A later one replaces it. Whoever looked for the cause does not decide that it need not be found."""
    after = LIFECYCLE.after(State(problem.state), Action.IDENTIFY_CAUSE)
    if not order.known and desk.actor == problem.assignee:
        raise Forbidden(
            "that a cause stays unknown is accepted by somebody else than the problem's assignee",
            rule="unknown-cause-accepted-by-another",
        )
    problem.state = after
    accepted_by = None if order.known else desk.actor
    before = (problem.cause_known, problem.cause, problem.cause_code, problem.cause_method, problem.cause_accepted_by)
    said = (order.known, order.cause, order.cause_code, order.method, accepted_by)
    if before == said and problem.cause_evidence == list(order.evidence):
        return []
    problem.cause_known, problem.cause, problem.cause_code, problem.cause_method, problem.cause_accepted_by = said
    problem.cause_evidence = list(order.evidence)
    problem.cause_identified_at = desk.now
    return [
        CauseIdentified(
            **figures(problem),
            known=order.known,
            cause=order.cause,
            cause_code=order.cause_code,
            method=order.method,
            evidence=order.evidence,
            accepted_by=accepted_by,
        )
    ]
