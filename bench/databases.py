"""One PostgreSQL server of the benchmark's own, as the embedded system runs it: fsync on, nothing switched off."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg

from shared.local import postgres

PATIENCE = 600.0


@asynccontextmanager
async def server(folder: Path) -> AsyncIterator[postgres.LocalPostgres]:
    """A server on the data in this folder, stopped when the block is left."""
    running = await postgres.start(folder)
    try:
        yield running
    finally:
        await asyncio.shield(running.stop())


def plain(url: str) -> str:
    """SQLAlchemy's URL as libpq and asyncpg read it."""
    return url.replace("postgresql+asyncpg://", "postgresql://")


async def execute(url: str, *statements: str) -> None:
    """Run these on a connection of their own, each by itself: some of them take no transaction around them."""
    connection = await asyncpg.connect(plain(url), command_timeout=PATIENCE)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def count(url: str, query: str) -> int:
    """The one number that a query answers; nothing counts as 0."""
    connection = await asyncpg.connect(plain(url), command_timeout=PATIENCE)
    try:
        return int(await connection.fetchval(query) or 0)
    finally:
        await connection.close()
