"""The impact of a failure, from the services that it reaches in the graph of configuration items (INC-3)."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

IMPACT = "incident/ImpactRule"
Degree = Annotated[int, Field(ge=1, le=3)]
# What nobody has said the criticality of counts as the lowest.
LOWEST = 3


class Step(BaseModel):
    """Holds where at least so many services of this criticality, or of a higher one (1 is the highest), are reached."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    impact: Degree
    criticality: Degree = LOWEST
    at_least: int = Field(1, ge=1, le=100_000)


class ImpactRule(BaseModel):
    """The first step that holds gives the impact; none of them: `otherwise`.

    Dependencies are followed for `depth` steps and to `most` items; a search that ends at a bound says so.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    steps: tuple[Step, ...] = Field(min_length=1, max_length=50)
    otherwise: Degree = LOWEST
    depth: int = Field(12, ge=1, le=50)
    most: int = Field(5000, ge=1, le=100_000)

    def judged(self, criticalities: Iterable[int | None]) -> tuple[int, str]:
        """The impact of a failure that reaches services of these criticalities, and why, in a sentence."""
        found = [each or LOWEST for each in criticalities]
        for step in self.steps:
            reached = sum(each <= step.criticality for each in found)
            if reached >= step.at_least:
                of = "" if step.criticality == LOWEST else f" of criticality {criticality(step.criticality)}"
                return step.impact, f"it reaches {counted(reached)}{of}; {step.at_least} or more: impact {step.impact}"
        return self.otherwise, f"it reaches {counted(len(found))}, for which no step asks more: impact {self.otherwise}"


def criticality(degree: int) -> str:
    return "1" if degree == 1 else f"1 to {degree}"


def counted(services: int) -> str:
    return {0: "no service", 1: "1 service"}.get(services, f"{services} services")


# In force until a rule is applied.
USUAL_IMPACT = ImpactRule(
    steps=(
        Step(impact=1, criticality=1),
        Step(impact=1, criticality=2, at_least=3),
        Step(impact=2, criticality=2),
        Step(impact=2, at_least=3),
    )
)
