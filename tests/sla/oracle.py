"""The SLA clock by walking minute by minute: an oracle that knows no arithmetic on spans, offsets or intervals.

It looks at a wall clock of the zone once a minute, marks the minutes that are open, and counts them one by one. So it
only speaks about timelines on whole minutes, and only within its window.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

MINUTE = timedelta(minutes=1)
HOUR = 60
BEYOND = 10**9
"""A minute after the end of the window."""


class Wall(NamedTuple):
    """What the clock on the wall shows in each minute of a window, and in which minutes it shows a reading."""

    begins: datetime
    shows: list[datetime]
    first: dict[datetime, int]
    last: dict[datetime, int]


@lru_cache(maxsize=64)
def wall(zone: str, begins: datetime, minutes: int) -> Wall:
    there = ZoneInfo(zone)
    seen = Wall(begins, [], {}, {})
    for minute in range(minutes):
        reading = (begins + minute * MINUTE).astimezone(there).replace(tzinfo=None)
        seen.shows.append(reading)
        seen.first.setdefault(reading, minute)
        seen.last[reading] = minute
    return seen


def open_minutes(
    seen: Wall,
    weekly: Sequence[Sequence[tuple[int, int]]],
    holidays: frozenset[date],
    exceptional: Mapping[date, Sequence[tuple[int, int]]],
) -> bytearray:
    """1 for each minute of the window that is open. Spans are minutes of the local day, the end above 1,440 for the
    next day. The first and last three days of the window are not to be relied on."""
    opened = bytearray(len(seen.shows))
    day = seen.shows[0].date() + timedelta(days=1)
    while day < seen.shows[-1].date() - timedelta(days=2):
        spans = exceptional[day] if day in exceptional else () if day in holidays else weekly[day.weekday()]
        for opening, closing in spans:
            midnight = datetime.combine(day, time())
            begin = _minute(seen, seen.first, midnight + opening * MINUTE)
            end = _minute(seen, seen.last, midnight + closing * MINUTE)
            for minute in range(begin, end):
                opened[minute] = 1
        day += timedelta(days=1)
    return opened


def _minute(seen: Wall, showing: dict[datetime, int], reading: datetime) -> int:
    if reading in showing:
        return showing[reading]
    return next(minute for minute, shown in enumerate(seen.shows) if shown > reading)


class Moment(NamedTuple):
    """A fact as the oracle takes it."""

    minute: int
    kind: str
    reason: str | None
    priority: int


@dataclass
class Promise:
    """The terms from `since` on: minutes per priority, and which minutes are open."""

    since: int
    limits: dict[int, int]
    opened: bytearray


@dataclass
class Rules:
    stops: frozenset[str]
    reopening_counts: bool
    reasons: frozenset[str]
    on_change: str
    on_version: str
    on_reopen: str


@dataclass
class Watch:
    """One clock of the oracle."""

    started: int
    promise: Promise
    priority: int
    running: bool
    elapsed: int = 0
    begun: int = 0
    begun_with: int = 0
    breached: int | None = None
    stopped: int | None = None
    cancelled: bool = False
    went_back: bool = False

    @property
    def limit(self) -> int:
        return self.promise.limits[self.priority]

    @property
    def live(self) -> bool:
        return self.stopped is None and not self.cancelled

    def begin(self, minute: int, running: bool) -> None:
        self.running, self.begun, self.begun_with = running, minute, self.elapsed
        if self.elapsed > self.limit:
            self.breached = minute if self.breached is None else self.breached
        else:
            self.breached = None

    def walk(self, begin: int, end: int) -> None:
        """These minutes pass, one by one; nothing happens in between."""
        if not (self.live and self.running):
            return
        opened, limit, elapsed = self.promise.opened, self.limit, self.elapsed
        for minute in range(begin, end):
            if opened[minute]:
                if elapsed == limit:
                    self.breached = minute
                elapsed += 1
        self.elapsed = elapsed

    def deadlines(self) -> tuple[int | None, int | None]:
        """(due, late) if it kept running since its present stretch began; BEYOND where that is after the window."""
        if self.cancelled or not self.running or self.begun_with > self.limit:
            return None, None
        minute, elapsed, opened = self.begun, self.begun_with, self.promise.opened
        # Whole hours at once for as long as one cannot reach the limit.
        while self.limit - elapsed > HOUR and minute + HOUR < len(opened):
            elapsed += opened.count(1, minute, minute + HOUR)
            minute += HOUR
        while elapsed < self.limit and minute < len(opened):
            elapsed += opened[minute]
            minute += 1
        due = minute if elapsed == self.limit else BEYOND
        late = opened.find(1, minute)
        return due, late if late >= 0 else BEYOND


def watches(moments: Sequence[Moment], promises: Sequence[Promise], rules: Rules, end: int) -> list[Watch]:
    """All clocks of a record that was opened by the first moment, as they are at the minute `end`."""
    found: list[Watch] = []
    minute, status, priority = moments[0].minute, "active", moments[0].priority
    waiting: str | None = None
    arrivals: dict[int, list[tuple[Moment, bool]]] = {}
    latest = moments[0].minute
    for moment in moments:
        arrivals.setdefault(max(latest, moment.minute), []).append((moment, moment.minute < latest))
        latest = max(latest, moment.minute)
    changes = {*arrivals, *(promise.since for promise in promises), end}
    following = sorted(change for change in changes if minute < change <= end)
    while True:
        current = [promise for promise in promises if promise.since <= minute][-1]
        for watch in found[-1:]:
            newer = current is not watch.promise
            if newer and watch.live and rules.on_version == "follow":
                watch.promise = current
                watch.begin(minute, watch.running)
        for moment, back in arrivals.get(minute, ()):
            changed, priority = moment.priority != priority, moment.priority
            if moment.kind in STATUSES:
                status = STATUSES[moment.kind]
                waiting = moment.reason if moment.kind == "waiting" else None
            runs = not (status == "waiting" and waiting in rules.reasons)
            if not found:
                found.append(Watch(minute, current, priority, runs, begun=minute))
                continue
            was_live = found[-1].live
            _take(found, moment, minute, priority, changed, runs, current, rules)
            if back and (was_live or found[-1].live):
                found[-1].went_back = True
        if minute == end:
            return found
        found[-1].walk(minute, following[0])
        minute = following.pop(0)


STATUSES = {
    "opened": "new",
    "taken_up": "active",
    "waiting": "waiting",
    "resumed": "active",
    "resolved": "resolved",
    "reopened": "active",
    "closed": "closed",
    "cancelled": "cancelled",
}


def _take(
    found: list[Watch],
    moment: Moment,
    minute: int,
    priority: int,
    changed: bool,
    runs: bool,
    current: Promise,
    rules: Rules,
) -> None:
    watch = found[-1]
    if watch.cancelled:
        return
    if watch.stopped is not None:
        if moment.kind != "reopened" or not rules.reopening_counts or rules.on_reopen == "ignore":
            return
        if rules.on_reopen == "restart":
            found.append(Watch(minute, current, priority, runs, begun=minute))
            return
        watch.stopped = None
        other_priority = rules.on_change != "keep" and watch.priority != priority
        if rules.on_change == "restart" and other_priority:
            watch.elapsed, watch.started = 0, minute
        if rules.on_version == "follow":
            watch.promise = current
        if other_priority:
            watch.priority = priority
        watch.begin(minute, runs)
        return
    if moment.kind == "cancelled":
        watch.cancelled = True
        return
    if changed and rules.on_change != "keep" and watch.priority != priority:
        if rules.on_change == "restart":
            watch.elapsed, watch.started = 0, minute
        watch.priority = priority
        watch.begin(minute, runs)
    if moment.kind in rules.stops:
        watch.stopped = minute
    elif runs != watch.running:
        watch.begin(minute, runs)


def instant(seen: Wall, minute: int) -> datetime:
    """The instant at which a minute of the window begins."""
    return (seen.begins + minute * MINUTE).astimezone(UTC)
