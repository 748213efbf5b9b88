"""What is told of a clock: the event of each happening, with the clock as it is then."""

from collections.abc import Callable
from datetime import datetime
from fractions import Fraction
from typing import Any

from sqlalchemy.orm.attributes import instance_dict

from contracts.sla import (
    ClockBreached,
    ClockCancelled,
    ClockFact,
    ClockPaused,
    ClockReopened,
    ClockResumed,
    ClockRetargeted,
    ClockStarted,
    ClockStopped,
    ClockWarned,
)
from services.sla.rules.agreements import Book
from services.sla.rules.clock import Clock as Measured
from services.sla.rules.clock import Happening, settle
from services.sla.rules.durations import MICROSECOND
from services.sla.tables import Clock

TO_MANAGER = Fraction(3, 4)
"""A warning from this fraction on goes to the manager too, not to the owner alone (SLM-10)."""


def told(row: Clock, happening: Happening, book: Book) -> ClockFact:
    """The event of one happening. `row` gives the record's figures at that time."""
    return TELLING[happening.what](figures(row, happening.clock), happening, book)


def figures(row: Clock, clock: Measured) -> dict[str, Any]:
    """What each event of a clock repeats of it. `due_at` and `late_from` are told only while it runs."""
    held, runs, known = clock.held, clock.state == "running", instance_dict(row)
    return {
        "record": known["record"],
        "record_number": known["record_number"],
        "record_kind": known["record_kind"],
        "organisation": known["organisation"],
        "priority": known["priority"],
        "service": known["service"],
        "group": known["group"],
        "assignee": known["assignee"],
        "agreement": held.agreement,
        "agreement_version": held.agreement_version,
        "calendar": held.calendar,
        "calendar_version": held.calendar_version,
        "target": held.target,
        "measure": known["measure"],
        "state": clock.state,
        "outcome": clock.outcome,
        "started_at": clock.started_at,
        "limit_microseconds": clock.limit // MICROSECOND,
        "elapsed_microseconds": clock.elapsed // MICROSECOND,
        "due_at": clock.due_at if runs else None,
        "late_from": clock.late_from if runs else None,
    }


def elapsed_at(clock: Measured, at: datetime, book: Book) -> int:
    """The working time in microseconds at an instant of the clock's present stretch."""
    return settle(clock, book.recall(clock.held), at).elapsed // MICROSECOND


def _started(known: dict[str, Any], happening: Happening, book: Book) -> ClockFact:
    return ClockStarted(**known)


def _paused(known: dict[str, Any], happening: Happening, book: Book) -> ClockFact:
    return ClockPaused(**known, reason=happening.cause or "")


def _resumed(known: dict[str, Any], happening: Happening, book: Book) -> ClockFact:
    assert happening.before is not None
    return ClockResumed(**known, paused_at=happening.before.paused_at)


def _warned(known: dict[str, Any], happening: Happening, book: Book) -> ClockFact:
    share = Fraction(happening.fraction or 0)
    known["elapsed_microseconds"] = elapsed_at(happening.clock, happening.at, book)
    return ClockWarned(**known, fraction=float(share), to="manager" if share >= TO_MANAGER else "owner")


def _breached(known: dict[str, Any], happening: Happening, book: Book) -> ClockFact:
    known["elapsed_microseconds"] = elapsed_at(happening.clock, happening.at, book)
    reason = "retargeted" if happening.cause == "retargeted" else "time"
    return ClockBreached(**known, breached_at=happening.at, reason=reason)


def _stopped(known: dict[str, Any], happening: Happening, book: Book) -> ClockFact:
    return ClockStopped(**known, stopped_at=happening.at, breached_at=happening.clock.breached_at)


def _retargeted(known: dict[str, Any], happening: Happening, book: Book) -> ClockFact:
    before = happening.before
    assert before is not None
    return ClockRetargeted(
        **known,
        cause=happening.cause,
        rule=happening.rule,
        previous_priority=before.held.priority,
        previous_agreement=before.held.agreement,
        previous_agreement_version=before.held.agreement_version,
        previous_calendar=before.held.calendar,
        previous_calendar_version=before.held.calendar_version,
        previous_limit_microseconds=before.limit // MICROSECOND,
        previous_due_at=before.due_at,
    )


def _reopened(known: dict[str, Any], happening: Happening, book: Book) -> ClockFact:
    before = happening.before
    assert before is not None
    return ClockReopened(**known, rule=happening.rule, previous_outcome=before.outcome, stopped_at=before.stopped_at)


def _cancelled(known: dict[str, Any], happening: Happening, book: Book) -> ClockFact:
    return ClockCancelled(**known, reason=happening.cause or "withdrawn")


TELLING: dict[str, Callable[[dict[str, Any], Happening, Book], ClockFact]] = {
    "started": _started,
    "paused": _paused,
    "resumed": _resumed,
    "warned": _warned,
    "breached": _breached,
    "stopped": _stopped,
    "retargeted": _retargeted,
    "reopened": _reopened,
    "cancelled": _cancelled,
}
