"""Working time: when a calendar version is open, how much open time lies between two instants, and when it is used up.

Local opening spans become UTC once a year and are kept as two sorted columns with the open time before each span, so
that `elapsed`, `add` and `next_open` are one or two binary searches. All arithmetic is on whole microseconds.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import holidays as public_holidays

FIRST_YEAR = 1970
"""A calendar counts as closed before this year began."""
LAST_YEAR = 2199
"""A calendar counts as closed after this year ended: that is what bounds every search."""

ZERO = timedelta(0)
DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)

Span = tuple[int, int]
"""Opening and closing of one local day, in seconds after its midnight; a closing above 86,400 is on the next day."""


@dataclass(frozen=True, slots=True)
class _Table:
    """The open spans of some years in UTC, ascending and apart; `before[i]` is the open time before `starts[i]`."""

    first_year: int
    last_year: int
    starts: list[datetime]
    ends: list[datetime]
    before: list[timedelta]
    after: list[timedelta]

    def open_until(self, instant: datetime) -> timedelta:
        """The open time of the table that lies before the instant."""
        at = bisect_right(self.starts, instant) - 1
        if at < 0:
            return ZERO
        end = self.ends[at]
        return self.after[at] if instant >= end else self.before[at] + (instant - self.starts[at])


@dataclass(frozen=True, eq=False)
class CalendarVersion:
    """One immutable version of a calendar.

    `weekly` holds the spans of Monday to Sunday. A holiday closes the spans that begin on its date; an exceptional
    day replaces them, also on a holiday. A span over midnight belongs to the day it begins on, so a night shift that
    began before a holiday runs to its end. Spans that overlap count once.
    """

    name: str
    version: int
    effective_from: datetime
    zone: ZoneInfo
    weekly: tuple[tuple[Span, ...], ...]
    country: str | None = None
    subdivision: str | None = None
    holidays: frozenset[date] = frozenset()
    exceptional: Mapping[date, tuple[Span, ...]] = field(default_factory=dict)
    _years: dict[int, list[tuple[datetime, datetime]]] = field(default_factory=dict, init=False, repr=False)
    _tables: list[_Table] = field(default_factory=list, init=False, repr=False)

    def elapsed(self, start: datetime, end: datetime) -> timedelta:
        """The open time in [start, end); zero where `end` is not after `start`. Both aware."""
        start, end = _utc(start), _utc(end)
        if end <= start:
            return ZERO
        table = self._table(start.year, end.year)
        return table.open_until(end) - table.open_until(start)

    def add(self, start: datetime, length: timedelta) -> datetime | None:
        """The earliest instant from `start` on by which `length` of open time has passed, so at the end of a span that
        end and not the next opening; `start` itself for no length. None where that is not before LAST_YEAR ends."""
        start = _utc(start)
        if length <= ZERO:
            return start
        for table in self._growing(start.year):
            wanted = table.open_until(start) + length
            at = bisect_left(table.after, wanted)
            if at < len(table.after):
                return table.starts[at] + (wanted - table.before[at])
        return None

    def next_open(self, instant: datetime) -> datetime | None:
        """The first instant from `instant` on at which the calendar is open; None where it is not before LAST_YEAR
        ends."""
        instant = _utc(instant)
        for table in self._growing(instant.year):
            at = bisect_right(table.starts, instant)
            if at and instant < table.ends[at - 1]:
                return instant
            if at < len(table.starts):
                return table.starts[at]
        return None

    def spans(self, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        """The open spans in UTC that touch the time between two instants, ascending and apart, each in full."""
        start, end = _utc(start), _utc(end)
        table = self._table(start.year, end.year)
        first, last = bisect_left(table.ends, start), bisect_right(table.starts, end)
        return list(zip(table.starts[first:last], table.ends[first:last], strict=True))

    def spans_on(self, day: date) -> tuple[Span, ...]:
        """The spans that begin on this local date."""
        if day in self.exceptional:
            return self.exceptional[day]
        spans = self.weekly[day.weekday()]
        return () if spans and self.is_holiday(day) else spans

    def is_holiday(self, day: date) -> bool:
        """Whether the date is a declared date or a public holiday of the country and subdivision."""
        return day in self.holidays or (
            self.country is not None and day in holiday_dates(self.country, self.subdivision, day.year)
        )

    def _growing(self, year: int) -> Iterator[_Table]:
        """Tables that begin before the year and reach ever further, to LAST_YEAR at most."""
        reach, step = year, 1
        while True:
            table = self._table(year, reach)
            yield table
            if table.last_year > LAST_YEAR:
                return
            reach, step = table.last_year - 1 + step, step * 2

    def _table(self, first: int, last: int) -> _Table:
        """The table that covers the UTC years `first` to `last` with a year of margin on both sides, because a local
        date reaches into the neighbouring UTC year."""
        first, last = min(max(first, FIRST_YEAR), LAST_YEAR) - 1, max(min(last, LAST_YEAR), FIRST_YEAR) + 1
        if self._tables:
            known = self._tables[0]
            if known.first_year <= first and last <= known.last_year:
                return known
            first, last = min(first, known.first_year), max(last, known.last_year)
        table = self._build(first, last)
        self._tables[:] = [table]
        return table

    def _build(self, first: int, last: int) -> _Table:
        table = _Table(first, last, [], [], [], [])
        total = ZERO
        for year in range(first, last + 1):
            if FIRST_YEAR <= year <= LAST_YEAR and year not in self._years:
                self._years[year] = list(self._utc_spans(year))
            for start, end in self._years.get(year, ()):
                if table.ends and start <= table.ends[-1]:
                    if end > table.ends[-1]:
                        total += end - table.ends[-1]
                        table.ends[-1], table.after[-1] = end, total
                    continue
                table.starts.append(start)
                table.before.append(total)
                total += end - start
                table.ends.append(end)
                table.after.append(total)
        return table

    def _utc_spans(self, year: int) -> Iterator[tuple[datetime, datetime]]:
        day, end_of_year = date(year, 1, 1), date(year + 1, 1, 1)
        midnight = datetime(year, 1, 1, tzinfo=UTC)
        # The offsets at noon of yesterday, today and the two days that a span of today can reach: where they are the
        # same no change of the clocks is near, as on nearly all days, and the boundaries are plain sums.
        noons = [_noon_offset(day + number * DAY, self.zone) for number in (-1, 0, 1)]
        while day < end_of_year:
            noons.append(_noon_offset(day + 2 * DAY, self.zone))
            quiet = noons.count(noons[0]) == len(noons)
            for opening, closing in self.spans_on(day):
                if quiet:
                    base = midnight - noons[0]
                    yield base + opening * _SECOND, base + closing * _SECOND
                    continue
                start = local_instant(day, opening, self.zone, later=False)
                end = local_instant(day, closing, self.zone, later=True)
                if start < end:
                    yield start, end
            del noons[0]
            day += DAY
            midnight += DAY


def _noon_offset(day: date, zone: ZoneInfo) -> timedelta:
    return datetime(day.year, day.month, day.day, 12, tzinfo=zone).utcoffset() or ZERO


def local_instant(day: date, seconds: int, zone: ZoneInfo, *, later: bool) -> datetime:
    """The UTC instant of a wall-clock reading. One that does not exist moves forward to the first that does; of one
    that exists twice `later` chooses the second."""
    wall = datetime(day.year, day.month, day.day) + timedelta(seconds=seconds)  # noqa: DTZ001 - a wall-clock reading
    first, second = wall.replace(tzinfo=zone, fold=0), wall.replace(tzinfo=zone, fold=1)
    offset, offset_after = first.utcoffset() or ZERO, second.utcoffset() or ZERO
    plain = wall.replace(tzinfo=UTC)
    if offset < offset_after:  # the reading is skipped: find the instant of the change
        return _change(plain - offset_after, plain - offset, offset, zone)
    return plain - (offset_after if later else offset)


def _change(low: datetime, high: datetime, offset: timedelta, zone: ZoneInfo) -> datetime:
    """The first whole second in (low, high] at which the zone no longer has `offset`."""
    seconds = (high - low) // _SECOND
    below, above = 0, seconds
    while above - below > 1:
        middle = (below + above) // 2
        if (low + middle * _SECOND).astimezone(zone).utcoffset() == offset:
            below = middle
        else:
            above = middle
    return low + above * _SECOND


@lru_cache(maxsize=4096)
def holiday_dates(country: str, subdivision: str | None, year: int) -> frozenset[date]:
    """The public holidays of one year, by the pinned release of the `holidays` library."""
    return frozenset(public_holidays.country_holidays(country, subdiv=subdivision, years=year))


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is UTC:
        return instant
    if instant.tzinfo is None:
        raise ValueError(f"{instant.isoformat()} has no offset; an instant is aware")
    return instant.astimezone(UTC)
