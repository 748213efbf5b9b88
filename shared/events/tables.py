"""The tables that every service's database has beside its own: log, stored answers, inbox, parked messages.

Declared once; each service's migrations create them by `shared.events.tables.METADATA`.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)

from shared.database.records import naming

METADATA = MetaData(naming_convention=naming)
Instant = DateTime(timezone=True)

# Outbox, timeline, audit trail and history for replay in one. `position` and `hash` are the sequencer's.
EVENT = Table(
    "event",
    METADATA,
    Column("serial", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("aggregate_id", Uuid, nullable=False),
    Column("sequence", Integer, nullable=False),
    Column("subject", Text, nullable=False),
    Column("organisation", Text),
    Column("type", Text, nullable=False),
    Column("data", Text, nullable=False),
    Column("occurred", Instant, nullable=False),
    Column("recorded", Instant, nullable=False),
    Column("actor", Text, nullable=False),
    Column("correlation", Uuid, nullable=False),
    Column("causation", Uuid),
    Column("traceparent", Text),
    Column("historical", Boolean, nullable=False),
    Column("position", BigInteger),
    Column("hash", LargeBinary),
    UniqueConstraint("aggregate_id", "sequence"),
    UniqueConstraint("position"),
    Index("ix_event_unsequenced", "serial", postgresql_where=text("position IS NULL")),
)

# One row: the end of the log, and how far it has been published.
LOG_HEAD = Table(
    "log_head",
    METADATA,
    Column("one", SmallInteger, primary_key=True, server_default="1"),
    Column("position", BigInteger, nullable=False),
    Column("hash", LargeBinary, nullable=False),
    Column("published", BigInteger, nullable=False),
)

IDEMPOTENCY = Table(
    "idempotency",
    METADATA,
    Column("caller", Text, primary_key=True),
    Column("key", Text, primary_key=True),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("status", SmallInteger, nullable=False),
    Column("body", Text, nullable=False),
    Column("recorded", Instant, nullable=False),
    Index(None, "recorded"),
)

# What each handler has taken in. The sequence below never expires; these rows may (see shared.events.upkeep).
INBOX = Table(
    "inbox",
    METADATA,
    Column("handler", Text, primary_key=True),
    Column("event_id", Uuid, primary_key=True),
    Column("recorded", Instant, nullable=False),
    Column("processed_at", Instant, nullable=False, server_default=text("clock_timestamp()")),
    Index(None, "processed_at"),
)

# The last sequence seen of each record elsewhere: what is at or below it is a duplicate, what leaves one out is a gap.
STREAM = Table(
    "stream",
    METADATA,
    Column("topic", Text, primary_key=True),
    Column("aggregate_id", Uuid, primary_key=True),
    Column("sequence", Integer, nullable=False),
)

# How far the in-process bus has handed a topic to this service. Kafka keeps its own.
CURSOR = Table(
    "cursor",
    METADATA,
    Column("topic", Text, primary_key=True),
    Column("position", BigInteger, nullable=False),
)

# Messages that could not be taken in, and those that wait behind them.
PARKED = Table(
    "parked",
    METADATA,
    Column("id", Uuid, primary_key=True),
    Column("topic", Text, nullable=False),
    Column("aggregate_id", Uuid),
    Column("sequence", Integer),
    Column("reason", Text, nullable=False),
    Column("fault", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("key", LargeBinary),
    Column("headers", Text, nullable=False),
    Column("value", LargeBinary),
    Column("parked_at", Instant, nullable=False),
    Column("settled_at", Instant),
    Column("settled_by", Text),
    Column("outcome", Text),
    Index("ix_parked_waiting", "topic", "aggregate_id", "sequence", postgresql_where=text("settled_at IS NULL")),
)

# What makes the log append-only whoever connects: nothing is deleted or rewritten, a position and hash are given once.
APPEND_ONLY = (
    "INSERT INTO log_head (one, position, hash, published) VALUES (1, 0, decode(repeat('00', 32), 'hex'), 0)",
    "CREATE FUNCTION event_is_append_only() RETURNS trigger LANGUAGE plpgsql AS "
    "$$ BEGIN RAISE EXCEPTION 'the event log is append-only'; END $$",
    "CREATE TRIGGER event_rewritten BEFORE DELETE OR UPDATE OF serial, id, aggregate_id, sequence, subject, "
    "organisation, type, data, occurred, recorded, actor, correlation, causation, traceparent, historical ON event "
    "FOR EACH ROW EXECUTE FUNCTION event_is_append_only()",
    "CREATE TRIGGER event_renumbered BEFORE UPDATE OF position, hash ON event "
    "FOR EACH ROW WHEN (OLD.position IS NOT NULL) EXECUTE FUNCTION event_is_append_only()",
    "CREATE TRIGGER event_truncated BEFORE TRUNCATE ON event EXECUTE FUNCTION event_is_append_only()",
)
