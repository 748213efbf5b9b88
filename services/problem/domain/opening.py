"""Opening a problem: from incidents, from a trend, by a supplier's word or from a test (PRB-1)."""

from contracts.envelope import Event
from contracts.problem import ProblemOpened, ProblemPrioritised
from services.problem.domain.desk import Desk, figures
from services.problem.domain.orders import Open
from services.problem.lifecycle import State
from services.problem.tables import Problem
from shared.database.records import new


def open_problem(order: Open, desk: Desk) -> tuple[Problem, list[Event]]:
    """A new record; with its priority where frequency, impact and cost are known already."""
    problem = new(
        Problem,
        organisation=order.organisation,
        state=State.NEW,
        source=order.source,
        title=order.title,
        description=order.description,
        priority_overridden=False,
        service=order.service,
        ci=order.ci,
        category=order.category,
        group=order.group,
        assignee=order.assignee,
        incidents=list(dict.fromkeys(order.incidents)),
        unlinked=[],
        recurrences=0,
        opened_at=desk.now,
        reopen_count=0,
        reassignment_count=0,
        cause_evidence=[],
        review_reasons=[],
    )
    opened = ProblemOpened(
        **figures(problem),
        title=problem.title,
        description=problem.description,
        source=problem.source,
        incidents=tuple(problem.incidents),
    )
    if order.frequency is None or order.impact is None or order.cost is None:
        return problem, [opened]
    problem.frequency, problem.impact, problem.cost = order.frequency, order.impact, order.cost
    problem.priority = desk.rule.priority(order.frequency, order.impact, order.cost)
    prioritised = ProblemPrioritised(
        **figures(problem),
        frequency=problem.frequency,
        impact=problem.impact,
        cost=problem.cost,
        rule=desk.rule_name,
        rule_version=desk.rule_version,
    )
    return problem, [opened, prioritised]
