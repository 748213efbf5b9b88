"""Gives committed events their log position and hash: one leader per service, in commit order, without gaps.

Insert order is not commit order: a cursor over the insert position loses what commits late. Draining what has no
position yet, in insert order, loses nothing and inverts nothing, because a record's events are inserted under its lock.
The leader is elected by a session advisory lock on a connection of its own (never through a transaction pooler). A
batch is read with one statement and numbered with one that changes nothing unless the log still ends where it did
before the reading: a leader that was cut off and does not know cannot number twice.
"""

import asyncio
import os
import socket

import asyncpg
import structlog
from sqlalchemy import make_url

from shared.database import Database
from shared.events.log import Log, chained, message

LEADER = 7_316_001
POLL = 0.2

PENDING = """
SELECT serial, id, aggregate_id, sequence, subject, organisation, type, data, occurred, recorded, actor, correlation,
       causation, traceparent, historical
FROM event WHERE position IS NULL ORDER BY serial LIMIT $1
"""
HEAD = "SELECT position, hash FROM log_head"
# Who comes second waits for the head's row, and then it is not the one it has read.
NUMBER = """
WITH head AS (
  UPDATE log_head SET position = $5, hash = $6 WHERE position = $4 RETURNING position
), numbered AS (
  UPDATE event SET position = given.position, hash = given.hash
  FROM head, unnest($1::bigint[], $2::bigint[], $3::bytea[]) AS given (serial, position, hash)
  WHERE event.serial = given.serial RETURNING 1
)
SELECT count(*) FROM numbered
"""
log = structlog.get_logger(__name__)


async def direct(database: Database) -> asyncpg.Connection:
    """A connection outside the pools, for locks that belong to a session."""
    url = make_url(database.url)
    query = dict(url.query)
    connecting: asyncio.Task[asyncpg.Connection] = asyncio.ensure_future(
        asyncpg.connect(
            host=query.get("host") or url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            database=url.database,
            timeout=10,
            command_timeout=60,
            # A row is found by its primary key whatever the planner believes of a table that has just grown.
            server_settings={
                # So that `pg_stat_activity` tells who leads. PostgreSQL cuts names off at 63 bytes.
                "application_name": f"sequencer {os.getpid()} {socket.gethostname()[:40]}",
                "enable_hashjoin": "off",
                "enable_mergejoin": "off",
                "enable_seqscan": "off",
                "jit": "off",
            },
        )
    )
    try:
        return await asyncio.shield(connecting)
    except asyncio.CancelledError:
        # Cancelled in the middle of it, the driver would leave an open connection behind.
        connecting.add_done_callback(_let_go)
        raise


def _let_go(connecting: "asyncio.Task[asyncpg.Connection]") -> None:
    if not connecting.cancelled() and connecting.exception() is None:
        connecting.result().terminate()


class Sequencer:
    """Runs in every process of a service; works in the one that leads."""

    def __init__(self, database: Database, feed: Log, batch: int = 2000) -> None:
        self.database = database
        self.feed = feed
        self.batch = batch
        self.leading = False
        # The end of the log as this process last knew it; None: to be read.
        self._head: tuple[int, bytes] | None = None

    async def run(self) -> None:
        """Lead, or wait to lead, until cancelled. A lost connection is a lost lead: start over."""
        pause = 0.1
        while True:
            try:
                await self._lead()
                pause = 0.1
            except (
                OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError,
            ) as error:  # fmt: skip
                log.warning("sequencer.interrupted", service=self.feed.service, error=str(error))
            finally:
                self.leading = False
            await asyncio.sleep(pause)
            pause = min(pause * 2, 2.0)

    async def _lead(self) -> None:
        connection = await direct(self.database)
        try:
            # Not a waiting lock: a backend that waits for one hears nothing of a connection that was lost.
            while not await connection.fetchval("SELECT pg_try_advisory_lock($1)", LEADER):  # noqa: ASYNC110
                await asyncio.sleep(1.0)
            self._head = None
            self.feed.end = await connection.fetchval("SELECT position FROM log_head")
            self.leading = True
            while True:
                # A batch that was not full was all there was; what came meanwhile has said so.
                if await self.number(connection) < self.batch:
                    await self.feed.unsequenced(POLL)
        finally:
            # close() waits for the server; a server that is gone never answers.
            connection.terminate()

    async def number(self, connection: asyncpg.Connection) -> int:
        """Number one batch; the count of events that got their position."""
        while True:
            # The head before the events: what somebody numbers in between moves the head away from what was read.
            if self._head is None:
                self._head = tuple(await connection.fetchrow(HEAD))
            (before, chain), hashes = self._head, []
            rows = await connection.fetch(PENDING, self.batch)
            if not rows:
                return 0
            for row in rows:
                chain = chained(chain, row)
                hashes.append(chain)
            positions = range(before + 1, before + 1 + len(rows))
            serials = [row["serial"] for row in rows]
            self._head = None
            if await connection.fetchval(NUMBER, serials, positions, hashes, before, positions[-1], chain):
                break
        self._head = (positions[-1], chain)
        self.feed.grown([message(self.feed.service, row, place) for row, place in zip(rows, positions, strict=True)])
        return len(rows)
