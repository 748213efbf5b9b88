"""Findings of trends: what is kept and told of each, and the problem that is opened from one (PRB-6)."""

from datetime import datetime
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.envelope import Event
from contracts.trend import Dimension, TrendDetected
from services.problem.domain.desk import Desk
from services.problem.domain.opening import open_problem
from services.problem.domain.orders import Open, OpenFromTrend
from services.problem.rules.trends import Finding, TrendRule
from services.problem.tables import Problem, Trend
from shared.errors import Conflict

# As many as a problem can be opened with; `count` says how many there are.
NAMED = 500


def found(
    dimension: Dimension,
    finding: Finding,
    incidents: list[UUID],
    comparisons: int,
    rule: tuple[TrendRule, str | None, int | None],
    until: datetime,
    now: datetime,
) -> tuple[Trend, TrendDetected]:
    """A finding as it is kept and as it is told. `rule` with its name and version, None while none was applied."""
    spec, name, version = rule
    said: dict[str, Any] = {
        "dimension": dimension,
        "value": finding.value,
        "days": spec.days,
        "until": until,
        "count": finding.count,
        "expected": finding.expected,
        "probability": finding.probability,
        "threshold": spec.threshold,
        "comparisons": comparisons,
        "rule": name,
        "rule_version": version,
    }
    trend = Trend(id=uuid7(), **said, incidents=incidents, found_at=now, problem=None)
    return trend, TrendDetected(**said, incidents=tuple(incidents))


def open_from(trend: Trend, order: OpenFromTrend, desk: Desk) -> tuple[Problem, list[Event]]:
    """A problem about what was found, behind its incidents; one finding opens one."""
    if trend.problem is not None:
        raise Conflict("a problem was opened from it already", allowed=(), problem=str(trend.problem))
    about = {trend.dimension: trend.value}
    opened = Open(
        title=order.title or f"More incidents than usual: {trend.dimension} {trend.value}"[:300],
        description=order.description or in_words(trend),
        source="trend",
        incidents=tuple(trend.incidents),
        group=order.group,
        assignee=order.assignee,
        **about,
    )
    problem, events = open_problem(opened, desk)
    trend.problem = problem.id
    return problem, events


def in_words(trend: Trend) -> str:
    return (
        f"{trend.count} incidents in the {trend.days} days up to {trend.until.isoformat()}, where {trend.expected:.1f} "
        f"were usual; by chance that has a probability of {trend.probability:.2g}. {trend.comparisons} items, services "
        "and categories were looked at together."
    )
