"""Priority from impact and urgency by a versioned matrix, and when silence closes a record."""

from datetime import timedelta
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Degree = Literal["1", "2", "3"]
Priority = Annotated[int, Field(ge=1, le=5)]
MATRIX = "incident/PriorityMatrix"
CLOSURE = "incident/ClosurePolicy"


class PriorityMatrix(BaseModel):
    """`matrix` maps impact, then urgency (1 is the highest) to a priority; all nine cells must be there."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    matrix: dict[Degree, dict[Degree, Priority]]

    @model_validator(mode="after")
    def complete(self) -> "PriorityMatrix":
        for impact in ("1", "2", "3"):
            for urgency in ("1", "2", "3"):
                if urgency not in self.matrix.get(impact, {}):
                    raise ValueError(f"no priority for impact {impact} and urgency {urgency}")
        return self

    def priority(self, impact: int, urgency: int) -> int:
        return self.matrix[str(impact)][str(urgency)]  # type: ignore[index]


class ClosurePolicy(BaseModel):
    """How long a resolved record waits for its user's word before silence closes it."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    silence_days: float = Field(5, gt=0, le=90)

    @property
    def silence(self) -> timedelta:
        return timedelta(days=self.silence_days)


# In force until a matrix is applied: the usual sum of impact and urgency.
USUAL = PriorityMatrix(
    matrix={"1": {"1": 1, "2": 2, "3": 3}, "2": {"1": 2, "2": 3, "3": 4}, "3": {"1": 3, "2": 4, "3": 5}}
)
