"""Topic `steward.problem`, keyed by finding: that incidents become more than chance explains, ISO/IEC 20000-2 8.3."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.envelope import Event
from contracts.terms import Name, Version

Dimension = Literal["ci", "service", "category"]


class TrendDetected(Event):
    """Incidents of one item, service or category are more than chance explains, by a stated threshold.

    In the `days` up to `until` there were `count`, where as long a time before had `expected` on average. `probability`
    is that of so many or more by chance, below the rule's `threshold`. Each finding is a fact of its own. `incidents`
    are the latest of them, at most 500.

    `comparisons` is how many items, services and categories were looked at together: about threshold × comparisons of
    them are found by chance alone.
    """

    topic: ClassVar[str] = "steward.problem"
    name: ClassVar[str] = "trend.detected"

    dimension: Dimension
    value: Name
    days: int = Field(ge=1)
    until: AwareDatetime
    count: int = Field(ge=1)
    expected: float = Field(ge=0)
    probability: float = Field(ge=0, le=1)
    threshold: float = Field(gt=0, lt=1)
    rule: Name | None = None
    rule_version: Version | None = None
    incidents: tuple[UUID, ...] = ()
    comparisons: int | None = Field(default=None, ge=1)
