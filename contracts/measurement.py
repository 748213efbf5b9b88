"""Topic `steward.sla`, keyed by measurement id: what agreements promise of a month, measured, ISO/IEC 20000-2 6.1."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.envelope import Event
from contracts.sla import LevelMeasure, Microseconds
from contracts.terms import Name, Number, Version


class MeasurementFact(Event):
    """What every event of a measurement carries: the measurement after the event. Not an event itself.

    `value` and `at_least` are percentages, or numbers of records for a throughput; without a value nothing was to be
    measured, and the level is met. An availability has service time in microseconds: what was agreed, what was lost of
    it, and the budget: how much more (or, below zero, how much less) could have been lost. The others have `counted`
    records of `records`. The measurement's number, for instance MSR-7, is the message's subject.
    """

    topic: ClassVar[str] = "steward.sla"

    agreement: Name
    agreement_version: Version
    level: Name
    measure: LevelMeasure
    service: Name | None = None
    period: str = Field(pattern=r"^[0-9]{4}-[0-9]{2}$")
    begins_at: AwareDatetime
    ends_at: AwareDatetime
    outcome: Literal["met", "missed"]
    at_least: float
    value: float | None = None
    agreed_microseconds: Microseconds | None = None
    lost_microseconds: Microseconds | None = None
    budget_microseconds: int | None = None
    records: int | None = Field(default=None, ge=0)
    counted: int | None = Field(default=None, ge=0)


class MeasurementFinalised(MeasurementFact):
    """A period is over and this is what it came to. `replaces` is the measurement that a late correction made wrong."""

    name: ClassVar[str] = "measurement.finalised"

    replaces: UUID | None = None
    replaces_number: Number | None = None


class MeasurementReplaced(MeasurementFact):
    """What this measurement was made from was corrected later; `by` is the one that counts."""

    name: ClassVar[str] = "measurement.replaced"

    by: UUID
