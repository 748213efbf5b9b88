"""How often a customer is told how its incident stands, and when it is warned that the agreed time may not be kept."""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

INFORM = "incident/InformPolicy"
Minutes = Annotated[int, Field(ge=1, le=1_000_000)]


class InformPolicy(BaseModel):
    """`every_minutes` by priority; one that is not named has no timetable.

    `warn_from`: once this fraction of an agreed time is used up, the customer is to be told within
    `warn_within_minutes`; null: never. A breach is always beyond it.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    every_minutes: dict[Literal["1", "2", "3", "4", "5"], Minutes] = Field(default_factory=dict)
    warn_from: float | None = Field(0.75, gt=0, lt=1)
    warn_within_minutes: Minutes = 15

    @property
    def warn_within(self) -> timedelta:
        return timedelta(minutes=self.warn_within_minutes)

    def next(self, priority: int, now: datetime) -> datetime | None:
        minutes = self.every_minutes.get(str(priority))  # type: ignore[call-overload]
        return now + timedelta(minutes=minutes) if minutes else None

    def warns(self, fraction: float) -> bool:
        return self.warn_from is not None and fraction >= self.warn_from


# Until one is applied nobody has promised a timetable, so none can be missed.
UNDECLARED = InformPolicy(warn_from=None)
