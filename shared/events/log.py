"""The event log as its readers see it: by log position, in commit order, without gaps.

The sequencer gives new events their position and hash; everything that reads by cursor (the buses, server-sent events,
exports, verification) goes by positions and only by them.
"""

import asyncio
from collections import deque
from collections.abc import Sequence
from hashlib import sha256
from itertools import islice
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from contracts.envelope import Message
from shared.database import Database

ORIGIN = bytes(32)
GATHER = 0.005
"""Seconds that an event waits for others to be sequenced with: a batch costs the log, the bus and every consumer nearly
the same whether it has one event or five."""
NAMES = (
    "position, id, aggregate_id, sequence, subject, organisation, type, data, occurred, recorded, actor, correlation, "
    "causation, traceparent, historical, hash"
)
READ = text(f"SELECT {NAMES} FROM event WHERE position > :after ORDER BY position LIMIT :limit")
HEAD = text("SELECT position, hash FROM log_head")
RECORD = text(f"SELECT {NAMES} FROM event WHERE aggregate_id = :id ORDER BY sequence LIMIT :limit")


def chained(previous: bytes, row: Any) -> bytes:
    """SHA-256 over the previous hash and the event as canonical JSON (an array in a fixed order)."""
    content = msgspec.json.encode(
        (
            row["id"], row["aggregate_id"], row["sequence"], row["subject"], row["organisation"], row["type"],
            row["data"], row["occurred"], row["recorded"], row["actor"], row["correlation"], row["causation"],
            row["traceparent"], row["historical"],
        )
    )  # fmt: skip
    return sha256(previous + content).digest()


def message(service: str, row: Any, position: int | None = None) -> Message:
    return Message(
        id=row["id"],
        source=f"/steward/{service}",
        type=row["type"],
        subject=row["subject"],
        aggregate_id=row["aggregate_id"],
        sequence=row["sequence"],
        occurred=row["occurred"],
        recorded=row["recorded"],
        actor=row["actor"],
        correlation=row["correlation"],
        causation=row["causation"],
        traceparent=row["traceparent"],
        organisation=row["organisation"],
        historical=row["historical"],
        position=row["position"] if position is None else position,
        data=row["data"],
    )


class Log:
    """Reads one service's log, and tells who waits for it when it has grown."""

    def __init__(self, service: str, database: Database, keep: int = 4096) -> None:
        self.service = service
        self.database = database
        self.end = 0
        self._waiting: set[asyncio.Event] = set()
        self._written = asyncio.Event()
        # The newest messages, so that followers in this process need not read back what was just sequenced.
        self._recent: deque[Message] = deque(maxlen=keep)

    def written(self) -> None:
        """An event was committed in this process: the sequencer need not wait for its poll."""
        self._written.set()

    async def unsequenced(self, timeout: float) -> None:
        """Wait until `written` was called, and a moment more for what comes with it, or until the time is up."""
        try:
            async with asyncio.timeout(timeout):
                await self._written.wait()
                await asyncio.sleep(GATHER)
        except TimeoutError:
            return
        finally:
            self._written.clear()

    def grown(self, messages: Sequence[Message]) -> None:
        """The sequencer's word that these have positions now and are committed."""
        if self._recent and messages[0].position != self._recent[-1].position + 1:
            self._recent.clear()
        self._recent.extend(messages)
        self.end = messages[-1].position
        for waiting in self._waiting:
            waiting.set()

    @staticmethod
    async def growth(followed: "Sequence[tuple[Log, int]]", timeout: float) -> None:
        """Wait until one of these logs has something after its position, or the time is up (a log's leader may be
        another process, which is heard of by reading only)."""
        if any(log.end > after for log, after in followed):
            return
        waiting = asyncio.Event()
        for log, _ in followed:
            log._waiting.add(waiting)
        try:
            async with asyncio.timeout(timeout):
                await waiting.wait()
        except TimeoutError:
            return
        finally:
            for log, _ in followed:
                log._waiting.discard(waiting)

    async def read(self, after: int, limit: int) -> list[Message]:
        """Up to `limit` messages with positions above `after`, in order."""
        if self._recent and self._recent[0].position <= after + 1:
            start = after + 1 - self._recent[0].position
            stop = min(start + limit, len(self._recent))
            if start < stop:
                return list(islice(self._recent, start, stop))
        rows = await self.database.rows(READ, {"after": after, "limit": limit})
        return [message(self.service, row._mapping) for row in rows]

    async def head(self) -> int:
        """The newest log position; 0 where nothing was recorded yet."""
        return (await self._head())[0]

    async def timeline(self, id: UUID, limit: int = 1000) -> list[Message]:
        """The events of one record in their order, those included that have no position yet (their position is 0)."""
        rows = await self.database.rows(RECORD, {"id": id, "limit": limit})
        return [message(self.service, row._mapping, row._mapping["position"] or 0) for row in rows]

    async def verify(self, batch: int = 5000) -> dict[str, object]:
        """Recompute the whole hash chain. The answer names the first position that does not fit, or None."""
        # Read before the events: those that are numbered meanwhile come on top, and are no forgery.
        first = await self._head()
        after, previous = 0, ORIGIN
        fits = first == (0, ORIGIN)
        while rows := await self.database.rows(READ, {"after": after, "limit": batch}):
            for row in rows:
                found = row._mapping
                if found["position"] != after + 1 or (previous := chained(previous, found)) != bytes(found["hash"]):
                    return {"verified": after, "broken_at": after + 1, "head": None}
                after += 1
                fits = fits or first == (after, previous)
            await asyncio.sleep(0)
        last = await self._head()
        # A log that was cut off verifies as far as it goes: the head says how far it must go, and no further.
        if after > last[0] or not fits:
            after = min(after, last[0] if after > last[0] else first[0] - 1)
            return {"verified": after, "broken_at": after + 1, "head": None}
        return {"verified": after, "broken_at": None, "head": previous.hex()}

    async def _head(self) -> tuple[int, bytes]:
        row = (await self.database.rows(HEAD, {}))[0]
        return row.position, bytes(row.hash)
