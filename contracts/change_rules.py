"""Topic `steward.change`: the rules that changes obey, as they are applied, and who approves for whom."""

from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.change import TOPIC, Class
from contracts.envelope import Event
from contracts.terms import Name, Text, Title, Version

Minutes = Annotated[int, Field(ge=0, le=1_000_000)]


class DelegationFact(Event):
    """Somebody's approvals may be given by another person between two instants, half open. Not an event itself.

    `roles` are those that the approver had when it was granted: the delegate approves with these and no others.
    """

    topic: ClassVar[str] = TOPIC

    approver: Name
    delegate: Name
    begins: AwareDatetime
    ends: AwareDatetime
    roles: tuple[Name, ...] = ()


class DelegationGranted(DelegationFact):
    """The delegate may approve in the approver's place, but for requests of either of them."""

    name: ClassVar[str] = "delegation.granted"


class DelegationEnded(DelegationFact):
    """The delegation was taken back before its end; `ends` is when."""

    name: ClassVar[str] = "delegation.ended"


class ApprovalStep(BaseModel):
    """One step of an approval policy: so many different people of this role."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    step: Name
    role: Name
    count: int = Field(ge=1, le=20)


class ApprovalPolicyPublished(Event):
    """A version of an approval policy was applied: who approves changes of which class, how many, in which order.

    An emergency has no steps: one named person authorises it, and its paperwork is due within `paperwork_hours`.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "approval_policy.published"

    policy: Name
    policy_version: Version
    effective_from: AwareDatetime
    classes: dict[Class, tuple[ApprovalStep, ...]]
    paperwork_hours: float = Field(default=24, gt=0)


class RiskOption(BaseModel):
    """One answer that a question of the risk rule takes, and its points."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    answer: Name
    points: int


class RiskQuestion(BaseModel):
    """One question of the risk rule."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: Name
    text: Title
    options: tuple[RiskOption, ...] = Field(min_length=2)


class RiskRulePublished(Event):
    """A version of the risk rule was applied: the sum of the answers' points gives risk and class.

    From `medium_from` points on the risk is medium, from `high_from` on high; a high risk makes a change a major one.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "risk_rule.published"

    rule: Name
    rule_version: Version
    effective_from: AwareDatetime
    questions: tuple[RiskQuestion, ...]
    medium_from: int
    high_from: int


class ChangeModelPublished(Event):
    """A model of a standard change was approved once for all: changes of this kind need no approval of their own."""

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "change_model.published"

    model: Name
    model_version: Version
    effective_from: AwareDatetime
    title: Title
    plan: Text
    backout: Text
    minutes: Minutes
    remedy: Text = ""
    backout_minutes: Minutes = 0
    backout_tested: bool = False


class FreezePublished(Event):
    """A version of a freeze was applied: between two instants no change but emergencies is planned on what it covers.

    Without `services` and `items` it covers everything.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "freeze.published"

    freeze: Name
    freeze_version: Version
    effective_from: AwareDatetime
    begins: AwareDatetime
    ends: AwareDatetime
    services: tuple[Name, ...] = ()
    items: tuple[Name, ...] = ()
    reason: Text = ""


class ChangeWindowPublished(Event):
    """A version of an agreed change window was applied: when in the week what it covers may be changed.

    `weekly` has the spans of each day in local time of `zone`, for instance 22:00-04:00; one over midnight belongs to
    the day that it begins on.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "change_window.published"

    window: Name
    window_version: Version
    effective_from: AwareDatetime
    zone: Name
    weekly: dict[str, tuple[str, ...]]
    services: tuple[Name, ...] = ()
    items: tuple[Name, ...] = ()
