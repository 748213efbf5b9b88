"""The rows of the incident service."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    BigInteger,
    Boolean,
    Computed,
    DateTime,
    Index,
    MetaData,
    Sequence,
    SmallInteger,
    Text,
    Uuid,
    text,
)
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

from shared.database import Record, naming

Instant = DateTime(timezone=True)


class Row(DeclarativeBase):
    metadata = MetaData(naming_convention=naming)
    type_annotation_map = {datetime: Instant, str: Text, UUID: Uuid}  # noqa: RUF012 - SQLAlchemy's own form


# What a list is searched in. An index over the expression rather than a computed column: a column would be computed
# anew at every update, and keep the update from staying on its page. Its parentheses are those that PostgreSQL prints,
# by which a draft of a migration sees that nothing has changed.
SEARCHED = "to_tsvector('simple', (((number || ' ') || title) || ' ') || left(description, 10000))"
NUMBERS = Sequence("incident_number", metadata=Row.metadata)


class Incident(Record, Row):
    """An incident or service request. `priority` follows the matrix unless `priority_overridden`.

    `occurred_at`, `detected_at` and `recorded_at` are three different instants (INC-1); `opened_at` is when the clock
    of the agreement starts. `close_due_at` is when silence will close a resolved record. `children` counts the records
    that name this one as their parent (INC-9). While `in_history`, its past is being played in and time does nothing.
    """

    __tablename__ = "incident"
    __table_args__ = (
        Index(None, "open", "opened_at", "id"),
        Index(None, "organisation", "opened_at", "id"),
        Index("ix_incident_due", "close_due_at",
              postgresql_where=text("close_due_at IS NOT NULL AND in_history IS NOT TRUE")),
        Index("ix_incident_parent", "parent", postgresql_where=text("parent IS NOT NULL")),
        Index("ix_incident_problem", "problem", postgresql_where=text("problem IS NOT NULL")),
        Index("ix_incident_group_open", "group", "opened_at", "id",
              postgresql_where=text('open AND "group" IS NOT NULL')),
        Index("ix_incident_assignee_open", "assignee", "opened_at", "id",
              postgresql_where=text("open AND assignee IS NOT NULL")),
        Index("uq_incident_reference", "origin", "reference", unique=True,
              postgresql_where=text("origin IS NOT NULL")),
        Index("ix_incident_search", text(SEARCHED), postgresql_using="gin"),
        {"postgresql_with": {"fillfactor": "85"}},
    )  # fmt: skip

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'INC-' || nextval('incident_number')"))
    kind: Mapped[str]
    state: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    impact: Mapped[int] = mapped_column(SmallInteger)
    urgency: Mapped[int] = mapped_column(SmallInteger)
    priority: Mapped[int] = mapped_column(SmallInteger)
    priority_overridden: Mapped[bool]
    waiting_reason: Mapped[str | None]
    service: Mapped[str | None]
    ci: Mapped[str | None]
    category: Mapped[str | None]
    subcategory: Mapped[str | None]
    symptom: Mapped[str | None]
    caller: Mapped[str | None]
    channel: Mapped[str | None]
    group: Mapped[str | None]
    assignee: Mapped[str | None]
    occurred_at: Mapped[datetime | None]
    detected_at: Mapped[datetime | None]
    recorded_at: Mapped[datetime]
    opened_at: Mapped[datetime]
    taken_up_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    close_due_at: Mapped[datetime | None]
    resolution_code: Mapped[str | None]
    resolution_note: Mapped[str | None]
    cause: Mapped[str | None]
    closure_code: Mapped[str | None]
    confirmed_by: Mapped[str | None]
    reopen_count: Mapped[int]
    reassignment_count: Mapped[int]
    parent: Mapped[UUID | None]
    children: Mapped[int] = mapped_column(server_default="0")
    problem: Mapped[UUID | None]
    duplicate_of: Mapped[UUID | None]
    escalation: Mapped[str | None]
    escalated_to: Mapped[str | None]
    escalated_at: Mapped[datetime | None]
    acknowledged_at: Mapped[datetime | None]
    origin: Mapped[str | None]
    reference: Mapped[str | None]
    history_row: Mapped[int | None] = mapped_column(BigInteger)
    in_history: Mapped[bool | None]
    open: Mapped[bool] = mapped_column(Boolean, Computed("state NOT IN ('closed', 'cancelled')", persisted=True))


class HistoryReject(Row):
    """A row of another system's log that its record could not take in, and why."""

    __tablename__ = "history_reject"

    origin: Mapped[str] = mapped_column(primary_key=True)
    reference: Mapped[str] = mapped_column(primary_key=True)
    row: Mapped[int] = mapped_column(primary_key=True)
    reason: Mapped[str]


class Group(Row):
    """A support group. One that came with imported history is marked with where it came from."""

    __tablename__ = "support_group"

    name: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[int | None] = mapped_column(SmallInteger)
    origin: Mapped[str | None]


class Person(Row):
    """Somebody whom work can be assigned to."""

    __tablename__ = "person"

    name: Mapped[str] = mapped_column(primary_key=True)
    group: Mapped[str | None]
    origin: Mapped[str | None]


class KnownProblem(Row):
    """What incident staff should know of a problem without asking (PRB-8); kept from the problem topic."""

    __tablename__ = "known_problem"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    state: Mapped[str]
    title: Mapped[str | None]
    workaround: Mapped[str | None]
    changed_at: Mapped[datetime]
