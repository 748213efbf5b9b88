"""Whether a fix helped, and which problems are to be looked back on (PRB-9, PRB-7): two rules as data."""

from datetime import datetime, timedelta
from math import comb
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

EVALUATION = "problem/EvaluationRule"
REVIEW = "problem/ReviewRule"
Verdict = Literal["effective", "ineffective", "undecided"]


class EvaluationRule(BaseModel):
    """How a fix is judged by the incidents of as long a time before it and after it.

    With b before and a after:
    effective where b ≥ `minimum_before` and a ≤ `effective_up_to` × b;
    ineffective where a > 0 and a ≥ `ineffective_from` × b;
    undecided otherwise: too little struck before to see that it stopped, or some of it is left.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(default=28, ge=1, le=366, description="how long before and after the fix is counted")
    minimum_before: int = Field(default=3, ge=1, description="with fewer before, that none came after says nothing")
    effective_up_to: float = Field(default=0.25, ge=0, lt=1, description="the share that may be left")
    ineffective_from: float = Field(default=0.75, gt=0, le=10, description="from this share on nothing was gained")
    reopens: bool = Field(default=False, description="whether an ineffective fix reopens its problem by itself")

    @model_validator(mode="after")
    def apart(self) -> "EvaluationRule":
        if self.effective_up_to >= self.ineffective_from:
            raise ValueError("effective_up_to is less than ineffective_from: no share is both")
        return self

    def verdict(self, before: int, after: int) -> Verdict:
        if before >= self.minimum_before and after <= self.effective_up_to * before:
            return "effective"
        if after > 0 and after >= self.ineffective_from * before:
            return "ineffective"
        return "undecided"


def chance(before: int, after: int) -> float:
    """The probability that of `before` + `after` incidents so few or fewer fall into the second of two equally long
    times, if each falls into either alike."""
    total = before + after
    return float(sum(comb(total, count) for count in range(after + 1)) / 2**total)


class ReviewRule(BaseModel):
    """Which problems are looked back on when they are closed: each condition that is given is enough."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    priorities: tuple[Annotated[int, Field(ge=1, le=5)], ...] = Field(default=(), description="costly by priority")
    reopened: int | None = Field(default=None, ge=1, description="unusual: reopened so often")
    recurrences: int | None = Field(default=None, ge=1, description="costly: its incidents closed so often")
    age_days: int | None = Field(default=None, ge=1, description="late: so many days from opening to closing")

    def reasons(
        self, priority: int | None, reopened: int, recurrences: int, opened_at: datetime, closed_at: datetime
    ) -> list[str]:
        """Which conditions a problem meets, by the names of their fields."""
        met = {
            "priorities": priority in self.priorities,
            "reopened": self.reopened is not None and reopened >= self.reopened,
            "recurrences": self.recurrences is not None and recurrences >= self.recurrences,
            "age_days": self.age_days is not None and closed_at - opened_at >= timedelta(days=self.age_days),
        }
        return [name for name, holds in met.items() if holds]


# In force until rules are applied.
USUAL_EVALUATION = EvaluationRule()
USUAL_REVIEW = ReviewRule(priorities=(1,), reopened=1, recurrences=10, age_days=180)
