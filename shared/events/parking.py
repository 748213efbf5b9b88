"""Messages that could not be taken in (dead letters), and those that wait behind them so that order holds."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text
from uuid_utils.compat import uuid7

from contracts.envelope import Message
from shared.bus import Arrival
from shared.clock import Clock
from shared.database import Database, Transaction

# Reasons that hold later messages of the same record back. A gap, and what is behind something, do not by themselves.
BLOCKING = frozenset({"poison", "unknown-type", "invalid"})
# Where a message was in its topic, kept among its headers: it is of the bus, not of the message.
PARTITION, OFFSET = "dead_partition", "dead_offset"

COLUMNS = (
    "id, topic, aggregate_id, sequence, reason, fault, tries, key, headers, value, parked_at, settled_at, settled_by, "
    "outcome"
)
PARK = text(
    f"INSERT INTO parked ({COLUMNS}) VALUES (:id, :topic, :aggregate_id, :sequence, :reason, :fault, :tries, :key, "
    ":headers, :value, :parked_at, NULL, NULL, NULL)"
)
WAITING = text(
    "SELECT aggregate_id, sequence, reason FROM parked "
    "WHERE topic = :topic AND aggregate_id = ANY(CAST(:ids AS uuid[])) AND settled_at IS NULL"
)
LOWEST = text(
    f"SELECT {COLUMNS} FROM parked WHERE topic = :topic AND aggregate_id = :id AND settled_at IS NULL ORDER BY sequence"
)
GIVEN_UP = text(
    "SELECT aggregate_id, sequence FROM parked "
    "WHERE topic = :topic AND aggregate_id = ANY(CAST(:ids AS uuid[])) AND outcome = 'discarded'"
)
SETTLE = text(
    "UPDATE parked SET settled_at = :now, settled_by = :by, outcome = :outcome WHERE id = :id AND settled_at IS NULL"
)
AGAIN = text("UPDATE parked SET reason = :reason, fault = :fault, tries = tries + 1 WHERE id = :id")
ONE = text(f"SELECT {COLUMNS} FROM parked WHERE id = :id")
LIST = text(
    f"SELECT {COLUMNS} FROM parked WHERE (settled_at IS NOT NULL) = :settled AND id > :after ORDER BY id LIMIT :limit"
)
RECORDS = text(
    "SELECT parked.topic, parked.aggregate_id FROM parked JOIN stream USING (topic, aggregate_id) "
    "WHERE settled_at IS NULL AND reason IN ('gap', 'behind') AND parked.sequence <= stream.sequence + 1 "
    "GROUP BY 1, 2 LIMIT 1000"
)
COUNT = text("SELECT reason, count(*) AS count FROM parked WHERE settled_at IS NULL GROUP BY reason")


@dataclass(frozen=True, slots=True)
class Parked:
    """One parked message. `sequence` is None where the message could not be read at all."""

    id: UUID
    topic: str
    aggregate_id: UUID | None
    sequence: int | None
    reason: str
    fault: str
    tries: int
    key: bytes | None
    headers: str
    value: bytes | None
    parked_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    outcome: str | None

    def given(self) -> list[tuple[str, bytes]]:
        """The headers as they came, and where."""
        return [(name, value.encode("latin-1")) for name, value in json.loads(self.headers)]

    def message(self) -> Message:
        """The message as it came. Raises ValueError where it is not a CloudEvent."""
        return Message.from_headers(dict(self.given()), self.value or b"")


class Parking:
    """The table of parked messages of one service."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self.database = database
        self.clock = clock

    async def park(self, transaction: Transaction, arrival: Arrival, reason: str, fault: str, tries: int = 1) -> None:
        message = arrival.message
        headers = [
            *(arrival.headers or (message.headers() if message else ())),
            (PARTITION, b"%d" % arrival.partition),
            (OFFSET, b"%d" % arrival.offset),
        ]
        value = message.data.encode() if arrival.value is None and message else arrival.value
        await transaction.execute(
            PARK,
            {
                "id": uuid7(),
                "topic": arrival.topic,
                "aggregate_id": message.aggregate_id if message else None,
                "sequence": message.sequence if message else None,
                "reason": reason,
                "fault": fault[:2000],
                "tries": tries,
                "key": arrival.key,
                "headers": json.dumps([(name, content.decode("latin-1")) for name, content in headers]),
                "value": value,
                "parked_at": self.clock.now(),
            },
        )

    async def waiting(self, transaction: Transaction, topic: str, ids: Sequence[UUID]) -> dict[tuple[UUID, int], str]:
        """The reason of each parked message of these records, by record and sequence."""
        rows = await transaction.execute(WAITING, {"topic": topic, "ids": list(ids)})
        return {(row.aggregate_id, row.sequence): row.reason for row in rows}

    async def given_up(self, transaction: Transaction, topic: str, ids: Sequence[UUID]) -> frozenset[tuple[UUID, int]]:
        """The record and sequence of each discarded message of these records."""
        rows = await transaction.execute(GIVEN_UP, {"topic": topic, "ids": list(ids)})
        return frozenset((row.aggregate_id, row.sequence) for row in rows)

    async def lowest(self, transaction: Transaction, topic: str, id: UUID) -> Any:
        """What is parked of one record with the lowest sequence; None where nothing is."""
        row = (await transaction.execute(LOWEST, {"topic": topic, "id": id})).first()
        return Parked(**row._mapping) if row is not None else None

    async def records(self) -> list[tuple[str, UUID]]:
        """The records of which something waits whose turn has come."""
        return [(row.topic, row.aggregate_id) for row in await self.database.rows(RECORDS, {})]

    async def settle(self, transaction: Transaction, parked: Parked, by: str, outcome: str) -> None:
        await transaction.execute(SETTLE, {"now": self.clock.now(), "by": by, "outcome": outcome, "id": parked.id})

    async def again(self, transaction: Transaction, parked: Parked, reason: str, fault: str) -> None:
        await transaction.execute(AGAIN, {"reason": reason, "fault": fault, "id": parked.id})

    async def one(self, id: UUID) -> Parked | None:
        rows = await self.database.rows(ONE, {"id": id})
        return Parked(**rows[0]._mapping) if rows else None

    async def list(self, *, settled: bool, after: UUID, limit: int) -> Sequence[Parked]:
        rows = await self.database.rows(LIST, {"settled": settled, "after": after, "limit": limit})
        return [Parked(**row._mapping) for row in rows]

    async def counts(self) -> dict[str, int]:
        """How many wait, by reason."""
        return {row.reason: row.count for row in await self.database.rows(COUNT, {})}
