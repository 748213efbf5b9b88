"""Who approves which class, how many of them, in which order (CHG-4); and the rules by which an approval is refused."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.change.rules.risk import Name, Part

APPROVAL = "change/ApprovalPolicy"

# The names that refusals carry as `rule`.
REQUESTER = "requester-never-approves"
ROLE = "step-needs-its-role"
ORDER = "steps-in-order"
ONCE = "one-person-one-approval"
AFTERWARDS = "no-approval-after-the-fact"
DELEGATED = "delegation-in-force"
OWN = "own-request-only"
BACKOUT = "back-out-plan-by-class"
WINDOW_ORDER = "window-ends-after-it-starts"
WINDOW_FIRST = "window-before-approval"
IN_WINDOW = "start-in-the-approved-window"
FREEZE = "freeze"
COLLISION = "collisions-are-acknowledged"
EMERGENCY = "emergency-only"
PAPERWORK = "paperwork-before-the-end"
MODEL_ONLY = "standard-keeps-its-model"


class Step(Part):
    """So many different people of this role."""

    step: Name
    role: Name
    count: Annotated[int, Field(ge=1, le=20)] = 1


Steps = Annotated[tuple[Step, ...], Field(max_length=20)]


class ApprovalPolicy(Part):
    """The steps of each class, in their order. A standard change was approved with its model, so it may have none; an
    emergency has one named authoriser instead, and its paperwork is due within `paperwork_hours`."""

    classes: dict[Literal["standard", "normal", "major"], Steps]
    paperwork_hours: Annotated[float, Field(gt=0, le=1000)] = 24

    @model_validator(mode="after")
    def complete(self) -> "ApprovalPolicy":
        for name in ("normal", "major"):
            if not self.classes.get(name):
                raise ValueError(f"{name} changes need a step at least")
        for name, steps in self.classes.items():
            if len({each.step for each in steps}) != len(steps):
                raise ValueError(f"the steps of {name} changes have names of their own")
        return self

    def steps(self, change_class: str) -> tuple[Step, ...]:
        return self.classes.get(change_class, ())  # type: ignore[call-overload,no-any-return]  # any other has none


@dataclass(frozen=True, slots=True)
class Given:
    """An approval that counts: by whom, in whose place, for which step."""

    step: str
    by: str
    for_whom: str | None
    given_at: datetime
    note: str = ""

    @property
    def counted(self) -> str:
        """The person whose approval it is."""
        return self.for_whom or self.by


def missing(step: Step, given: Sequence[Given]) -> int:
    """How many people this step still asks for."""
    return max(step.count - sum(each.step == step.step for each in given), 0)


def awaited(steps: Sequence[Step], given: Sequence[Given]) -> Step | None:
    """The step whose turn it is: the first that is not complete."""
    return next((step for step in steps if missing(step, given)), None)


# In force until a policy is applied.
USUAL = ApprovalPolicy(
    classes={
        "standard": (),
        "normal": (Step(step="approval", role="approver"),),
        "major": (Step(step="change manager", role="change_manager"), Step(step="approval", role="approver")),
    }
)
