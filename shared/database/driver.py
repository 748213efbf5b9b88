"""Statements straight to the driver: SQLAlchemy writes them, asyncpg runs them.

A command's statement has some sixty parameters; preparing them by name, and a greenlet for each step, cost the
execution context of SQLAlchemy more than the rest of the command (docs/decisions). A statement is therefore compiled
once and run by the driver: single ones in AUTOCOMMIT, several on the connection of a transaction.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import Any

import asyncpg
import msgspec
from sqlalchemy import URL, ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as dialect

DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
PATIENCE = 60.0
"""Seconds that a single statement may take, waiting for a connection included."""
FREE_WITHIN = 10.0
"""Seconds that a transaction waits for a connection."""
SETTINGS = {"jit": "off", "timezone": "UTC"}


class Row(asyncpg.Record):  # type: ignore[misc]  # the driver has no types
    """A row whose columns are attributes too, as SQLAlchemy's are."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def _mapping(self) -> Mapping[str, Any]:
        return self


@dataclass(frozen=True, slots=True)
class Compiled:
    """A statement as the driver takes it, the names of its parameters in their places, and the values it has itself."""

    sql: str
    names: tuple[str, ...]
    values: Mapping[str, Any]

    def arguments(self, given: Mapping[str, Any]) -> list[Any]:
        return [given[name] if name in given else self.values[name] for name in self.names]


def compiled(statement: ClauseElement) -> Compiled:
    """The statement compiled, which is kept with it."""
    kept: Compiled | None = vars(statement).get("_compiled_for_driver")
    if kept is None:
        made: Any = statement.compile(dialect=DIALECT)
        names = tuple(getattr(made, "positiontup", None) or ())
        # A statement's own values are those of its parameters that need not be given.
        kept = Compiled(str(made), names, {name: made.params[name] for name in names if not made.binds[name].required})
        vars(statement)["_compiled_for_driver"] = kept
    return kept


async def _nothing(_: Any) -> None:
    """A statement in AUTOCOMMIT leaves nothing behind to reset; asking the server to would be a round trip more."""


async def _decoding(connection: asyncpg.Connection, decoder: Callable[[str], Any]) -> None:
    """What JSON columns come as; on the way in they are text."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=str, decoder=decoder, schema="pg_catalog")


# What single statements read is mostly handed on: its JSON stays as it is, and is known as JSON to whoever writes it.
_as_written = partial(_decoding, decoder=msgspec.Raw)
_as_meant = partial(_decoding, decoder=msgspec.json.decode)


class Driver:
    """A pool of connections, for single statements or (`several`) for transactions."""

    def __init__(self, url: URL, size: int, *, several: bool = False) -> None:
        query = dict(url.query)
        self._pool = asyncpg.create_pool(
            host=query.get("host") or url.host,
            port=url.port,
            user=url.username,
            password=url.password,
            database=url.database,
            min_size=0,
            max_size=size,
            max_inactive_connection_lifetime=300,
            timeout=10,
            statement_cache_size=400,
            server_settings=SETTINGS,
            record_class=Row,
            reset=_nothing,
            init=_as_meant if several else _as_written,
            command_timeout=PATIENCE if several else None,
        )
        self._opening = asyncio.Lock()
        self._open = False

    async def fetch(self, statement: ClauseElement, parameters: Mapping[str, Any]) -> Sequence[Any]:
        """The rows of one statement, which is one transaction. Raises what asyncpg raises."""
        if not self._open:
            await self._begin()
        found = compiled(statement)
        # One bound around all of it: the pool's own would make a task for each request.
        async with asyncio.timeout(PATIENCE), self._pool.acquire() as connection:
            rows: Sequence[Any] = await connection.fetch(found.sql, *found.arguments(parameters))
        return rows

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[asyncpg.Connection]:
        """A connection with an open transaction; committed at the end of the block, rolled back where it raises."""
        if not self._open:
            await self._begin()
        async with self._pool.acquire(timeout=FREE_WITHIN) as connection, connection.transaction():
            yield connection

    async def _begin(self) -> None:
        async with self._opening:
            if not self._open:
                await self._pool
                self._open = True

    async def close(self) -> None:
        """Let go of the connections; of those in use as well, after five seconds."""
        if not self._open:
            return
        try:
            async with asyncio.timeout(5):
                await self._pool.close()
        except TimeoutError:
            self._pool.terminate()
