"""Which months of an agreement are measured, from when to when, and by which version of it.

A month is that of the zone of the level's calendar, as the calendar's version at the month's first instant has it. It
is judged by the version of the agreement that is in force when the month begins; where none is, by the first one that
comes into force in it, from then on. The measured part ends with the month, or with the period of that version.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import NamedTuple
from zoneinfo import ZoneInfo

from services.sla.rules.agreements import AgreementVersion, Book
from services.sla.rules.calendar import CalendarVersion, local_instant
from services.sla.rules.level_spec import Availability, ClosedWithin, Throughput

AnyLevel = Availability | Throughput | ClosedWithin


class Stretch(NamedTuple):
    """A calendar version and for how long it counts, half open."""

    begins: datetime
    ends: datetime
    calendar: CalendarVersion


class Month(NamedTuple):
    """A local month: `name` as in 2026-03, half open."""

    name: str
    begins: datetime
    ends: datetime


class Measured(NamedTuple):
    """One level in one month: what is measured, from when to when, by which version."""

    agreement: AgreementVersion
    level: AnyLevel
    month: str
    begins: datetime
    ends: datetime


def month_of(instant: datetime, zone: ZoneInfo) -> Month:
    """The local month that an instant lies in. Raises OverflowError beyond the years that a date has."""
    local = instant.astimezone(zone)
    first = date(local.year, local.month, 1)
    after = date(local.year + local.month // 12, local.month % 12 + 1, 1)
    # The date line may have swallowed the first of a month: then it begins with its next day.
    begins, ends = (local_instant(day, 0, zone, later=False) for day in (first, after))
    return Month(f"{first:%Y-%m}", begins, ends)


def calendar_at(book: Book, name: str, at: datetime) -> CalendarVersion:
    """The version in force at the instant; before any was, the first."""
    found = book.calendars[name][0]
    for each in book.calendars[name]:
        if each.effective_from <= at:
            found = each
    return found


def stretches(book: Book, name: str, begins: datetime, ends: datetime) -> list[Stretch]:
    """The versions of a calendar that count from one instant to another, in order."""
    changes = {each.effective_from for each in book.calendars[name]}
    cuts = sorted({begins} | {each for each in changes if begins < each < ends})
    return [
        Stretch(start, end, calendar_at(book, name, start)) for start, end in zip(cuts, [*cuts[1:], ends], strict=True)
    ]


def months(book: Book, agreement: str, after: datetime, until: datetime) -> Iterator[Measured]:
    """Each level of the agreement in each month that ends after `after` and begins before `until`."""
    zones = {
        str(calendar.zone): calendar.zone
        for version in book.agreements.get(agreement, ())
        for level in version.spec.service_levels
        for calendar in book.calendars[level.calendar]
    }
    for zone in zones.values():
        month = month_of(after, zone)
        while month.begins < until:
            yield from _levels(book, agreement, month, zone)
            month = month_of(month.ends, zone)


def _levels(book: Book, agreement: str, month: Month, zone: ZoneInfo) -> Iterator[Measured]:
    version, begins = _judge(book, agreement, month)
    if version is None:
        return
    over = version.spec.period.ends
    ends = month.ends if over is None else min(month.ends, over.astimezone(UTC))
    for level in version.spec.service_levels:
        if str(calendar_at(book, level.calendar, month.begins).zone) == str(zone):
            yield Measured(version, level, month.name, begins, ends)


def _judge(book: Book, agreement: str, month: Month) -> tuple[AgreementVersion | None, datetime]:
    found = book.in_force(agreement, month.begins)
    if found is not None:
        return found, month.begins
    for at in book.begins(agreement):
        if month.begins < at < month.ends and (found := book.in_force(agreement, at)) is not None:
            return found, at
    return None, month.begins
