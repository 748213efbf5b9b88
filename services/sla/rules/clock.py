"""The clock of one target and record: what it holds, and how it starts, pauses, runs, stops and changes its terms.

Each function gives a new clock; `Happening` says what became true and carries the clock as it is then. The outcome is
a function of the timeline alone: a clock is missed while `elapsed` is above `limit`, whoever looked when. A longer
limit by `carry` therefore makes a missed clock pending again; its trace keeps the breach.
"""

from dataclasses import dataclass, fields, replace
from datetime import datetime, timedelta
from typing import Any, Literal

from services.sla.rules.agreements import Book, Held, Terms
from services.sla.rules.calendar import ZERO
from services.sla.rules.durations import MICROSECOND

State = Literal["running", "paused", "stopped", "cancelled"]
Outcome = Literal["pending", "met", "missed"]
What = Literal["started", "paused", "resumed", "retargeted", "warned", "breached", "stopped", "reopened", "cancelled"]


@dataclass(slots=True)
class Clock:
    """A value: functions return changed copies. `elapsed` is the working time up to `since`, where the present
    stretch of running began; `judge` gives it up to an instant. `due_at` and `late_from` are empty while it is paused
    and where the limit was already exceeded when the stretch began; after a stop they say what would have been.

    `held_since` is when the present terms began. `warned` (fraction and instant) and `announced` (the breach's
    instant) are what has been told already; they never decide anything. Several clocks of one `key` (restarted at a
    reopening) count by `ordinal`.
    """

    key: str
    ordinal: int
    held: Held
    limit: timedelta
    state: State
    outcome: Outcome
    elapsed: timedelta
    since: datetime | None
    started_at: datetime
    held_since: datetime
    due_at: datetime | None = None
    late_from: datetime | None = None
    breached_at: datetime | None = None
    breach_cause: Literal["time", "retargeted"] | None = None
    paused_at: datetime | None = None
    pause_reason: str | None = None
    stopped_at: datetime | None = None
    cancelled_at: datetime | None = None
    cancel_reason: str | None = None
    time_went_back: bool = False
    warned: tuple[tuple[str, datetime], ...] = ()
    announced: datetime | None = None
    trace: tuple[dict[str, Any], ...] = ()

    @property
    def live(self) -> bool:
        """Whether it still can move by itself or by a fact other than a reopening."""
        return self.state in ("running", "paused")

    def to_json(self) -> dict[str, Any]:
        """The clock as JSON data; lengths in microseconds, instants as RFC 3339."""
        data = {each.name: getattr(self, each.name) for each in fields(self)}
        for name in _LENGTHS:
            data[name] = data[name] // MICROSECOND
        for name in _INSTANTS:
            data[name] = data[name].isoformat() if data[name] else None
        warned = [[fraction, instant.isoformat()] for fraction, instant in self.warned]
        return data | {"held": list(self.held), "warned": warned, "trace": list(self.trace)}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Clock":
        """The reverse of `to_json`."""
        read = dict(data)
        for name in _LENGTHS:
            read[name] = timedelta(microseconds=read[name])
        for name in _INSTANTS:
            read[name] = datetime.fromisoformat(read[name]) if read[name] else None
        warned = tuple((fraction, datetime.fromisoformat(instant)) for fraction, instant in data["warned"])
        return cls(**read | {"held": Held(*data["held"]), "warned": warned, "trace": tuple(data["trace"])})


_LENGTHS = ("limit", "elapsed")
_INSTANTS = (
    "since",
    "started_at",
    "held_since",
    "due_at",
    "late_from",
    "breached_at",
    "paused_at",
    "stopped_at",
    "cancelled_at",
    "announced",
)


@dataclass(frozen=True, slots=True)
class Happening:
    """What became true, when, and the clock then; `before` is the clock before a retargeting or reopening."""

    what: What
    at: datetime
    clock: Clock
    cause: str | None = None
    rule: str | None = None
    before: Clock | None = None
    fraction: str | None = None


def start(terms: Terms, at: datetime, ordinal: int = 1, pause_reason: str | None = None) -> Clock:
    """A clock that begins at the instant, paused where there is a reason for it."""
    clock = Clock(terms.key, ordinal, terms.held, terms.limit, "paused", "pending", ZERO, None, at, at)
    return place(clock, terms, at, pause_reason)


def place(clock: Clock, terms: Terms, at: datetime, pause_reason: str | None) -> Clock:
    """The clock running from the instant on, with its deadlines, or paused for the reason; `elapsed` is up to it."""
    if pause_reason is not None:
        paused_at = clock.paused_at if clock.state == "paused" and clock.paused_at else at
        return replace(
            clock,
            state="paused",
            since=None,
            due_at=None,
            late_from=None,
            paused_at=paused_at,
            pause_reason=pause_reason,
        )
    due_at = late_from = None
    if clock.elapsed <= clock.limit:
        due_at = terms.calendar.add(at, clock.limit - clock.elapsed)
        late_from = terms.calendar.next_open(due_at) if due_at is not None else None
    return replace(
        clock,
        state="running",
        since=at,
        due_at=due_at,
        late_from=late_from,
        paused_at=None,
        pause_reason=None,
    )


def settle(clock: Clock, terms: Terms, at: datetime) -> Clock:
    """The clock with its elapsed time counted up to the instant."""
    if clock.since is None:
        return clock
    return replace(clock, elapsed=clock.elapsed + terms.calendar.elapsed(clock.since, at), since=at)


def announced(clock: Clock, instant: datetime) -> datetime:
    """The instant of the last breach that was told once one at the instant is. Under versions that it follows a clock
    may be late, in time again and late once more: what was told of the past is not told again."""
    return instant if clock.announced is None else max(clock.announced, instant)


def breach(clock: Clock, at: datetime, out: list[Happening]) -> Clock:
    """The clock missed if its `late_from` lies before the instant: a stop at exactly that instant is still met."""
    if clock.state != "running" or clock.outcome != "pending" or clock.late_from is None or clock.late_from >= at:
        return clock
    instant = clock.late_from
    missed = replace(
        clock, outcome="missed", breached_at=instant, breach_cause="time", announced=announced(clock, instant)
    )
    missed = traced(missed, "breached", instant, cause="time")
    if missed.announced != clock.announced:
        out.append(Happening("breached", instant, missed, cause="time"))
    return missed


def retarget(
    clock: Clock, old: Terms, new: Terms, at: datetime, rule: str, cause: str, pause_reason: str | None
) -> tuple[Clock, list[Happening]]:
    """The clock under other terms from the instant on: `carry` and `follow` keep the elapsed time, `restart` begins
    anew. Above the new limit it is missed at that instant, at or below it pending."""
    out: list[Happening] = []
    before = settle(breach(clock, at, out), old, at)
    after = replace(before, held=new.held, limit=new.limit, held_since=at)
    if rule == "restart":
        after = replace(after, elapsed=ZERO, started_at=at, warned=())
    newly_missed = after.elapsed > after.limit and after.breached_at is None
    if newly_missed:
        after = replace(after, outcome="missed", breached_at=at, breach_cause="retargeted")
        after = replace(after, announced=announced(before, at))
    elif after.elapsed > after.limit:
        after = replace(after, outcome="missed")
    else:
        after = replace(after, outcome="pending", breached_at=None, breach_cause=None)
    after = replace(after, state=before.state if before.live else "running", cancelled_at=None, cancel_reason=None)
    after = place(after, new, at, pause_reason)
    after = traced(after, "retargeted", at, cause=cause, rule=rule, before=before)
    out.append(Happening("retargeted", at, after, cause, rule, before))
    if newly_missed:
        after = traced(after, "breached", at, cause="retargeted")
        if after.announced != before.announced:
            out.append(Happening("breached", at, after, "retargeted"))
    return after, out


def stop(clock: Clock, terms: Terms, at: datetime) -> Clock:
    """The clock stopped: met where elapsed is at most the limit. Breaches up to the instant are settled before."""
    settled = settle(clock, terms, at)
    outcome: Outcome = "met" if settled.elapsed <= settled.limit else "missed"
    stopped = replace(
        settled, state="stopped", outcome=outcome, since=None, stopped_at=at, paused_at=None, pause_reason=None
    )
    return traced(stopped, "stopped", at, cause=outcome)


def cancel(clock: Clock, terms: Terms, at: datetime, reason: str) -> Clock:
    """The clock cancelled, without an outcome."""
    cancelled = replace(
        settle(clock, terms, at),
        state="cancelled",
        outcome="pending",
        since=None,
        due_at=None,
        late_from=None,
        paused_at=None,
        pause_reason=None,
        cancelled_at=at,
        cancel_reason=reason,
    )
    return traced(cancelled, "cancelled", at, cause=reason)


def judge(clock: Clock, book: Book, now: datetime) -> Clock:
    """The clock as it stands at an instant after its last fact, if nothing else happened: elapsed up to it, missed
    once it is after `late_from`, under versions that took effect until then where the target follows them."""
    if not clock.live:
        return clock
    view, _ = follow(clock, book, now)
    return settle(breach(view, now, []), book.recall(view.held), now)


def follow(clock: Clock, book: Book, until: datetime) -> tuple[Clock, list[Happening]]:
    """The clock under the versions of its agreement and calendar that took effect up to the instant, where its target
    says `follow`; the same clock where it says `pin`."""
    out: list[Happening] = []
    terms = book.recall(clock.held)
    if not clock.live or terms.target.on_new_version != "follow":
        return clock, out
    for instant in book.new_versions(clock.held, clock.held_since, until):
        new = book.after_new_version(terms, instant)
        if new is terms:
            continue
        same_agreement = new.held.agreement_version == terms.held.agreement_version
        cause = "calendar" if same_agreement else "agreement"
        clock, happened = retarget(clock, terms, new, instant, "follow", cause, clock.pause_reason)
        out += happened
        terms = new
    return clock, out


def needed(fraction: str, limit: timedelta) -> timedelta:
    """The working time at which the fraction of the limit is reached, rounded up to a microsecond."""
    numerator, _, denominator = fraction.partition("/")
    return timedelta(microseconds=-(-(limit // MICROSECOND) * int(numerator) // int(denominator or 1)))


def traced(
    clock: Clock,
    what: What,
    at: datetime,
    cause: str | None = None,
    rule: str | None = None,
    before: Clock | None = None,
) -> Clock:
    """The clock with one more entry in its trace."""
    entry: dict[str, Any] = {"what": what, "at": at.isoformat(), "elapsed": clock.elapsed // MICROSECOND}
    if cause is not None:
        entry["cause"] = cause
    if rule is not None:
        entry["rule"] = rule
    if before is not None:
        entry["before"] = {"held": list(before.held), "limit": before.limit // MICROSECOND, "outcome": before.outcome}
        entry["after"] = {"held": list(clock.held), "limit": clock.limit // MICROSECOND, "outcome": clock.outcome}
    return replace(clock, trace=(*clock.trace, entry))
