"""Working time by walking from day to day, for `verification`: slow, plain, and nothing shared with `calendar` but what
a calendar version says.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from services.sla.rules.calendar import LAST_YEAR, CalendarVersion, Span

NOTHING = timedelta(0)
ONE_DAY = timedelta(days=1)


def walk(calendar: CalendarVersion, start: datetime, end: datetime) -> timedelta:
    """The open time in [start, end), day by day."""
    total, reached = NOTHING, start
    for opening, closing in _days(calendar, start):
        if opening >= end:
            break
        opening, closing = max(opening, reached), min(closing, end)
        if closing > opening:
            total += closing - opening
            reached = closing
    return total


def walk_until(calendar: CalendarVersion, start: datetime, length: timedelta) -> datetime | None:
    """The instant at which the open time from `start` on has reached the length; None if this century does not."""
    left, reached = length, start
    if not left:
        return start
    for opening, closing in _days(calendar, start):
        opening = max(opening, reached)
        if closing <= opening:
            continue
        if closing - opening >= left:
            return opening + left
        left -= closing - opening
        reached = closing
    return None


def first_open(calendar: CalendarVersion, start: datetime) -> datetime | None:
    """The first instant from `start` on that lies in a span. One that the clocks skip has no instant at all."""
    spans = ((max(opening, start), closing) for opening, closing in _days(calendar, start))
    return next((opening for opening, closing in spans if closing > opening), None)


def _days(calendar: CalendarVersion, start: datetime) -> Iterator[tuple[datetime, datetime]]:
    """The spans in UTC of each local day, from two days before `start` on."""
    day = start.astimezone(UTC).date() - 3 * ONE_DAY
    while day.year <= LAST_YEAR:
        for opening, closing in _hours(calendar, day):
            yield _instant(calendar.zone, day, opening, 0), _instant(calendar.zone, day, closing, -1)
        day += ONE_DAY


def _hours(calendar: CalendarVersion, day: date) -> tuple[Span, ...]:
    if day in calendar.exceptional:
        return calendar.exceptional[day]
    return () if calendar.is_holiday(day) else calendar.weekly[day.weekday()]


def _instant(zone: ZoneInfo, day: date, seconds: int, which: int) -> datetime:
    """The instants that show this reading on a clock of the zone: the first (0) or last (-1) of them, or else the first
    one that shows a later reading."""
    reading = datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds)
    offsets = {(reading + hours * ONE_DAY).astimezone(zone).utcoffset() or NOTHING for hours in (-2, -1, 0, 1, 2)}
    showing = [reading - offset for offset in offsets if _shown(reading - offset, zone) == reading]
    if showing:
        return sorted(showing)[which]
    instant = reading - max(offsets)
    while _shown(instant, zone) < reading:
        instant += timedelta(seconds=1)
    return instant


def _shown(instant: datetime, zone: ZoneInfo) -> datetime:
    return instant.astimezone(zone).replace(tzinfo=UTC, fold=0)
