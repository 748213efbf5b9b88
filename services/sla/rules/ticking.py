"""What time alone brings: warnings and breaches that are due, with their true instants.

A tick decides nothing about a clock: it only notes what it has told (`warned`, `announced`), so that ticks at any time
give the same clocks as no ticks but for the warnings.
"""

from dataclasses import replace
from datetime import datetime

from services.sla.rules.agreements import Book
from services.sla.rules.calendar import ZERO
from services.sla.rules.clock import Clock, Happening, breach, follow, needed


def due_warnings(clock: Clock, book: Book) -> list[tuple[str, datetime]]:
    """(fraction, instant) of each warning that was not yet given, in order of time: when the running clock reaches the
    fraction of its limit, or the beginning of its present stretch where it was above the fraction then."""
    if clock.state != "running" or clock.outcome != "pending" or clock.since is None:
        return []
    terms, warned = book.recall(clock.held), dict(clock.warned)
    found: list[tuple[str, datetime]] = []
    for share in sorted(terms.target.warnings):
        fraction = str(share)
        missing = needed(fraction, clock.limit) - clock.elapsed
        instant = terms.calendar.add(clock.since, missing)
        told = fraction in warned and (missing <= ZERO or warned[fraction] == instant)
        if instant is not None and not told:
            found.append((fraction, instant))
    return found


def next_due(clock: Clock, book: Book, now: datetime) -> datetime | None:
    """The instant to index after a fact or tick: there is nothing to tell before it. It lies in the past where ticks
    are late. None where time alone brings nothing, as to a paused clock of a pinned version."""
    view, _ = follow(clock, book, now)
    if not view.live:
        return None
    instants = [instant for _, instant in due_warnings(view, book)]
    if view.outcome == "pending" and view.late_from is not None and untold(view, view.late_from):
        instants.append(view.late_from)
    if view.breached_at is not None and untold(clock, view.breached_at):
        instants.append(view.breached_at)
    if book.recall(view.held).target.on_new_version == "follow":
        instants += book.new_versions(view.held, now, _END)[:1]
    return min(instants, default=None)


def untold(clock: Clock, breach: datetime) -> bool:
    """Whether a breach at the instant is still to be told."""
    return clock.announced is None or clock.announced < breach


def tick(clock: Clock, book: Book, now: datetime) -> tuple[Clock, list[Happening]]:
    """The clock with what has been told by now, and what is to be told, in order of time. Each warning's instant is at
    or before `now`, a breach's before it."""
    view, happened = follow(clock, book, now)
    # That the terms are others is told with the next fact; that the clock is missed by it cannot wait so long.
    out = [each for each in happened if each.what == "breached"]
    for fraction, instant in due_warnings(view, book):
        if instant <= now:
            view = replace(view, warned=(*((f, at) for f, at in view.warned if f != fraction), (fraction, instant)))
            out.append(Happening("warned", instant, view, fraction=fraction))
    view = breach(view, now, out)
    if not out:
        return clock, out
    return replace(clock, warned=view.warned, announced=view.announced), out


_END = datetime.fromisoformat("9999-12-31T00:00:00+00:00")
