"""What a verb knows beside the record: the time, who acts, the rules in force, and incidents' numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.envelope import Event
from contracts.problem import ProblemStatusChanged
from services.problem.rules import PriorityRule
from services.problem.rules.proof import USUAL_REVIEW, ReviewRule
from services.problem.tables import Problem


@dataclass(frozen=True, slots=True)
class Desk:
    """`rule_name` and `rule_version` are None while no rule was applied and the usual one counts.

    `review` says which problems are looked back on. `numbers` has the number of each incident that an order mentions,
    as far as it is known here.
    """

    now: datetime
    actor: str
    rule: PriorityRule
    rule_name: str | None = None
    rule_version: int | None = None
    review: ReviewRule = USUAL_REVIEW
    numbers: Mapping[UUID, str] = field(default_factory=dict)


def figures(problem: Problem) -> dict[str, Any]:
    """The record's key figures, which each of its events repeats."""
    return {
        "state": problem.state,
        "opened_at": problem.opened_at,
        "priority": problem.priority,
        "organisation": problem.organisation,
        "service": problem.service,
        "ci": problem.ci,
        "category": problem.category,
        "group": problem.group,
        "assignee": problem.assignee,
        "change": problem.change,
    }


def with_status(problem: Problem, state: str, workaround: str | None, events: list[Event]) -> list[Event]:
    """These events of a problem; where its state or workaround was another one before them, incident staff are told,
    unasked (PRB-8)."""
    if (problem.state, problem.workaround) == (state, workaround):
        return events
    status = ProblemStatusChanged(
        **figures(problem),
        title=problem.title,
        previous_state=state if state != problem.state else None,
        workaround=problem.workaround,
        incidents=tuple(problem.incidents),
    )
    return [*events, status]
