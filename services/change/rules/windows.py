"""When changes may not be: freezes; and when they may: agreed windows of the week, in local time (CHG-7)."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import Annotated
from zoneinfo import ZoneInfo

from pydantic import AwareDatetime, Field, model_validator

from services.change.rules.risk import Name, Part

FREEZE = "change/Freeze"
WINDOW = "change/Window"
DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)-([01]\d|2[0-3]|24):([0-5]\d)")
DAY = timedelta(days=1)
LONGEST = timedelta(days=400)
"""A change's window may be as long as this, which bounds what is searched here."""

Interval = tuple[datetime, datetime]
Names = Annotated[tuple[Name, ...], Field(max_length=1000)]


class Freeze(Part):
    """No change but emergencies on what it covers between two instants, half open. It covers what is named and what
    that depends on; where nothing is named, everything."""

    begins: AwareDatetime
    ends: AwareDatetime
    services: Names = ()
    items: Names = ()
    reason: Annotated[str, Field(max_length=20_000)] = ""

    @model_validator(mode="after")
    def ordered(self) -> "Freeze":
        if self.ends <= self.begins:
            raise ValueError("ends is after begins")
        return self

    @property
    def everything(self) -> bool:
        return not (self.services or self.items)


class Window(Part):
    """When in the week what it covers may be changed. Keys of `weekly` are days or ranges such as `monday-friday`; a
    span over midnight belongs to the day that it begins on. It covers what is named and what that depends on."""

    zone: Name
    weekly: dict[str, Annotated[tuple[str, ...], Field(max_length=24)]]
    services: Names = ()
    items: Names = ()

    @model_validator(mode="after")
    def readable(self) -> "Window":
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"zone: {self.zone!r} is no IANA zone, such as Europe/Berlin") from error
        if not (self.services or self.items):
            raise ValueError("name the services or items that it is for")
        if not any(self.spans(day) for day in range(7)):
            raise ValueError("weekly: it opens never")
        return self

    def spans(self, weekday: int) -> list[tuple[int, int]]:
        """The minutes after midnight at which a day's spans begin and end. Raises ValueError for what is none."""
        return [span(each) for key, spans in self.weekly.items() if weekday in days(key) for each in spans]

    def open(self, first: datetime, last: datetime) -> list[Interval]:
        """When it is open around these instants, in UTC, joined and in order."""
        zone = ZoneInfo(self.zone)
        # A span of the day before may reach into the first day.
        day, found = first.astimezone(zone).date() - DAY, []
        while day <= last.astimezone(zone).date():
            found += [(local(day, begins, zone), local(day, ends, zone)) for begins, ends in self.spans(day.weekday())]
            day += DAY
        return joined(found)

    def outside(self, begins: datetime, ends: datetime) -> Interval | None:
        """The first stretch of a change's window that lies outside, or None where all of it is inside."""
        at = begins
        for opens, closes in self.open(begins, ends):
            if closes <= at:
                continue
            if opens > at:
                return at, min(opens, ends)
            at = closes
            if at >= ends:
                return None
        return at, ends


@lru_cache(maxsize=1000)
def span(written: str) -> tuple[int, int]:
    """`22:00-04:00` as minutes after the midnight before it."""
    found = SPAN.fullmatch(written)
    if found is None:
        raise ValueError(f"{written!r} is not a span; write for instance 22:00-24:00 or 22:00-04:00")
    hour, minute, to_hour, to_minute = map(int, found.groups())
    begins, ends = hour * 60 + minute, to_hour * 60 + to_minute
    if ends > 24 * 60 or begins == ends:
        raise ValueError(f"{written!r} is no span of a day; a whole day is 00:00-24:00")
    return begins, ends if ends > begins else ends + 24 * 60


@lru_cache(maxsize=1000)
def days(key: str) -> frozenset[int]:
    """`monday` or `monday-friday` as numbers, Monday is 0."""
    first, _, last = key.partition("-")
    if first not in DAYS or (last or first) not in DAYS:
        raise ValueError(f"{key!r} is no day or range of days, such as monday or monday-friday")
    begins, ends = DAYS.index(first), DAYS.index(last or first)
    return frozenset(range(begins, ends + 1)) if begins <= ends else frozenset((*range(begins, 7), *range(ends + 1)))


def local(day: date, minutes: int, zone: ZoneInfo) -> datetime:
    """The instant of a local time. One that the clocks skip is the instant at which they do."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minutes)
    return wall.replace(tzinfo=zone).astimezone(UTC)


def joined(intervals: Iterable[Interval]) -> list[Interval]:
    """Half-open intervals in order, those that touch or overlap made one."""
    return list(_joined(sorted(each for each in intervals if each[0] < each[1])))


def _joined(ordered: Iterable[Interval]) -> Iterator[Interval]:
    current: Interval | None = None
    for begins, ends in ordered:
        if current is not None and begins <= current[1]:
            current = current[0], max(current[1], ends)
            continue
        if current is not None:
            yield current
        current = begins, ends
    if current is not None:
        yield current


def overlap(first: Interval, second: Interval) -> Interval | None:
    """Where two half-open intervals are both; None where they only touch or are apart."""
    begins, ends = max(first[0], second[0]), min(first[1], second[1])
    return (begins, ends) if begins < ends else None
