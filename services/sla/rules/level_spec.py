"""Promises about a month as a whole, as an agreement writes them: availability, throughput, a share closed in time.

A month is that of the calendar's zone. The words and bounds of each are checked here; `periods` says which month is
measured by which version, `availability` and `throughput` what it comes to.
"""

from datetime import date, timedelta
from fractions import Fraction
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, PlainSerializer

from services.sla.rules.calendar_spec import Name, Part
from services.sla.rules.durations import duration_text, parse_duration

LONGEST_LIMIT = timedelta(days=3660)


def _length(written: object) -> timedelta:
    if isinstance(written, timedelta):
        return written
    if not isinstance(written, str):
        raise ValueError(f"{written!r} has no unit; write a text such as 6h24m or PT6H24M")  # noqa: TRY004 - pydantic
    return parse_duration(written)


def _fraction(written: object) -> Fraction:
    if isinstance(written, bool) or not isinstance(written, str | int | float | Fraction):
        raise ValueError(f"{written!r} is not a fraction; write for instance 0.75")  # noqa: TRY004 - pydantic
    try:
        return Fraction(str(written))
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"{written!r} is not a fraction; write for instance 0.75") from None


Length = Annotated[timedelta, BeforeValidator(_length), PlainSerializer(duration_text)]
Share = Annotated[Fraction, BeforeValidator(_fraction), PlainSerializer(float)]
Percent = Annotated[Share, Field(gt=0, le=100)]
RecordKind = Literal["incident", "request", "problem", "change"]


class Availability(Part):
    """At least so many percent of a service's agreed time, which is that of `calendar`, it can be used.

    Time of planned outages is no agreed time, unless they are counted as any other. Degraded time counts by its weight:
    0 as usable, 1 as lost. `outages_of`: those on anybody's records, or only on those of the agreement's customers.
    """

    name: Name
    measure: Literal["availability"]
    service: Name
    calendar: Name
    at_least: Percent
    planned: Literal["excluded", "counted"] = "excluded"
    degraded: Annotated[Share, Field(ge=0, le=1)] = Fraction(0)
    outages_of: Literal["anybody", "customers"] = "anybody"


class Throughput(Part):
    """At least so many records are closed in a month."""

    name: Name
    measure: Literal["throughput"]
    kinds: Annotated[tuple[RecordKind, ...], Field(min_length=1)] = ("incident",)
    calendar: Name
    at_least: Annotated[int, Field(ge=1, le=1_000_000)]


class ClosedWithin(Part):
    """At least so many percent of the records that are closed in a month were so `within` working time of opening."""

    name: Name
    measure: Literal["closed_within"]
    kinds: Annotated[tuple[RecordKind, ...], Field(min_length=1)] = ("incident",)
    calendar: Name
    within: Annotated[Length, Field(gt=timedelta(0), le=LONGEST_LIMIT)]
    at_least: Percent


Level = Annotated[Availability | Throughput | ClosedWithin, Field(discriminator="measure")]


class Reviews(Part):
    """The agreement is reviewed on `first` and every so many months after it, on the same or the month's last day."""

    every: Annotated[int, Field(ge=1, le=60, description="months")]
    first: date
