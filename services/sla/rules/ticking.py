"""What time alone brings: warnings and breaches that are due, with their true instants.

A tick decides nothing about a clock: it only notes what it has told (`warned`, `announced`), so that ticks at any time
give the same clocks as no ticks but for the warnings.
"""

from dataclasses import replace
from datetime import datetime

from services.sla.rules.agreements import Book
from services.sla.rules.clock import Clock, Happening, breach, follow, needed


def due_warnings(clock: Clock, book: Book) -> list[tuple[str, datetime]]:
    """(fraction, instant) of each warning that was not yet given, in order of time: when the running clock reaches the
    fraction of its limit, or the beginning of its present stretch where it was above the fraction then."""
    if clock.state != "running" or clock.outcome != "pending" or clock.since is None:
        return []
    terms = book.recall(clock.held)
    found: list[tuple[str, datetime]] = []
    for share in sorted(terms.target.warnings):
        fraction = str(share)
        if fraction in clock.warned:
            continue
        instant = terms.calendar.add(clock.since, needed(fraction, clock.limit) - clock.elapsed)
        if instant is not None:
            found.append((fraction, instant))
    return found


def next_due(clock: Clock, book: Book) -> datetime | None:
    """The instant to index: `tick` has nothing to tell up to it, and may have after it. None where time alone brings
    nothing, as for a paused clock of a pinned version."""
    if not clock.live:
        return None
    instants = [instant for _, instant in due_warnings(clock, book)]
    if clock.outcome == "pending" and clock.late_from is not None and not clock.announced:
        instants.append(clock.late_from)
    if book.recall(clock.held).target.on_new_version == "follow":
        # A version that was followed already and changed nothing is before `held_since` only once a fact has come.
        instants += book.new_versions(clock.held, clock.held_since, _END)[:1]
    return min(instants, default=None)


def tick(clock: Clock, book: Book, now: datetime) -> tuple[Clock, list[Happening]]:
    """The clock with what has been told by now, and what is to be told, in order of time. Each warning's instant is at
    or before `now`, a breach's before it."""
    view, _ = follow(clock, book, now)
    out: list[Happening] = []
    for fraction, instant in due_warnings(view, book):
        if instant <= now and (view.late_from is None or instant <= view.late_from):
            view = replace(view, warned=(*view.warned, fraction))
            out.append(Happening("warned", instant, view, fraction=fraction))
    view = breach(view, now, out)
    if not out:
        return clock, out
    return replace(clock, warned=view.warned, announced=view.announced), out


_END = datetime.fromisoformat("9999-12-31T00:00:00+00:00")
