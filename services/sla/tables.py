"""The rows of service level management: the records that are measured, their facts, and a clock per target.

These three are derived from the topics and the policies: they can be dropped and made again.
"""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Index, MetaData, SmallInteger, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import Record, naming

Instant = DateTime(timezone=True)


class Row(DeclarativeBase):
    metadata = MetaData(naming_convention=naming)
    type_annotation_map = {datetime: Instant, str: Text, UUID: Uuid, dict[str, Any]: JSONB}  # noqa: RUF012 - SQLAlchemy's own form


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
