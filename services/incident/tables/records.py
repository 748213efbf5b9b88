"""The records of incident management, and its directory of groups and people."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, Boolean, Computed, Index, Sequence, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from services.incident.tables.base import Row
from shared.database import Record

# What a list is searched in. An index over the expression rather than a computed column: a column would be computed
# anew at every update, and keep the update from staying on its page. Its parentheses are those that PostgreSQL prints,
# by which a draft of a migration sees that nothing has changed.
SEARCHED = "to_tsvector('simple', (((number || ' ') || title) || ' ') || left(description, 10000))"
NUMBERS = Sequence("incident_number", metadata=Row.metadata)
MAJOR_NUMBERS = Sequence("major_incident_number", metadata=Row.metadata)


class Incident(Record, Row):
    """An incident or service request. `priority` follows the matrix unless `priority_overridden`.

    `occurred_at`, `detected_at` and `recorded_at` are three different instants (INC-1); `opened_at` is when the clock
    of the agreement starts. `close_due_at` is when silence will close a resolved record. `children` counts the records
    that name this one as their parent (INC-9). While `in_history`, its past is being played in and time does nothing.

    The customer is told by `next_update_due`; once that is missed, `update_overdue_since` is when it was (INC-7). The
    three columns of JSON are lists of what few records have: see the models in `domain.particulars`.
    """

    __tablename__ = "incident"
    __table_args__ = (
        Index(None, "open", "opened_at", "id"),
        Index(None, "organisation", "opened_at", "id"),
        Index("ix_incident_due", "close_due_at",
              postgresql_where=text("close_due_at IS NOT NULL AND in_history IS NOT TRUE")),
        Index("ix_incident_update_due", "next_update_due",
              postgresql_where=text("next_update_due IS NOT NULL AND in_history IS NOT TRUE")),
        Index("ix_incident_overdue", "update_overdue_since",
              postgresql_where=text("update_overdue_since IS NOT NULL")),
        Index("ix_incident_sla_state", "sla_state", "opened_at", "id",
              postgresql_where=text("sla_state IS NOT NULL")),
        Index("ix_incident_cause_change", "cause_change", postgresql_where=text("cause_change IS NOT NULL")),
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
    cause_code: Mapped[str | None]
    effort_minutes: Mapped[int] = mapped_column(server_default="0")
    informed_at: Mapped[datetime | None]
    next_update_due: Mapped[datetime | None]
    update_overdue_since: Mapped[datetime | None]
    sla_state: Mapped[str | None]
    sla_due_at: Mapped[datetime | None]
    cause_change: Mapped[UUID | None]
    outages: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    workarounds: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    suspects: Mapped[list[dict[str, Any]] | None] = mapped_column(JSON)
    origin: Mapped[str | None]
    reference: Mapped[str | None]
    history_row: Mapped[int | None] = mapped_column(BigInteger)
    in_history: Mapped[bool | None]
    open: Mapped[bool] = mapped_column(Boolean, Computed("state NOT IN ('closed', 'cancelled')", persisted=True))


class MajorIncident(Record, Row):
    """The record beside an incident that strikes many (INC-6): one manager, a timetable of updates, a review.

    That an incident has one open major incident at most is the unique index's to say.
    """

    __tablename__ = "major_incident"
    __table_args__ = (
        Index("uq_major_incident_open", "incident", unique=True, postgresql_where=text("state = 'declared'")),
        Index(None, "incident"),
        Index(None, "declared_at", "id"),
        Index("ix_major_incident_update_due", "next_update_due", postgresql_where=text("next_update_due IS NOT NULL")),
    )

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'MAJ-' || nextval('major_incident_number')"))
    incident: Mapped[UUID]
    incident_number: Mapped[str]
    state: Mapped[str]
    title: Mapped[str]
    service: Mapped[str | None]
    ci: Mapped[str | None]
    criterion: Mapped[str]
    reason: Mapped[str]
    policy: Mapped[str | None]
    policy_version: Mapped[int | None]
    declared_by: Mapped[str]
    declared_at: Mapped[datetime]
    manager: Mapped[str]
    communications: Mapped[str | None]
    technical_lead: Mapped[str | None]
    scribe: Mapped[str | None]
    update_every_minutes: Mapped[int]
    next_update_due: Mapped[datetime | None]
    update_overdue_since: Mapped[datetime | None]
    updates_sent: Mapped[int]
    updates_missed: Mapped[int]
    last_update_at: Mapped[datetime | None]
    stood_down_at: Mapped[datetime | None]
    stand_down_reason: Mapped[str | None]
    reviewed_at: Mapped[datetime | None]
    went_well: Mapped[str | None]
    to_improve: Mapped[str | None]
    actions: Mapped[list[str] | None] = mapped_column(JSON)


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


class LogReader(Row):
    """How far a job of ours has read our own log."""

    __tablename__ = "log_reader"

    job: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[int] = mapped_column(BigInteger)
