"""The rows of the problem service."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Boolean, Computed, DateTime, Index, MetaData, Sequence, SmallInteger, Text, Uuid, text
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
NUMBERS = Sequence("problem_number", metadata=Row.metadata)


class Problem(Record, Row):
    """A cause behind incidents. `priority` follows the rule unless `priority_overridden`; None: not prioritised yet.

    `incidents` are the ids of those it is behind. `unlinked` are those taken away again: an incident that still names
    this problem is not counted against problem management's word. `recurrences` counts the closings of its incidents.
    `change_request` identifies the last wish for a change.
    """

    __tablename__ = "problem"
    __table_args__ = (
        Index(None, "open", "opened_at", "id"),
        Index("ix_problem_incidents", "incidents", postgresql_using="gin"),
        Index("ix_problem_search", text(SEARCHED), postgresql_using="gin"),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'PRB-' || nextval('problem_number')"))
    state: Mapped[str]
    source: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    frequency: Mapped[int | None] = mapped_column(SmallInteger)
    impact: Mapped[int | None] = mapped_column(SmallInteger)
    cost: Mapped[int | None] = mapped_column(SmallInteger)
    priority: Mapped[int | None] = mapped_column(SmallInteger)
    priority_overridden: Mapped[bool]
    waiting_reason: Mapped[str | None]
    service: Mapped[str | None]
    ci: Mapped[str | None]
    category: Mapped[str | None]
    group: Mapped[str | None]
    assignee: Mapped[str | None]
    incidents: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    unlinked: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    recurrences: Mapped[int]
    last_recurrence_at: Mapped[datetime | None]
    workaround: Mapped[str | None]
    workaround_at: Mapped[datetime | None]
    change_request: Mapped[UUID | None]
    change_requested_at: Mapped[datetime | None]
    opened_at: Mapped[datetime]
    taken_up_at: Mapped[datetime | None]
    resolved_at: Mapped[datetime | None]
    closed_at: Mapped[datetime | None]
    resolution_code: Mapped[str | None]
    resolution_note: Mapped[str | None]
    cause: Mapped[str | None]
    closure_code: Mapped[str | None]
    reopen_count: Mapped[int]
    reassignment_count: Mapped[int]
    open: Mapped[bool] = mapped_column(Boolean, Computed("state NOT IN ('closed', 'cancelled')", persisted=True))


class KnownIncident(Row):
    """What problem management knows of an incident; kept from the incident topic.

    `problem` is the problem that the incident itself names, be it known here or not. `closings` counts how often it
    was closed; more than once where it was reopened.
    """

    __tablename__ = "known_incident"
    __table_args__ = (
        Index("ix_known_incident_problem", "problem", postgresql_where=text("problem IS NOT NULL")),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    kind: Mapped[str]
    state: Mapped[str]
    title: Mapped[str | None]
    organisation: Mapped[str]
    priority: Mapped[int] = mapped_column(SmallInteger)
    service: Mapped[str | None]
    ci: Mapped[str | None]
    category: Mapped[str | None]
    problem: Mapped[UUID | None]
    closings: Mapped[int]
    opened_at: Mapped[datetime]
    closed_at: Mapped[datetime | None]
