"""What a verb knows beside the record: the time, who acts, the rule in force, and incidents' numbers."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from services.problem.rules import PriorityRule
from services.problem.tables import Problem


@dataclass(frozen=True, slots=True)
class Desk:
    """`rule_name` and `rule_version` are None while no rule was applied and the usual one counts.

    `numbers` has the number of each incident that an order mentions, as far as it is known here.
    """

    now: datetime
    actor: str
    rule: PriorityRule
    rule_name: str | None = None
    rule_version: int | None = None
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
    }
