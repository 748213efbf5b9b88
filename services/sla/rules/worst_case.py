"""The worst that can happen to a promise while everybody behind it keeps theirs.

A record begins at t. The first step keeps its limit if it ends at `late(t)` or before: the first open instant of its
own calendar from which its limit is exceeded, since a stop at exactly that instant is met; the next step begins where
the one before ended. What has passed of the promise by then, in working time of the promise's calendar, is f(t), and
the promise is supported if f(t) is at most its limit for every t.

Where all calendars are one, f(t) is the sum of the limits for every t, because `late` only adds closed time. Otherwise
the maximum over a window of starts is found exactly: between breakpoints f is linear with slope -1, 0 or 1, and at a
breakpoint it can only jump upwards, so one of them, or the last instant of the window, has the maximum. Breakpoints are
where a calendar opens or closes, for t itself or for where a step ends; the latter are carried back through the steps
before it. All on whole microseconds.
"""

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.sla.rules.calendar import LAST_YEAR, CalendarVersion
from services.sla.rules.durations import MICROSECOND

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
END = datetime(LAST_YEAR, 12, 31, tzinfo=UTC)
MARGIN = timedelta(days=370)


class Step(NamedTuple):
    """One promise behind another: so much working time of this calendar."""

    calendar: CalendarVersion
    limit: timedelta


class Worst(NamedTuple):
    """The most working time that can pass, and for a record that begins when; None: a step never ends at all."""

    length: timedelta | None
    begins_at: datetime


def worst_case(calendar: CalendarVersion, steps: Sequence[Step], begins: datetime, ends: datetime) -> Worst:
    """The worst of all starts in [begins, ends) for a promise that is counted by `calendar`."""
    if all(same_hours(step.calendar, calendar) for step in steps):
        return Worst(sum((step.limit for step in steps), timedelta(0)), begins)
    reach = ends + MARGIN + 2 * sum((step.limit for step in steps), timedelta(0))
    while True:
        reach = min(reach, END)
        found = _Steps(calendar, steps, begins, reach).worst(_whole(begins), _whole(ends))
        if found.length is not None or reach == END:
            return found
        reach += 2 * (reach - begins)


def same_hours(one: CalendarVersion, other: CalendarVersion) -> bool:
    """Whether two versions say the same of every day."""
    return one is other or _said(one) == _said(other)


def _said(version: CalendarVersion) -> tuple[object, ...]:
    return (
        version.zone.key, version.weekly, version.country, version.subdivision, version.holidays,
        dict(version.exceptional),
    )  # fmt: skip


class _Line:
    """The open spans of one calendar as whole microseconds, with the open time before and after each."""

    def __init__(self, spans: Iterable[tuple[datetime, datetime]]) -> None:
        found = [(_whole(start), _whole(end)) for start, end in spans]
        self.starts = [start for start, _ in found]
        self.ends = [end for _, end in found]
        self.before: list[int] = []
        self.after: list[int] = []
        total = 0
        for start, end in found:
            self.before.append(total)
            total += end - start
            self.after.append(total)

    def at(self, instant: int) -> int:
        """The open time before the instant."""
        place = bisect_right(self.starts, instant) - 1
        if place < 0:
            return 0
        return min(self.before[place] + instant - self.starts[place], self.after[place])

    def late(self, start: int, limit: int) -> int | None:
        """The first open instant from which more than the limit has passed since the start."""
        wanted = self.at(start) + limit
        place = bisect_right(self.after, wanted)
        return self.starts[place] + wanted - self.before[place] if place < len(self.after) else None

    def start_of(self, end: int, limit: int) -> int | None:
        """The open instant from which the limit has passed exactly at `end`."""
        wanted = self.at(end) - limit
        place = bisect_right(self.after, wanted)
        if wanted < 0 or place == len(self.after):
            return None
        return self.starts[place] + wanted - self.before[place]


class _Steps:
    def __init__(self, calendar: CalendarVersion, steps: Sequence[Step], begins: datetime, reach: datetime) -> None:
        self.promise = _Line(calendar.spans(begins, reach))
        self.steps = [(_Line(each.calendar.spans(begins, reach)), each.limit // MICROSECOND) for each in steps]

    def worst(self, begins: int, ends: int) -> Worst:
        most, worst_start = -1, begins
        for start in sorted({begins, ends - 1} | {each for each in self.breakpoints() if begins <= each < ends}):
            end: int | None = start
            for line, limit in self.steps:
                end = line.late(end, limit) if end is not None else None
            if end is None:
                return Worst(None, EPOCH + start * MICROSECOND)
            passed = self.promise.at(end) - self.promise.at(start)
            if passed > most:
                most, worst_start = passed, start
        return Worst(most * MICROSECOND, EPOCH + worst_start * MICROSECOND)

    def breakpoints(self) -> set[int]:
        """The starts at which f may turn or jump."""
        own = {*self.promise.starts, *self.promise.ends}
        found = set(own)
        for line, limit in reversed(self.steps):
            edges = {*line.starts, *line.ends}
            carried = (line.start_of(each, limit) for each in found | edges)
            found = edges | {each for each in carried if each is not None}
        return found | own


def _whole(instant: datetime) -> int:
    return (instant - EPOCH) // MICROSECOND
