"""A clock between its row and the rules: how it is found, restored, shown and written."""

from collections.abc import Mapping
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID, uuid5

import msgspec
from sqlalchemy.orm.attributes import instance_dict

from services.sla.rules.agreements import Book
from services.sla.rules.clock import Clock as Measured
from services.sla.rules.clock import breach, follow, judge
from services.sla.rules.durations import MICROSECOND
from services.sla.rules.facts import Record as Told
from services.sla.rules.ticking import next_due
from services.sla.tables import Clock, Tracked
from shared.database.records import from_row


def clock_id(record: UUID, key: str, ordinal: int) -> UUID:
    """The same for the same record and measure, whenever it is derived."""
    return uuid5(record, f"{key}#{ordinal}")


def clock_number(record_number: str, key: str, ordinal: int) -> str:
    """What people call it: INC-1042/resolve, INC-1042/resolve/2 once restarted, INC-1042/OLA:network/resolve."""
    line, _, measure = key.rpartition(":")
    parts = [record_number, measure] if line == "SLA" else [record_number, line, measure]
    return "/".join([*parts, *([str(ordinal)] if ordinal > 1 else [])])


def measured(row: Clock) -> Measured:
    """What the facts made of it."""
    return msgspec.convert(row.folded, Measured)


def told_record(row: Tracked) -> Told:
    return msgspec.convert(row.folded, Told)


def shown(clock: Measured, book: Book, now: datetime, *, historical: bool) -> Measured:
    """The clock under the versions in force by now and missed once it is late. History is as its last fact left it."""
    if historical or not clock.live:
        return clock
    view, _ = follow(clock, book, now)
    return breach(view, now, [])


def fresh(record: Tracked, clock: Measured) -> Clock:
    """The row of a clock that has just started; `written` fills the rest."""
    return from_row(
        Clock,
        {
            "id": clock_id(record.id, clock.key, clock.ordinal),
            "number": clock_number(record.number, clock.key, clock.ordinal),
            "version": 0,
            "record": record.id,
            "record_number": record.number,
            "record_kind": record.kind,
            "origin": record.origin,
            "measure": clock.key.rpartition(":")[2],
        },
    )


OWNED = ("organisation", "priority", "service", "group", "assignee", "historical")


def owned(row: Clock, record: Tracked) -> None:
    """The record's figures, which the clock and its events repeat."""
    known = instance_dict(record)
    instance_dict(row).update({name: known[name] for name in OWNED})


def written(row: Clock, clock: Measured, book: Book, now: datetime) -> None:
    """Everything in the row that follows from the clock; `historical` must be set."""
    view = shown(clock, book, now, historical=row.historical)
    held = view.held
    instance_dict(row).update(
        agreement=held.agreement,
        agreement_version=held.agreement_version,
        calendar=held.calendar,
        calendar_version=held.calendar_version,
        target=held.target,
        state=view.state,
        outcome=view.outcome,
        limit=view.limit // MICROSECOND,
        elapsed=view.elapsed // MICROSECOND,
        since=view.since,
        started_at=view.started_at,
        due_at=view.due_at,
        late_from=view.late_from,
        breached_at=view.breached_at,
        stopped_at=view.stopped_at,
        next_tick_at=None if row.historical else next_due(clock, book, now),
        # Written as JSON by msgspec, which `measured` turns back.
        folded=clock,
    )


def view_of(row: Mapping[str, Any], book: Book, now: datetime) -> dict[str, Any]:
    """What people see of a clock, as it stands at the instant. `row` maps the columns of `tables.Clock`."""
    folded = msgspec.convert(row["folded"], Measured)
    clock = folded if row["historical"] else judge(folded, book, now)
    limit, elapsed = clock.limit // MICROSECOND, clock.elapsed // MICROSECOND
    own = ("id", "number", "version", "record", "record_number", "record_kind", "organisation", "service", "group")
    return {
        **{name: row[name] for name in (*own, "assignee", "priority", "measure", "historical", "origin")},
        "agreement": clock.held.agreement,
        "agreement_version": clock.held.agreement_version,
        "target": clock.held.target,
        "calendar": clock.held.calendar,
        "calendar_version": clock.held.calendar_version,
        "state": clock.state,
        "outcome": clock.outcome,
        "limit_microseconds": limit,
        "elapsed_microseconds": elapsed,
        "remaining_microseconds": max(limit - elapsed, 0),
        "started_at": clock.started_at,
        "due_at": clock.due_at,
        "late_from": clock.late_from,
        "breached_at": clock.breached_at,
        "breach_reason": clock.breach_cause,
        "paused_at": clock.paused_at,
        "pause_reason": clock.pause_reason,
        "stopped_at": clock.stopped_at,
        "cancelled_at": clock.cancelled_at,
        "cancel_reason": clock.cancel_reason,
        "time_went_back": clock.time_went_back,
        "warned": [float(Fraction(fraction)) for fraction, _ in clock.warned],
        "next_tick_at": row["next_tick_at"],
        "trace": clock.trace,
    }
