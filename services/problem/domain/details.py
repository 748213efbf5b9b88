"""What changes on a record without moving it: who has it, how much it matters, what it is about, a way round."""

from contracts.envelope import Event
from contracts.problem import (
    ProblemAssigned,
    ProblemCommented,
    ProblemEdited,
    ProblemPrioritised,
    WorkaroundRecorded,
)
from contracts.terms import Change
from services.problem.domain.desk import Desk, figures
from services.problem.domain.orders import Assign, Classify, Comment, Edit, Prioritise, Workaround
from services.problem.domain.progress import move, reclassified
from services.problem.lifecycle import Action
from services.problem.tables import Problem
from shared.errors import Invalid


def assign(problem: Problem, order: Assign, desk: Desk) -> list[Event]:
    move(problem, Action.ASSIGN)
    before = (problem.group, problem.assignee)
    sent = order.model_fields_set
    problem.group = order.group if "group" in sent else problem.group
    problem.assignee = order.assignee if "assignee" in sent else problem.assignee
    if (problem.group, problem.assignee) == before:
        return []
    # What is counted is work that changed hands: a first assignment, or a person within the same group, is not.
    reassignment = before[0] is not None and problem.group != before[0]
    problem.reassignment_count += reassignment
    return [
        ProblemAssigned(
            **figures(problem),
            previous_group=before[0],
            previous_assignee=before[1],
            reason=order.reason,
            reassignment=reassignment,
        )
    ]


def prioritise(problem: Problem, order: Prioritise, desk: Desk) -> list[Event]:
    move(problem, Action.PRIORITISE)
    computed = desk.rule.priority(order.frequency, order.impact, order.cost)
    overridden = order.priority is not None and order.priority != computed
    if overridden and not order.reason:
        raise Invalid.field("reason", f"the rule gives priority {computed}; say why it is to be {order.priority}")
    priority = order.priority if order.priority is not None else computed
    before = (problem.frequency, problem.impact, problem.cost, problem.priority, problem.priority_overridden)
    if before == (order.frequency, order.impact, order.cost, priority, overridden):
        return []
    previous = problem.priority
    problem.frequency, problem.impact, problem.cost = order.frequency, order.impact, order.cost
    problem.priority, problem.priority_overridden = priority, overridden
    return [
        ProblemPrioritised(
            **figures(problem),
            frequency=order.frequency,
            impact=order.impact,
            cost=order.cost,
            previous_priority=previous,
            overridden=overridden,
            reason=order.reason,
            rule=desk.rule_name,
            rule_version=desk.rule_version,
        )
    ]


def classify(problem: Problem, order: Classify, desk: Desk) -> list[Event]:
    move(problem, Action.CLASSIFY)
    return reclassified(problem, {name: getattr(order, name) for name in order.model_fields_set})


def record_workaround(problem: Problem, order: Workaround, desk: Desk) -> list[Event]:
    move(problem, Action.WORKAROUND)
    if problem.workaround == order.text:
        return []
    problem.workaround, problem.workaround_at = order.text, desk.now
    return [
        WorkaroundRecorded(
            **figures(problem), title=problem.title, workaround=order.text, incidents=tuple(problem.incidents)
        )
    ]


def comment(problem: Problem, order: Comment, desk: Desk) -> list[Event]:
    move(problem, Action.COMMENT)
    return [ProblemCommented(**figures(problem), text=order.text, internal=order.internal)]


def edit(problem: Problem, order: Edit, desk: Desk) -> list[Event]:
    move(problem, Action.EDIT)
    changes: dict[str, Change] = {}
    for name in sorted(order.model_fields_set):
        before, after = getattr(problem, name), getattr(order, name)
        if after is None:
            raise Invalid.field(name, "this cannot be taken away")
        if before != after:
            changes[name] = Change(before=before, after=after)
            setattr(problem, name, after)
    return [ProblemEdited(**figures(problem), changes=changes)] if changes else []
