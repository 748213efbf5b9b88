"""The rows of the problem service."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    Boolean,
    Computed,
    DateTime,
    Index,
    MetaData,
    Sequence,
    SmallInteger,
    Text,
    UniqueConstraint,
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
NUMBERS = Sequence("problem_number", metadata=Row.metadata)
KNOWN_SEARCHED = (
    "to_tsvector('simple', (((((number || ' ') || title) || ' ') || left(symptom, 10000)) || ' ') || "
    "left(workaround, 10000))"
)
KNOWN_NUMBERS = Sequence("known_error_number", metadata=Row.metadata)


class Problem(Record, Row):
    """A cause behind incidents. `priority` follows the rule unless `priority_overridden`; None: not prioritised yet.

    `incidents` are the ids of those it is behind. `unlinked` are those taken away again: an incident that still names
    this problem is not counted against problem management's word. `recurrences` counts the closings of its incidents.
    `change_request` identifies the last wish for a change, `change` the one that is followed since.

    `cause_known` is None until the cause is identified, False where somebody accepted that it stays unknown. `fixed_at`
    is since when the fix is in place; `verdict` is what the incidents before and after it say. `review_reasons` are the
    conditions for a review that it met when it was closed.
    """

    __tablename__ = "problem"
    __table_args__ = (
        Index(None, "open", "opened_at", "id"),
        Index("ix_problem_incidents", "incidents", postgresql_using="gin"),
        Index("ix_problem_search", text(SEARCHED), postgresql_using="gin"),
        Index("ix_problem_change_request", "change_request", postgresql_where=text("change_request IS NOT NULL")),
        Index(
            "ix_problem_to_evaluate",
            "fixed_at",
            postgresql_where=text("fixed_at IS NOT NULL AND evaluated_at IS NULL"),
        ),
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
    cause_known: Mapped[bool | None]
    cause_code: Mapped[str | None]
    cause_method: Mapped[str | None]
    cause_evidence: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    cause_accepted_by: Mapped[str | None]
    cause_identified_at: Mapped[datetime | None]
    change: Mapped[UUID | None]
    change_number: Mapped[str | None]
    change_state: Mapped[str | None]
    fixed_at: Mapped[datetime | None]
    proof: Mapped[str | None]
    verdict: Mapped[str | None]
    evaluated_at: Mapped[datetime | None]
    incidents_before: Mapped[int | None]
    incidents_after: Mapped[int | None]
    review_reasons: Mapped[list[str]] = mapped_column(ARRAY(Text), server_default=text("'{}'"))
    reviewed_at: Mapped[datetime | None]
    open: Mapped[bool] = mapped_column(Boolean, Computed("state NOT IN ('closed', 'cancelled')", persisted=True))


class KnownError(Record, Row):
    """What the desk may use while the cause of a problem is there. Valid from `valid_from` until `valid_to`, half open.

    `review_due_at` is `review_at` until it has been told that it passed; `overdue_since` is it afterwards.
    """

    __tablename__ = "known_error"
    __table_args__ = (
        Index(None, "problem"),
        Index("ix_known_error_items", "items", postgresql_using="gin"),
        Index("ix_known_error_search", text(KNOWN_SEARCHED), postgresql_using="gin"),
        Index("ix_known_error_to_review", "review_due_at", postgresql_where=text("review_due_at IS NOT NULL")),
        Index("ix_known_error_to_expire", "valid_to", postgresql_where=text("state = 'published'")),
    )

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'KE-' || nextval('known_error_number')"))
    state: Mapped[str]
    problem: Mapped[UUID]
    problem_number: Mapped[str]
    title: Mapped[str]
    symptom: Mapped[str]
    workaround: Mapped[str]
    items: Mapped[list[str]] = mapped_column(ARRAY(Text))
    service: Mapped[str | None]
    category: Mapped[str | None]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    review_at: Mapped[datetime]
    review_due_at: Mapped[datetime | None]
    overdue_since: Mapped[datetime | None]
    published_at: Mapped[datetime]
    retired_at: Mapped[datetime | None]
    retired_because: Mapped[str | None]


class Trend(Row):
    """A finding: more incidents of one thing in a window than chance explains. Written once, but for `problem`: the one
    that was opened from it."""

    __tablename__ = "trend"
    __table_args__ = (UniqueConstraint("dimension", "value", "until"), Index(None, "until", "id"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    dimension: Mapped[str]
    value: Mapped[str]
    days: Mapped[int]
    until: Mapped[datetime]
    count: Mapped[int]
    expected: Mapped[float]
    probability: Mapped[float]
    threshold: Mapped[float]
    comparisons: Mapped[int]
    rule: Mapped[str | None]
    rule_version: Mapped[int | None]
    incidents: Mapped[list[UUID]] = mapped_column(ARRAY(Uuid))
    found_at: Mapped[datetime]
    problem: Mapped[UUID | None]


class TrendLook(Row):
    """Up to which midnight incidents were looked through for trends, and among how many things."""

    __tablename__ = "trend_look"

    until: Mapped[datetime] = mapped_column(primary_key=True)
    comparisons: Mapped[int]
    findings: Mapped[int]
    at: Mapped[datetime]


class KnownIncident(Row):
    """What problem management knows of an incident; kept from the incident topic.

    `problem` is the problem that the incident itself names, be it known here or not. `closings` counts how often it
    was closed; more than once where it was reopened.
    """

    __tablename__ = "known_incident"
    __table_args__ = (
        Index("ix_known_incident_problem", "problem", postgresql_where=text("problem IS NOT NULL")),
        Index(None, "opened_at"),
        Index("ix_known_incident_ci", "ci", "opened_at", postgresql_where=text("ci IS NOT NULL")),
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
