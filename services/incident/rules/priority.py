"""Priority from impact and urgency by a versioned matrix."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

Degree = Literal["1", "2", "3"]
Priority = Annotated[int, Field(ge=1, le=5)]
MATRIX = "incident/PriorityMatrix"


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


# In force until a matrix is applied: the usual sum of impact and urgency.
USUAL = PriorityMatrix(
    matrix={"1": {"1": 1, "2": 2, "3": 3}, "2": {"1": 2, "2": 3, "3": 4}, "3": {"1": 3, "2": 4, "3": 5}}
)
