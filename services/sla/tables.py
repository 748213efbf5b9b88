"""The rows of service level management: what is measured, what it came to, and what people agree on because of it.

Records, facts, clocks and outages are derived from the topics and the policies: they can be dropped and made again.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Date,
    DateTime,
    Double,
    Index,
    MetaData,
    Sequence,
    SmallInteger,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import Record, naming

Instant = DateTime(timezone=True)


class Row(DeclarativeBase):
    metadata = MetaData(naming_convention=naming)
    type_annotation_map = {  # noqa: RUF012 - SQLAlchemy's own form
        datetime: Instant, date: Date, str: Text, UUID: Uuid, float: Double, dict[str, Any]: JSONB,
    }  # fmt: skip


class Clock(Record, Row):
    """The clock of one target and record, as it was shown when it was last written; `folded` is what the facts made of
    it (`rules.clock.Clock`), from which every later fact goes on.

    `priority` is the record's, `elapsed` the working time in microseconds up to `since`. What time alone changes is
    judged when it is read. `next_tick_at` is when time next has something to tell; None while the record is history.
    """

    __tablename__ = "clock"
    __table_args__ = (
        Index(None, "record"),
        Index(None, "organisation", "started_at", "id"),
        Index(None, "started_at", "id"),
        Index("ix_clock_next_tick", "next_tick_at", "id", postgresql_where=text("next_tick_at IS NOT NULL")),
        Index("ix_clock_due", "due_at", "id", postgresql_where=text("state = 'running'")),
        Index("ix_clock_stopped", "stopped_at", "service", postgresql_where=text("state = 'stopped'")),
        Index("ix_clock_missed", "breached_at", "id", postgresql_where=text("outcome = 'missed'")),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    number: Mapped[str] = mapped_column(unique=True)
    record: Mapped[UUID]
    record_number: Mapped[str]
    record_kind: Mapped[str]
    origin: Mapped[str | None]
    priority: Mapped[int] = mapped_column(SmallInteger)
    service: Mapped[str | None]
    group: Mapped[str | None]
    assignee: Mapped[str | None]
    agreement: Mapped[str]
    agreement_version: Mapped[int]
    calendar: Mapped[str]
    calendar_version: Mapped[int]
    target: Mapped[str]
    measure: Mapped[str]
    state: Mapped[str]
    outcome: Mapped[str]
    limit: Mapped[int] = mapped_column(BigInteger)
    elapsed: Mapped[int] = mapped_column(BigInteger)
    since: Mapped[datetime | None]
    started_at: Mapped[datetime]
    due_at: Mapped[datetime | None]
    late_from: Mapped[datetime | None]
    breached_at: Mapped[datetime | None]
    stopped_at: Mapped[datetime | None]
    historical: Mapped[bool]
    next_tick_at: Mapped[datetime | None]
    folded: Mapped[dict[str, Any]]


class Tracked(Row):
    """Another service's record as far as it matters here, after its fact `sequence`; `folded` is `rules.facts.Record`.

    `historical`: its facts are another system's past that is being played in, so time does not count on it yet.
    """

    __tablename__ = "tracked"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    topic: Mapped[str]
    organisation: Mapped[str | None]
    kind: Mapped[str]
    state: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    service: Mapped[str | None]
    group: Mapped[str | None]
    assignee: Mapped[str | None]
    origin: Mapped[str | None]
    historical: Mapped[bool]
    sequence: Mapped[int]
    at: Mapped[datetime]
    folded: Mapped[dict[str, Any]]


class Fact(Row):
    """One thing that happened to a tracked record, with what is needed to compute its clocks again.

    `at` is the time it came with, even where that lies before its predecessor's. `event` is the message's id.
    """

    __tablename__ = "fact"
    __table_args__ = (Index("ix_fact_closed", "at", "record", postgresql_where=text("kind = 'closed'")),)

    record: Mapped[UUID] = mapped_column(primary_key=True)
    sequence: Mapped[int] = mapped_column(primary_key=True)
    event: Mapped[UUID]
    at: Mapped[datetime]
    kind: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    organisation: Mapped[str | None]
    service: Mapped[str | None]
    reason: Mapped[str | None]
    historical: Mapped[bool]
    group: Mapped[str | None]
    assignee: Mapped[str | None]


class TakenIn(Row):
    """A policy by which every fact from its `effective_from` on has been judged; see `jobs.take_in_policies`."""

    __tablename__ = "taken_in"

    policy: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime]


class Outage(Row):
    """A time in which a service could not be used, wholly or in part, as a record's events have it by now.

    `id` tells it apart from other times of the record.
    """

    __tablename__ = "outage"
    __table_args__ = (Index(None, "service", "began_at"),)

    record: Mapped[UUID] = mapped_column(primary_key=True)
    id: Mapped[UUID] = mapped_column(primary_key=True)
    record_number: Mapped[str]
    organisation: Mapped[str | None]
    service: Mapped[str]
    ci: Mapped[str | None]
    began_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]
    degree: Mapped[str]
    planned: Mapped[bool]
    withdrawn: Mapped[bool]


class Measurement(Record, Row):
    """What a promise about a month came to, when the month was over. It is never edited: a late correction makes
    another one that `replaces` it.

    `made_from` is a digest of the rows that it was made from, by which a correction is seen. `organisation` is the
    agreement's customer where it has one alone. Lengths are in microseconds.
    """

    __tablename__ = "measurement"
    __table_args__ = (
        # One final measurement of a level and month, whoever else measures at the same time.
        Index("ix_measurement_final", "agreement", "level", "period", unique=True,
              postgresql_where=text("state = 'final'")),
        Index(None, "begins_at", "id"),
    )  # fmt: skip

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'MSR-' || nextval('measurement_number')"))
    state: Mapped[str]
    agreement: Mapped[str]
    agreement_version: Mapped[int]
    level: Mapped[str]
    measure: Mapped[str]
    service: Mapped[str | None]
    period: Mapped[str]
    begins_at: Mapped[datetime]
    ends_at: Mapped[datetime]
    outcome: Mapped[str]
    at_least: Mapped[float]
    value: Mapped[float | None]
    agreed: Mapped[int | None] = mapped_column(BigInteger)
    lost: Mapped[int | None] = mapped_column(BigInteger)
    budget: Mapped[int | None] = mapped_column(BigInteger)
    records: Mapped[int | None]
    counted: Mapped[int | None]
    measured_at: Mapped[datetime]
    made_from: Mapped[str]
    replaces: Mapped[UUID | None]
    replaced_by: Mapped[UUID | None]


class Review(Record, Row):
    """A day on which an agreement's parties look back, and what they said."""

    __tablename__ = "service_review"
    __table_args__ = (UniqueConstraint("agreement", "due_on"), Index(None, "due_on", "id"))

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'REV-' || nextval('service_review_number')"))
    state: Mapped[str]
    agreement: Mapped[str]
    agreement_version: Mapped[int]
    due_on: Mapped[date]
    held_on: Mapped[date | None]
    participants: Mapped[list[str]] = mapped_column(ARRAY(Text))
    notes: Mapped[str]
    reason: Mapped[str | None]


class Task(Record, Row):
    """An agreed action: what somebody has to do by a day, because a review or a breach asked for it."""

    __tablename__ = "agreed_action"
    __table_args__ = (
        Index(None, "source_id"),
        Index("ix_agreed_action_open", "due_on", "id", postgresql_where=text("state = 'open'")),
    )

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'ACT-' || nextval('agreed_action_number')"))
    state: Mapped[str]
    source: Mapped[str]
    source_id: Mapped[UUID]
    source_number: Mapped[str]
    agreement: Mapped[str]
    title: Mapped[str]
    owner: Mapped[str]
    due_on: Mapped[date]
    overdue_told: Mapped[bool]
    raised_at: Mapped[datetime]
    settled_at: Mapped[datetime | None]
    result: Mapped[str | None]


class Explanation(Record, Row):
    """Why a clock or measurement was missed, and what is done about it. `missed` is the id of that one."""

    __tablename__ = "explanation"

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'EXP-' || nextval('explanation_number')"))
    missed: Mapped[UUID] = mapped_column(unique=True)
    missed_number: Mapped[str]
    of: Mapped[str]
    agreement: Mapped[str]
    target: Mapped[str]
    service: Mapped[str | None]
    cause: Mapped[str]
    corrective_action: Mapped[str]
    action: Mapped[UUID | None]
    explained_by: Mapped[str]
    explained_at: Mapped[datetime]


NUMBERS = tuple(
    Sequence(f"{name}_number", metadata=Row.metadata)
    for name in ("measurement", "service_review", "agreed_action", "explanation")
)
