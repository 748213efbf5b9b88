"""What the `spec` of the policy document `sla/Agreement` may say, with every fault named.

References to calendars are checked by `agreements.faults`, which knows both.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Literal

from pydantic import Field, model_validator

from services.sla.rules.calendar_spec import Name, Part, Text
from services.sla.rules.level_spec import LONGEST_LIMIT, Availability, Length, Level, RecordKind, Reviews, Share

Fact = Literal["opened", "taken_up", "waiting", "resumed", "resolved", "reopened", "closed"]
Status = Literal["new", "active", "waiting", "resolved"]
Measure = Literal["respond", "resolve", "close", "fulfil"]
OnChange = Literal["carry", "restart", "keep"]
OnVersion = Literal["pin", "follow"]
OnReopen = Literal["continue", "restart", "ignore"]
MEASURES: dict[str, tuple[str, str]] = {
    "respond": ("opened", "taken_up"),
    "resolve": ("opened", "resolved"),
    "close": ("opened", "closed"),
    "fulfil": ("opened", "resolved"),
}


class Pair(Part):
    """A measure of one's own: from the first `start` fact to the `stop` fact."""

    start: Fact
    stop: Fact

    @model_validator(mode="after")
    def _differ(self) -> "Pair":
        if self.start == self.stop:
            raise ValueError("start and stop are the same fact")
        if self.start == "closed":
            raise ValueError("nothing is measured from the closing on")
        return self


class Target(Part):
    """One promise: within `limits` (by priority, in working time of `calendar`) from the start to the stop fact.

    The clock pauses while the record waits for one of `pausing_reasons` or is in one of `pausing_states`.

    A target of an OLA or underpinning contract stands behind the same measure of the agreements that it `supports`, or
    that its own agreement does. Those that name the same `chain` work one after the other.
    """

    name: Name
    kinds: Annotated[tuple[RecordKind, ...], Field(min_length=1)] = ("incident",)
    measure: Measure | Pair
    limits: Annotated[dict[Annotated[int, Field(ge=1, le=5)], Length], Field(min_length=1)]
    calendar: Name
    pausing_reasons: tuple[Name, ...] = ()
    pausing_states: tuple[Status, ...] = ()
    warnings: Annotated[tuple[Annotated[Share, Field(gt=0, lt=1)], ...], Field(max_length=10)] = ()
    on_priority_change: OnChange = "carry"
    on_new_version: OnVersion = "pin"
    on_reopen: OnReopen = "continue"
    supports: tuple[Name, ...] = ()
    chain: Name | None = None

    @model_validator(mode="after")
    def _bounded(self) -> "Target":
        for priority, limit in self.limits.items():
            if not timedelta(0) < limit <= LONGEST_LIMIT:
                raise ValueError(f"the limit for priority {priority} is not above zero and at most ten years")
        if len(set(self.warnings)) != len(self.warnings):
            raise ValueError("a warning fraction is given twice")
        return self

    @property
    def key(self) -> str:
        """What the target measures, the same in every agreement: a measure's name or `start>stop`."""
        return self.measure if isinstance(self.measure, str) else f"{self.measure.start}>{self.measure.stop}"

    @property
    def facts(self) -> tuple[str, str]:
        """The kinds of the start and the stop fact."""
        return MEASURES[self.measure] if isinstance(self.measure, str) else (self.measure.start, self.measure.stop)


class Parties(Part):
    """Who receives the service and who provides it."""

    customer: Name
    provider: Name


class Signature(Part):
    """One side's consent."""

    party: Literal["customer", "provider"]
    name: Name
    date: date


class Period(Part):
    """From the first to the last day, both included, as UTC dates; without an end until it is replaced."""

    first: date = Field(alias="from")
    last: date | None = Field(default=None, alias="to")

    @model_validator(mode="after")
    def _ordered(self) -> "Period":
        if self.last is not None and self.last < self.first:
            raise ValueError("the period ends before it begins")
        return self

    def holds(self, instant: datetime) -> bool:
        """Whether the instant lies in the period."""
        return self.begins <= instant and (self.ends is None or instant < self.ends)

    @property
    def begins(self) -> datetime:
        return datetime.combine(self.first, time(), UTC)

    @property
    def ends(self) -> datetime | None:
        """The first instant after the period."""
        return None if self.last is None else datetime.combine(self.last + timedelta(days=1), time(), UTC)


class Contact(Part):
    """Whom to turn to at this level of escalation, 1 first."""

    level: Annotated[int, Field(ge=1, le=9)]
    name: Name
    role: Name | None = None
    reach: Text = ""


class Workload(Part):
    """How much the agreement covers, for instance at most 200 incidents a month; above it the targets are goals."""

    of: Name
    at_most: Annotated[int, Field(ge=1)]
    per: Literal["day", "week", "month", "quarter", "year"]


class AgreementSpec(Part):
    """An agreement as ISO/IEC 20000-2 6.1 lists its content.

    `customers` are the organisations and `services` the services that it applies to; an empty list means all. It is
    in force only with a signature of both parties.
    """

    kind: Literal["SLA", "OLA", "UC"]
    parties: Parties
    customers: tuple[Name, ...] = ()
    services: tuple[Name, ...] = ()
    period: Period
    service_hours: Name | None = None
    targets: Annotated[tuple[Target, ...], Field(max_length=200)] = ()
    service_levels: Annotated[tuple[Level, ...], Field(max_length=200)] = ()
    supports: tuple[Name, ...] = ()
    escalation: tuple[Contact, ...] = ()
    signatures: tuple[Signature, ...] = ()
    customer_duties: tuple[Text, ...] = ()
    workload_limits: tuple[Workload, ...] = ()
    charging_basis: Text = ""
    review_dates: tuple[date, ...] = ()
    reviews: Reviews | None = None
    description: Text = ""

    @model_validator(mode="after")
    def _unambiguous(self) -> "AgreementSpec":
        if not self.targets and not self.service_levels:
            raise ValueError("an agreement promises something: targets, service_levels or both")
        names = [each.name for each in (*self.targets, *self.service_levels)]
        if twice := {name for name in names if names.count(name) > 1}:
            raise ValueError(f"target name given twice: {', '.join(sorted(twice))}")
        promised: dict[tuple[str, str, int], str] = {}
        for target in self.targets:
            for promise in ((kind, target.key, priority) for kind in target.kinds for priority in target.limits):
                if promise in promised:
                    kind, key, priority = promise
                    raise ValueError(
                        f"targets {promised[promise]!r} and {target.name!r} both promise {key} "
                        f"of {kind}s with priority {priority}"
                    )
                promised[promise] = target.name
        for level in self.service_levels:
            if isinstance(level, Availability) and self.services and level.service not in self.services:
                raise ValueError(
                    f"service level {level.name!r} is about {level.service!r}, which is none of `services`"
                )
        if self.kind == "SLA" and (self.supports or any(each.supports or each.chain for each in self.targets)):
            raise ValueError("an SLA supports no other agreement; OLAs and underpinning contracts do")
        return self

    @property
    def signed(self) -> bool:
        """Whether both parties have signed."""
        return {each.party for each in self.signatures} == {"customer", "provider"}
