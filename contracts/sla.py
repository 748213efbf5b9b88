"""Topic `steward.sla`: services, calendars, agreements and the clocks judged by them, ISO/IEC 20000-2 6.1.

Measurements over periods are in `contracts.measurement`, reviews and what they agree on in `contracts.service_review`.

Clock events are keyed by clock id and repeat the clock as it is after the event (`ClockFact`). The message's time is
the instant at which it became true, not the one at which somebody looked. Working time is counted in microseconds.
"""

from datetime import date
from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.envelope import Event
from contracts.terms import Degree, Name, Number, Priority, Text, Title, Version

TOPIC = "steward.sla"
Microseconds = Annotated[int, Field(ge=0)]
Fraction = Annotated[float, Field(gt=0, lt=1)]
LocalTime = Annotated[str, Field(pattern=r"^([01][0-9]|2[0-3]):[0-5][0-9]$|^24:00$")]
Weekday = Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]
ClockState = Literal["running", "paused", "stopped", "cancelled"]
Outcome = Literal["pending", "met", "missed"]
LevelMeasure = Literal["availability", "throughput", "closed_within"]
OnChange = Literal["carry", "restart", "keep"]
OnVersion = Literal["pin", "follow"]
OnReopen = Literal["continue", "restart", "ignore"]


class Part(BaseModel):
    """A part of an event's body."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Span(Part):
    """Open from `opens` to `closes` in local time, half open. Not after `opens`: over midnight, into the next day."""

    opens: LocalTime
    closes: LocalTime


class ExceptionalDay(Part):
    """A date whose spans replace those of its weekday and any holiday; none: closed."""

    day: date
    spans: tuple[Span, ...] = ()


class CalendarVersioned(Event):
    """A calendar has a new version, which counts from `effective_from` on. No version is ever edited."""

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "calendar.versioned"

    calendar: Name
    calendar_version: Version
    effective_from: AwareDatetime
    zone: Name
    weekly: dict[Weekday, tuple[Span, ...]]
    country: Name | None = None
    subdivision: Name | None = None
    holidays: tuple[date, ...] = ()
    exceptions: tuple[ExceptionalDay, ...] = ()


class ServicePublished(Event):
    """A version of a service's entry in the catalogue counts from `effective_from` on. No version is ever edited.

    `customers` are the organisations it is offered to; none: all. `hours` and `support_hours` name calendars.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "service.published"

    service: Name
    service_version: Version
    effective_from: AwareDatetime
    title: Title
    state: Literal["proposed", "live", "retired"]
    owner: Name
    criticality: Degree
    customers: tuple[Name, ...] = ()
    hours: Name | None = None
    support_hours: Name | None = None
    description: Text = ""


class TargetTerms(Part):
    """One promise: what is measured, from which fact to which, within how much working time of which calendar."""

    target: Name
    record_kind: Name
    measure: Name
    starts: Name
    stops: Name
    limits: dict[str, Microseconds]
    calendar: Name
    calendar_version: Version | None = None
    pauses: tuple[Name, ...] = ()
    warnings: tuple[Fraction, ...] = ()
    on_change: OnChange = "carry"
    on_version: OnVersion = "pin"
    on_reopen: OnReopen = "continue"


class LevelTerms(Part):
    """One promise about a month as a whole. `at_least` is a percentage, or a number of records for a throughput."""

    level: Name
    measure: LevelMeasure
    calendar: Name
    at_least: float = Field(ge=0)
    service: Name | None = None
    record_kinds: tuple[Name, ...] = ()
    within_microseconds: Microseconds | None = None


class AgreementActivated(Event):
    """A version of an agreement binds its parties from `effective_from` on. Records of its services get its clocks.

    The limits of a target are by priority, "1" to "5", in microseconds.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "agreement.activated"

    agreement: Name
    agreement_version: Version
    kind: Literal["sla", "ola", "underpinning"]
    effective_from: AwareDatetime
    until: AwareDatetime | None = None
    parties: tuple[Name, ...] = ()
    services: tuple[Name, ...] = ()
    targets: tuple[TargetTerms, ...] = ()
    levels: tuple[LevelTerms, ...] = ()
    supports: tuple[Name, ...] = ()


class SupportingTarget(Part):
    """A target of an OLA or underpinning contract, with its limit for the priority in question."""

    agreement: Name
    agreement_version: Version
    target: Name
    calendar: Name
    limit_microseconds: Microseconds


class ChainUnsupported(Event):
    """A limit promised to a customer can be missed while everybody behind it keeps theirs: nothing supports it.

    `worst_microseconds` is the working time of the promise's own calendar that passes before the last of `supports`,
    one after the other, is late, for a record that begins at `begins_at`; none: that never happens. So it is from
    `from_at` until `until`, when another version of one of them takes effect.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "chain.unsupported"

    agreement: Name
    agreement_version: Version
    target: Name
    measure: Name
    priority: Priority
    limit_microseconds: Microseconds
    supports: tuple[SupportingTarget, ...] = Field(min_length=1)
    worst_microseconds: Microseconds | None = None
    begins_at: AwareDatetime
    from_at: AwareDatetime
    until: AwareDatetime | None = None


class ClockFact(Event):
    """What every event of a clock carries: the clock after the event. Not an event itself.

    `record` is the id of what is measured. `due_at` and `late_from` are empty while it is paused or stopped.
    """

    topic: ClassVar[str] = TOPIC

    record: UUID
    record_number: Number
    record_kind: Name
    organisation: Name | None = None
    priority: Priority
    service: Name | None = None
    group: Name | None = None
    assignee: Name | None = None
    agreement: Name
    agreement_version: Version
    calendar: Name
    calendar_version: Version
    target: Name
    measure: Name
    state: ClockState
    outcome: Outcome
    started_at: AwareDatetime
    limit_microseconds: Microseconds
    elapsed_microseconds: Microseconds
    due_at: AwareDatetime | None = None
    late_from: AwareDatetime | None = None


class ClockStarted(ClockFact):
    """The target's start fact happened: from now on working time counts. The desk shows `due_at`."""

    name: ClassVar[str] = "clock.started"


class ClockPaused(ClockFact):
    """The record waits for a reason that the agreement does not count against the provider."""

    name: ClassVar[str] = "clock.paused"

    reason: Name


class ClockResumed(ClockFact):
    """Working time counts again; `due_at` has moved by what was paused in opening hours."""

    name: ClassVar[str] = "clock.resumed"

    paused_at: AwareDatetime


class ClockWarned(ClockFact):
    """`fraction` of the limit is used up and the target is still open. The desk can act before it is late."""

    name: ClassVar[str] = "clock.warned"

    fraction: Fraction
    to: Literal["owner", "manager"] = "owner"


class ClockBreached(ClockFact):
    """The limit is exceeded: the target is missed, unless a later change of priority or agreement gives a longer one.

    The desk escalates. Metrics count the outcome once the clock has stopped.
    """

    name: ClassVar[str] = "clock.breached"

    breached_at: AwareDatetime
    reason: Literal["time", "retargeted"] = "time"


class ClockStopped(ClockFact):
    """The target's stop fact happened. The outcome is final unless the record is reopened; metrics count it."""

    name: ClassVar[str] = "clock.stopped"

    stopped_at: AwareDatetime
    breached_at: AwareDatetime | None = None


class ClockRetargeted(ClockFact):
    """Priority, service, agreement or calendar is another one in mid-flight, and `rule` said what that means."""

    name: ClassVar[str] = "clock.retargeted"

    cause: Literal["priority", "service", "agreement", "calendar"]
    rule: Literal["carry", "restart", "keep", "follow"]
    previous_priority: Priority
    previous_agreement: Name
    previous_agreement_version: Version
    previous_calendar: Name
    previous_calendar_version: Version
    previous_limit_microseconds: Microseconds
    previous_due_at: AwareDatetime | None = None


class ClockReopened(ClockFact):
    """The record was reopened after the stop fact. A met outcome is pending again; a missed one stays missed."""

    name: ClassVar[str] = "clock.reopened"

    rule: Literal["continue", "restart"]
    previous_outcome: Outcome
    stopped_at: AwareDatetime


class ClockCancelled(ClockFact):
    """Nothing is measured any more and there is no outcome. Metrics leave it out."""

    name: ClassVar[str] = "clock.cancelled"

    reason: Literal["withdrawn", "duplicate", "retargeted"]
