"""Priority by problem management's own rule: how often, how badly and how dearly a cause strikes (PRB-2)."""

from pydantic import BaseModel, ConfigDict, Field, model_validator

RULE = "problem/PriorityRule"
LARGEST = 3 * 3 * 3


class PriorityRule(BaseModel):
    """The product frequency × impact × cost, each 1 (highest) to 3, made a priority by its upper limits.

    `up_to[n]` is the largest product that still has priority n + 1; a product above all of them has priority 5. The
    product of three highest degrees is 1, of three lowest 27.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    up_to: tuple[int, int, int, int] = Field(description="the largest product of priority 1, 2, 3 and 4")

    @model_validator(mode="after")
    def ascending(self) -> "PriorityRule":
        if not all(0 <= limit <= LARGEST for limit in self.up_to):
            raise ValueError(f"every limit of up_to lies between 0 and {LARGEST}")
        if list(self.up_to) != sorted(self.up_to):
            raise ValueError("the limits of up_to ascend: a higher product is never more urgent")
        return self

    def priority(self, frequency: int, impact: int, cost: int) -> int:
        product = frequency * impact * cost
        return 1 + sum(product > limit for limit in self.up_to)


# In force until a rule is applied. Priority 1 needs the highest degree twice and no worse than the middle one beside.
USUAL = PriorityRule(up_to=(2, 4, 9, 18))
