"""What a verb knows beside the record: the time, who acts, and the rules in force."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from services.incident.rules import UNDECLARED, ClosurePolicy, InformPolicy, PriorityMatrix
from services.incident.tables import Incident


@dataclass(frozen=True, slots=True)
class Named:
    """Another service's record that an order names by its id, as that service last told of it."""

    id: UUID
    number: str


@dataclass(frozen=True, slots=True)
class Desk:
    """`matrix_name` and `matrix_version` are None while no matrix was applied and the usual one counts.

    `named` is what is known of the record that the order names, where it names one of another service.
    """

    now: datetime
    actor: str
    customer: bool
    matrix: PriorityMatrix
    matrix_name: str | None
    matrix_version: int | None
    closure: ClosurePolicy = field(default_factory=ClosurePolicy)
    inform: InformPolicy = UNDECLARED
    named: Named | None = None

    @property
    def silence(self) -> timedelta:
        return self.closure.silence


def figures(incident: Incident) -> dict[str, Any]:
    """The record's key figures, which each of its events repeats."""
    return {
        "kind": incident.kind,
        "organisation": incident.organisation,
        "state": incident.state,
        "priority": incident.priority,
        "opened_at": incident.opened_at,
        "service": incident.service,
        "ci": incident.ci,
        "category": incident.category,
        "group": incident.group,
        "assignee": incident.assignee,
    }
