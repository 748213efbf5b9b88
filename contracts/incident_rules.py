"""Topic `steward.incident`: the rules of the incident desk, as they are applied."""

from typing import Annotated, ClassVar

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.envelope import Event
from contracts.terms import Degree, Name, Priority, Text, Version

TOPIC = "steward.incident"
Minutes = Annotated[int, Field(ge=1, le=1_000_000)]


class ImpactStep(BaseModel):
    """`impact` is proposed where a failure reaches so many services of this criticality, or of a higher one."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    impact: Degree
    criticality: Degree
    at_least: int = Field(ge=1)


class ImpactRulePublished(Event):
    """A version of an impact rule was applied: which impact is proposed for a failure, by the services it reaches.

    The first of `steps` that holds gives it; none of them: `otherwise`.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "impact_rule.published"

    rule: Name
    rule_version: Version
    effective_from: AwareDatetime
    steps: tuple[ImpactStep, ...]
    otherwise: Degree


class InformPolicyPublished(Event):
    """A version of an inform policy was applied: how often a customer is told how its incident stands, by priority.

    From the fraction `warn_from` of an agreed time on the customer is to be told within `warn_within_minutes`; without
    it, never.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "inform_policy.published"

    policy: Name
    policy_version: Version
    effective_from: AwareDatetime
    every_minutes: dict[str, Minutes]
    warn_from: float | None = None
    warn_within_minutes: Minutes = 15


class MajorIncidentPolicyPublished(Event):
    """A version of a major incident policy was applied: its criteria, and how often those concerned are told.

    A major incident can be declared under one of `criteria` only; they map a name to what it says.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "major_incident_policy.published"

    policy: Name
    policy_version: Version
    effective_from: AwareDatetime
    criteria: dict[str, Text]
    update_every_minutes: Minutes


class ChangeCausePolicyPublished(Event):
    """A version of a change cause policy was applied: a change so recently active is proposed as an incident's cause.

    At most `most` of them, the nearest first.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "change_cause_policy.published"

    policy: Name
    policy_version: Version
    effective_from: AwareDatetime
    within_hours: float = Field(gt=0)
    most: int = Field(ge=0)


class MatrixCell(BaseModel):
    """The priority of one impact and urgency."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    impact: Degree
    urgency: Degree
    priority: Priority


class PriorityMatrixPublished(Event):
    """A version of a priority matrix was applied; it counts for what is prioritised from `effective_from` on."""

    topic: ClassVar[str] = "steward.incident"
    name: ClassVar[str] = "priority_matrix.published"

    matrix: Name
    matrix_version: Version
    effective_from: AwareDatetime
    cells: tuple[MatrixCell, ...] = Field(min_length=9, max_length=9)


class ClosurePolicyPublished(Event):
    """A version of a closure policy was applied: how long a resolved record waits for its user's word.

    It counts for what is resolved from `effective_from` on; silence for `silence_days` closes such a record.
    `cause_codes` are those that a resolution may have; none: any.
    """

    topic: ClassVar[str] = "steward.incident"
    name: ClassVar[str] = "closure_policy.published"

    policy: Name
    policy_version: Version
    effective_from: AwareDatetime
    silence_days: float = Field(gt=0)
    cause_codes: tuple[Name, ...] = ()
    cause_code_required: bool = False
