"""What a verb knows beside the record: the time, who acts, and the rules in force."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from services.incident.rules import PriorityMatrix
from services.incident.tables import Incident


@dataclass(frozen=True, slots=True)
class Desk:
    """`matrix_name` and `matrix_version` are None while no matrix was applied and the usual one counts."""

    now: datetime
    actor: str
    customer: bool
    matrix: PriorityMatrix
    matrix_name: str | None
    matrix_version: int | None
    silence: timedelta


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
