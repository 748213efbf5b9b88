"""The rows of the change service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Computed,
    DateTime,
    ForeignKeyConstraint,
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
    type_annotation_map = {datetime: Instant, str: Text, UUID: Uuid}  # noqa: RUF012 - SQLAlchemy's own form


# What a list is searched in; an index over the expression, in the form that PostgreSQL prints.
SEARCHED = "to_tsvector('simple', (((number || ' ') || title) || ' ') || left(description, 10000))"
# What collides by time is found by the window's range, half open.
PLANNED = "tstzrange(planned_start, planned_end)"
LIVE = "state IN ('requested', 'assessed', 'approved', 'implementing', 'failed')"
NUMBERS = Sequence("change_number", metadata=Row.metadata)
DELEGATION_NUMBERS = Sequence("delegation_number", metadata=Row.metadata)


class Change(Record, Row):
    """A request for change and what became of it.

    `round` counts how often approvals were voided: those of earlier rounds no longer count. `approvers` are those who
    agreed in this round. `acknowledged` has, by collision, why it may stay. `overdue` is set once it was told that the
    paperwork of an emergency is.
    """

    __tablename__ = "change"
    __table_args__ = (
        # Separation of duties for emergencies; for approvals see below.
        CheckConstraint("authorised_by <> requester", name="requester_never_authorises"),
        CheckConstraint("planned_end > planned_start", name="window_ends_after_it_starts"),
        UniqueConstraint("id", "requester"),
        UniqueConstraint("request"),
        Index(None, "open", "requested_at", "id"),
        Index("ix_change_items", "items", postgresql_using="gin"),
        Index(
            "ix_change_planned",
            text(PLANNED),
            postgresql_using="gist",
            postgresql_where=text("planned_start IS NOT NULL"),
        ),
        Index("ix_change_search", text(SEARCHED), postgresql_using="gin"),
        Index(
            "ix_change_paperwork",
            "paperwork_due",
            postgresql_where=text("documented_at IS NULL AND paperwork_due IS NOT NULL AND NOT overdue"),
        ),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'CHG-' || nextval('change_number')"))
    state: Mapped[str]
    title: Mapped[str]
    description: Mapped[str]
    reason: Mapped[str]
    benefit: Mapped[str]
    impact: Mapped[str]
    resources: Mapped[str]
    requester: Mapped[str]
    requested_at: Mapped[datetime]
    service: Mapped[str | None]
    items: Mapped[list[str]] = mapped_column(ARRAY(Text))
    group: Mapped[str | None]
    assignee: Mapped[str | None]
    planned_start: Mapped[datetime | None]
    planned_end: Mapped[datetime | None]
    outage_minutes: Mapped[int | None]
    plan: Mapped[str]
    backout: Mapped[str]
    remedy: Mapped[str]
    backout_minutes: Mapped[int | None]
    backout_tested: Mapped[bool | None]
    change_class: Mapped[str | None]
    risk: Mapped[str | None]
    points: Mapped[int]
    answers: Mapped[list[dict[str, Any]]] = mapped_column(JSONB)
    rule: Mapped[str | None]
    rule_version: Mapped[int | None]
    model: Mapped[str | None]
    model_version: Mapped[int | None]
    problem: Mapped[UUID | None]
    request: Mapped[UUID | None]
    incident: Mapped[UUID | None]
    round: Mapped[int]
    approvers: Mapped[list[str]] = mapped_column(ARRAY(Text))
    policy: Mapped[str | None]
    policy_version: Mapped[int | None]
    acknowledged: Mapped[dict[str, str]] = mapped_column(JSONB)
    authorised_by: Mapped[str | None]
    authorised_at: Mapped[datetime | None]
    paperwork_due: Mapped[datetime | None]
    documented_at: Mapped[datetime | None]
    overdue: Mapped[bool]
    justified: Mapped[bool | None]
    review: Mapped[str | None]
    started_at: Mapped[datetime | None]
    decide_by: Mapped[datetime | None]
    ended_at: Mapped[datetime | None]
    outcome: Mapped[str | None]
    restored: Mapped[bool | None]
    closed_at: Mapped[datetime | None]
    open: Mapped[bool] = mapped_column(
        Boolean, Computed("state NOT IN ('rejected', 'closed', 'cancelled')", persisted=True)
    )


class Approval(Row):
    """One person's agreement to one step, in one round.

    That the requester never approves, be it through or as a delegate, is the database's word: the requester here is the
    change's by a foreign key, and the two checks compare with it. A person counts once a round, whoever signs.
    """

    __tablename__ = "approval"
    __table_args__ = (
        ForeignKeyConstraint(["change", "requester"], ["change.id", "change.requester"]),
        CheckConstraint("by <> requester", name="requester_never_approves"),
        CheckConstraint("for_whom <> requester", name="requester_never_approves_by_delegate"),
        CheckConstraint("for_whom <> by", name="nobody_is_their_own_delegate"),
        CheckConstraint("counted = coalesce(for_whom, by)", name="counted_is_whose_approval_it_is"),
        UniqueConstraint("change", "round", "by"),
        UniqueConstraint("change", "round", "counted"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    change: Mapped[UUID]
    requester: Mapped[str]
    round: Mapped[int]
    step: Mapped[str]
    by: Mapped[str]
    for_whom: Mapped[str | None]
    counted: Mapped[str]
    given_at: Mapped[datetime]
    note: Mapped[str]


class Delegation(Record, Row):
    """Who may approve in whose place, with which of the approver's roles. `ended_at`: taken back before its end."""

    __tablename__ = "delegation"
    __table_args__ = (
        CheckConstraint("delegate <> approver", name="delegate_is_another"),
        CheckConstraint("ends > begins", name="ends_after_it_begins"),
        Index(None, "approver", "delegate"),
    )

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'DEL-' || nextval('delegation_number')"))
    approver: Mapped[str]
    delegate: Mapped[str]
    roles: Mapped[list[str]] = mapped_column(ARRAY(Text))
    begins: Mapped[datetime]
    ends: Mapped[datetime]
    granted_at: Mapped[datetime]
    ended_at: Mapped[datetime | None]


class ToldCollision(Row):
    """A collision that was told once, and need not be again. Bookkeeping; the timeline has the collision."""

    __tablename__ = "told_collision"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    change: Mapped[UUID]
    told_at: Mapped[datetime]


class Checked(Row):
    """At which version of the change, and against which state of everything else, collisions were last looked for."""

    __tablename__ = "checked"

    change: Mapped[UUID] = mapped_column(primary_key=True)
    version: Mapped[int]
    against: Mapped[str]


class PublishedSchedule(Row):
    """What the last publication of the schedule said, as a digest. One row."""

    __tablename__ = "published_schedule"

    one: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    digest: Mapped[str]
    published_at: Mapped[datetime]


class KnownItem(Row):
    """A configuration item, kept from its topic."""

    __tablename__ = "known_item"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(unique=True)
    nature: Mapped[str]
    type: Mapped[str]
    status: Mapped[str]


class KnownRelationship(Row):
    """What depends on what, kept from its topic: a failure of `provider` is felt by `dependent`."""

    __tablename__ = "known_relationship"
    __table_args__ = (
        Index(None, "provider", "valid_to"),
        Index(None, "dependent", "valid_to"),
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    provider: Mapped[UUID]
    dependent: Mapped[UUID]
    provider_ci: Mapped[str]
    dependent_ci: Mapped[str]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]


class KnownMajor(Row):
    """A major incident, kept from its topic."""

    __tablename__ = "known_major"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    number: Mapped[str]
    state: Mapped[str]
    service: Mapped[str | None]
    ci: Mapped[str | None]
    declared_at: Mapped[datetime]


class Knowledge(Row):
    """How much was heard of relationships and major incidents: another count, and collisions are looked for anew."""

    __tablename__ = "knowledge"

    one: Mapped[int] = mapped_column(SmallInteger, primary_key=True, autoincrement=False)
    heard: Mapped[int] = mapped_column(BigInteger)
