"""What the incident desk keeps of other services' facts; every row derives from their topics and from nothing else."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ARRAY, Index, SmallInteger, Text, text
from sqlalchemy.orm import Mapped, mapped_column

from services.incident.tables.base import Row

# The words by which known errors and problems are found for an incident: in English, where "orders" is "order"; words
# of other languages are compared as they are.
ERROR_WORDS = "to_tsvector('english', (title || ' ') || symptom)"
PROBLEM_WORDS = "to_tsvector('english', (COALESCE(title, '') || ' ') || COALESCE(workaround, ''))"


class KnownProblem(Row):
    """What incident staff should know of a problem without asking (PRB-8); kept from the problem topic."""

    __tablename__ = "known_problem"
    __table_args__ = (Index("ix_known_problem_words", text(PROBLEM_WORDS), postgresql_using="gin"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    state: Mapped[str]
    title: Mapped[str | None]
    workaround: Mapped[str | None]
    service: Mapped[str | None]
    ci: Mapped[str | None]
    changed_at: Mapped[datetime]


class KnownError(Row):
    """A known error of problem management, with what it is about and from when to when it may be used."""

    __tablename__ = "known_error"
    __table_args__ = (
        Index("ix_known_error_words", text(ERROR_WORDS), postgresql_using="gin"),
        Index("ix_known_error_items", "items", postgresql_using="gin"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
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


class KnownItem(Row):
    """A configuration item, by its unchangeable name; kept from the topic of configuration management."""

    __tablename__ = "known_item"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(index=True)
    type: Mapped[str]
    nature: Mapped[str]
    status: Mapped[str]
    criticality: Mapped[int | None] = mapped_column(SmallInteger)
    owner: Mapped[str | None]


class Dependency(Row):
    """A failure of `provider` is felt by `dependent`, from `valid_from` until `valid_to`, half open."""

    __tablename__ = "dependency"
    __table_args__ = (Index(None, "provider", "valid_to"), Index(None, "dependent", "valid_to"))

    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[UUID]
    dependent: Mapped[UUID]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


class RecentChange(Row):
    """A change, what it alters and when it really did; kept from the topic of change management."""

    __tablename__ = "recent_change"
    __table_args__ = (
        Index(None, "number"),
        Index("ix_recent_change_started_at", "started_at", postgresql_where=text("started_at IS NOT NULL")),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    state: Mapped[str]
    title: Mapped[str]
    service: Mapped[str | None]
    items: Mapped[list[str]] = mapped_column(ARRAY(Text))
    started_at: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]


class SlaClock(Row):
    """An agreement's clock on an incident that was warned of or has breached; others are not kept (INC-7)."""

    __tablename__ = "sla_clock"
    __table_args__ = (Index(None, "record"),)

    id: Mapped[UUID] = mapped_column(primary_key=True)
    record: Mapped[UUID]
    target: Mapped[str]
    state: Mapped[str]
    outcome: Mapped[str]
    due_at: Mapped[datetime | None]
    fraction: Mapped[float]
