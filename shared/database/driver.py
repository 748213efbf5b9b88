"""Single statements straight to the driver: SQLAlchemy writes them, asyncpg runs them.

A command's statement has some sixty parameters; preparing them by name, and a greenlet for each step, cost the
execution context of SQLAlchemy more than the rest of the command (docs/decisions). A statement is therefore compiled
once, and run in AUTOCOMMIT on a pool of its own. What needs a transaction goes through SQLAlchemy.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import asyncpg
from sqlalchemy import URL, ClauseElement
from sqlalchemy.dialects.postgresql import asyncpg as dialect

DIALECT = dialect.dialect()  # type: ignore[no-untyped-call]  # SQLAlchemy's
PATIENCE = 60.0
"""Seconds that a single statement may take, waiting for a connection included."""
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
    """A statement as the driver takes it, and the names of its parameters in their places."""

    sql: str
    names: tuple[str, ...]


def compiled(statement: ClauseElement) -> Compiled:
    """The statement compiled, which is kept with it."""
    kept: Compiled | None = vars(statement).get("_compiled_for_driver")
    if kept is None:
        made = statement.compile(dialect=DIALECT)
        kept = Compiled(str(made), tuple(getattr(made, "positiontup", None) or ()))
        vars(statement)["_compiled_for_driver"] = kept
    return kept


async def _nothing(_: Any) -> None:
    """A statement in AUTOCOMMIT leaves nothing behind to reset; asking the server to would be a round trip more."""


class Driver:
    """A pool of connections for single statements."""

    def __init__(self, url: URL, size: int) -> None:
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
            rows: Sequence[Any] = await connection.fetch(found.sql, *[parameters[name] for name in found.names])
        return rows

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
