"""The rows of the configuration service."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import (
    ARRAY,
    JSON,
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
from shared.database.graph import Edges

Instant = DateTime(timezone=True)


class Row(DeclarativeBase):
    metadata = MetaData(naming_convention=naming)
    type_annotation_map = {datetime: Instant, str: Text, UUID: Uuid}  # noqa: RUF012 - SQLAlchemy's own form


# As in other services, an index over the expression with the parentheses that PostgreSQL prints.
SEARCHED = "to_tsvector('simple', (((number || ' ') || name) || ' ') || COALESCE(title, ''))"
NUMBERS = (
    Sequence("item_number", metadata=Row.metadata),
    Sequence("relationship_number", metadata=Row.metadata),
)


class Item(Record, Row):
    """A configuration item as it is now. `name` is unique for good and never changes.

    `type_version` is the version of its type that it obeyed when its fields were last written.
    """

    __tablename__ = "configuration_item"
    __table_args__ = (
        Index(None, "type", "status"),
        Index(None, "owner"),
        Index(None, "source"),
        Index("ix_item_search", text(SEARCHED), postgresql_using="gin"),
    )

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'CI-' || nextval('item_number')"))
    name: Mapped[str] = mapped_column(unique=True)
    type: Mapped[str]
    type_version: Mapped[int]
    nature: Mapped[str]
    status: Mapped[str]
    title: Mapped[str | None]
    owner: Mapped[str | None]
    supplier: Mapped[str | None]
    location: Mapped[str | None]
    item_version: Mapped[str | None]
    criticality: Mapped[int | None] = mapped_column(SmallInteger)
    source: Mapped[str]
    links: Mapped[list[str]] = mapped_column(ARRAY(Text))
    attributes: Mapped[dict[str, Any]] = mapped_column(JSON)
    registered_at: Mapped[datetime]
    changed_at: Mapped[datetime]


class Relationship(Record, Row):
    """`source` stands in `kind` to `target` from `valid_from` until `valid_to`, half open; None: still.

    The ends' names and which of them feels the other's failure never change, so they are kept here.
    """

    __tablename__ = "relationship"
    __table_args__ = (
        Index("ix_relationship_provider", "provider", "dependent"),
        Index("ix_relationship_dependent", "dependent", "provider"),
        # Of those that hold there is one of each: two who add the same one at once cannot both succeed.
        Index("uq_relationship_held", "source", "target", "kind", unique=True,
              postgresql_where=text("valid_to IS NULL")),
    )  # fmt: skip

    number: Mapped[str] = mapped_column(unique=True, server_default=text("'REL-' || nextval('relationship_number')"))
    kind: Mapped[str]
    source: Mapped[UUID]
    source_ci: Mapped[str]
    target: Mapped[UUID]
    target_ci: Mapped[str]
    provider: Mapped[UUID]
    dependent: Mapped[UUID]
    valid_from: Mapped[datetime]
    valid_to: Mapped[datetime | None]
    origin: Mapped[str | None]
    holds: Mapped[bool] = mapped_column(Boolean, Computed("valid_to IS NULL", persisted=True))


FAILURES = Edges("relationship", "provider", "dependent")
"""From an item to what feels its failure; `FAILURES.back`: to what it relies on."""


class KnownRecord(Row):
    """What is known here of an incident, a problem or a change, from its topic. `items` are the names of items that it
    speaks of, services among them. A change's window is half open."""

    __tablename__ = "known_record"
    __table_args__ = (
        Index("ix_known_record_number", "number"),
        Index("ix_known_record_items", "items", postgresql_using="gin", postgresql_where=text("open")),
        {"postgresql_with": {"fillfactor": "85"}},
    )

    id: Mapped[UUID] = mapped_column(primary_key=True)
    kind: Mapped[str]
    number: Mapped[str]
    title: Mapped[str | None]
    state: Mapped[str]
    open: Mapped[bool] = mapped_column(Boolean)
    priority: Mapped[int | None] = mapped_column(SmallInteger)
    items: Mapped[list[str]] = mapped_column(ARRAY(Text))
    planned_start: Mapped[datetime | None]
    planned_end: Mapped[datetime | None]
