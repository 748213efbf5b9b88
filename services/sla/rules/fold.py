"""How facts move the clocks of a record: `fold` is nothing but `advance` for one fact after the other.

Within one fact the order is: versions that took effect before it, a breach before it, other terms if the record
changed, then stop, pause or resume, and last the clocks that start. Some readings the definition leaves to us:
a reopening undoes `resolved` and `closed`, so only clocks that those stop react to it; who resolves has taken up and
who closes has resolved; a target that first applies in mid-flight starts there; a clock whose record no promise covers
any more is cancelled (`retargeted`) and goes on with its elapsed time when one covers it again.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from services.sla.rules.agreement_spec import Target
from services.sla.rules.agreements import Book, Held, Terms
from services.sla.rules.clock import (
    Clock,
    Happening,
    breach,
    cancel,
    follow,
    place,
    retarget,
    settle,
    start,
    stop,
    traced,
)
from services.sla.rules.facts import Fact, Record


@dataclass(frozen=True, slots=True)
class Case:
    """A record and all its clocks, by key and ordinal in the order in which they started."""

    record: Record
    clocks: tuple[Clock, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """The case as JSON data."""
        return {"record": self.record.to_json(), "clocks": [clock.to_json() for clock in self.clocks]}

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> "Case":
        """The reverse of `to_json`."""
        return cls(Record.from_json(data["record"]), tuple(Clock.from_json(each) for each in data["clocks"]))


def fold(facts: Iterable[Fact], book: Book) -> Case:
    """The case after all facts, in the order of their `sequence`. Raises ValueError where there are none."""
    case: Case | None = None
    for fact in sorted(facts, key=lambda each: each.sequence):
        case, _ = advance(case, fact, book)
    if case is None:
        raise ValueError("nothing to fold: no facts")
    return case


def advance(case: Case | None, fact: Fact, book: Book) -> tuple[Case, list[Happening]]:
    """The case after one more fact, and what became true, in order of time for each clock. Clocks that the fact does
    not move are the same objects. A fact at or below the last sequence changes nothing."""
    out: list[Happening] = []
    if case is None:
        record = Record.first(fact)
        return Case(record, tuple(_started((), record, None, fact, book, out))), out
    if fact.sequence <= case.record.sequence:
        return case, out
    old, record = case.record, case.record.after(fact)
    latest = {clock.key: clock.ordinal for clock in case.clocks}
    clocks: list[Clock] = []
    for clock in case.clocks:
        if clock.ordinal != latest[clock.key]:
            clocks.append(clock)
            continue
        moved = _moved(clock, old, record, fact, book, out)
        if record.time_went_back and (clock.live or moved[-1].live):
            moved[-1] = replace(moved[-1], time_went_back=True)
        clocks += moved
    clocks += _started(tuple(clocks), record, old, fact, book, out)
    return Case(record, tuple(clocks)), out


def pause_reason(record: Record, target: Target) -> str | None:
    """Why a clock of this target does not run now; None where it does."""
    if record.status == "waiting" and record.waiting_for in target.pausing_reasons:
        return record.waiting_for
    return record.status if record.status in target.pausing_states else None


def _moved(clock: Clock, old: Record, record: Record, fact: Fact, book: Book, out: list[Happening]) -> list[Clock]:
    """The clock after the fact, and after it a new one where a reopening restarts it."""
    at = record.at
    terms = book.recall(clock.held)
    if clock.state == "stopped":
        return _reopened(clock, terms, record, book, out) if fact.kind == "reopened" and terms.reopens else [clock]
    changed = old.subject != record.subject
    if clock.state == "cancelled":
        if changed and clock.cancel_reason == "retargeted" and not terms.stops & record.standing:
            clock = _changed(clock, terms, old, record, book, out)
        return [clock]
    if terms.target.on_new_version == "follow":
        clock, happened = follow(clock, book, at)
        out += happened
        terms = book.recall(clock.held)
    clock = breach(clock, at, out)
    if fact.kind == "cancelled":
        clock = cancel(clock, terms, at, fact.reason or "withdrawn")
        out.append(Happening("cancelled", at, clock, clock.cancel_reason))
        return [clock]
    if changed:
        clock = _changed(clock, terms, old, record, book, out)
        terms = book.recall(clock.held)
        if not clock.live:
            return [clock]
    if fact.kind in terms.stops:
        clock = stop(clock, terms, at)
        out.append(Happening("stopped", at, clock, clock.outcome))
        return [clock]
    return [_paced(clock, terms, record, out)]


def _paced(clock: Clock, terms: Terms, record: Record, out: list[Happening]) -> Clock:
    """The clock paused or resumed as the record's status asks for."""
    reason, at = pause_reason(record, terms.target), record.at
    if reason is not None and clock.state == "running":
        clock = traced(place(settle(clock, terms, at), terms, at, reason), "paused", at, cause=reason)
        out.append(Happening("paused", at, clock, reason))
    elif reason is None and clock.state == "paused":
        before = clock
        clock = traced(place(clock, terms, at, None), "resumed", at, cause=before.pause_reason)
        out.append(Happening("resumed", at, clock, before.pause_reason, before=before))
    elif reason != clock.pause_reason:
        clock = replace(clock, pause_reason=reason)
    return clock


def _wanted(clock: Clock, terms: Terms, record: Record, book: Book) -> Terms | None:
    """The terms that the record's subject asks for now; pinned clocks keep the versions that they have."""
    pinned = terms.target.on_new_version == "pin"
    held = clock.held
    found = book.terms(record.subject, record.at, (held.agreement, held.agreement_version) if pinned else None)
    wanted = found.get(clock.key)
    if wanted is not None and pinned and wanted.held.calendar == held.calendar:
        wanted = book.recall(wanted.held._replace(calendar_version=held.calendar_version))
    return wanted


def _changed(clock: Clock, terms: Terms, old: Record, record: Record, book: Book, out: list[Happening]) -> Clock:
    """The clock after its record's priority, service or organisation changed, by the rule of its target."""
    at, rule = record.at, terms.target.on_priority_change
    wanted = _wanted(clock, terms, record, book)
    if wanted is None:
        if rule == "keep" or not clock.live:
            return clock
        clock = cancel(clock, terms, at, "retargeted")
        out.append(Happening("cancelled", at, clock, "retargeted"))
        return clock
    if wanted is terms and clock.live:
        return clock
    cause = _cause(old, record, terms.held, wanted.held)
    if rule == "keep":
        kept = traced(clock, "retargeted", at, cause=cause, rule=rule, before=clock)
        out.append(Happening("retargeted", at, kept, cause, rule, clock))
        return kept
    clock, happened = retarget(clock, terms, wanted, at, rule, cause, pause_reason(record, wanted.target))
    out += happened
    return clock


def _cause(old: Record, record: Record, before: Held, after: Held) -> str:
    if old.subject.priority != record.subject.priority or before.priority != after.priority:
        return "priority"
    if old.subject.service != record.subject.service:
        return "service"
    return "calendar" if before[:2] == after[:2] else "agreement"


def _reopened(clock: Clock, terms: Terms, record: Record, book: Book, out: list[Happening]) -> list[Clock]:
    at, rule = record.at, terms.target.on_reopen
    if rule == "ignore":
        return [clock]
    if rule == "restart":
        now = book.terms(record.subject, at).get(clock.key)
        if now is None:
            return [clock]
        fresh = start(now, at, clock.ordinal + 1, pause_reason(record, now.target))
        fresh = traced(fresh, "reopened", at, rule=rule, before=clock)
        out.append(Happening("reopened", at, fresh, rule=rule, before=clock))
        return [clock, fresh]
    open_again = replace(
        clock, outcome="missed" if clock.outcome == "missed" else "pending", state="running", stopped_at=None
    )
    open_again = replace(
        place(open_again, terms, at, pause_reason(record, terms.target)),
        held_since=at if terms.target.on_new_version == "follow" else clock.held_since,
    )
    open_again = traced(open_again, "reopened", at, rule=rule, before=clock)
    out.append(Happening("reopened", at, open_again, rule=rule, before=clock))
    if terms.target.on_priority_change == "keep" and terms.target.on_new_version == "pin":
        return [open_again]
    wanted = _wanted(open_again, terms, record, book)
    if terms.target.on_priority_change == "keep":
        wanted = book.after_new_version(terms, at)
    if wanted is None:
        open_again = cancel(open_again, terms, at, "retargeted")
        out.append(Happening("cancelled", at, open_again, "retargeted"))
    elif wanted is not terms:
        # What changed while the clock stood still counts from here on.
        held, asked = terms.held, wanted.held
        only_versions = (held.agreement, held.priority) == (asked.agreement, asked.priority)
        by = "follow" if only_versions else terms.target.on_priority_change
        reason = pause_reason(record, wanted.target)
        cause = _cause(record, record, held, asked)
        open_again, happened = retarget(open_again, terms, wanted, at, by, cause, reason)
        out += happened
    return [open_again]


def _started(
    clocks: tuple[Clock, ...], record: Record, old: Record | None, fact: Fact, book: Book, out: list[Happening]
) -> list[Clock]:
    """The clocks that begin with this fact, or with the change that it brings, if their start fact was before."""
    changed = old is not None and old.subject != record.subject
    if record.status == "cancelled" or not (changed or fact.kind in book.starts):
        return []
    started: list[Clock] = []
    keys = {clock.key for clock in clocks}
    at: datetime = record.at
    for terms in book.terms(record.subject, at).values():
        if terms.key in keys or terms.stops & record.standing:
            continue
        if fact.kind == terms.start or (changed and terms.start in record.standing):
            clock = start(terms, at, pause_reason=pause_reason(record, terms.target))
            clock = traced(replace(clock, time_went_back=record.time_went_back), "started", at)
            out.append(Happening("started", at, clock))
            started.append(clock)
    return started
