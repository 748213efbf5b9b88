"""Migrations: the newest revision is what the tables say, any number of replicas may start, and half of one is none."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.database import Database
from shared.database.migrate import LOCK, difference, migrate, pending, revisions, write
from shared.run import migrations
from shared.service import Service, discovered

SERVICES = {name: load() for name, load in discovered().items()}
every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


async def names(url: str) -> list[str]:
    database = Database(url, 2)
    rows = await database.rows(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1"), {})
    await database.close()
    return [row.tablename for row in rows]


@every_service
async def test_the_newest_revision_is_what_the_tables_say(
    service: Service, service_database: Callable[[Service], Awaitable[str]]
) -> None:
    url = await service_database(service)
    assert await difference(url, service.rows) == ""
    assert await pending(url, migrations(service.name)) is None


@every_service
async def test_the_log_of_a_migrated_database_is_append_only(
    service: Service, service_database: Callable[[Service], Awaitable[str]]
) -> None:
    database = Database(await service_database(service), 2)
    rows = await database.rows(
        text("SELECT tgname FROM pg_trigger WHERE tgrelid = 'event'::regclass AND NOT tgisinternal ORDER BY 1"), {}
    )
    assert [row.tgname for row in rows] == ["event_renumbered", "event_rewritten", "event_truncated"]
    for forbidden in ("TRUNCATE event", "TRUNCATE event CASCADE"):
        with pytest.raises(Exception, match="append-only"):
            await database.rows(text(forbidden), {})
    head = await database.rows(text("SELECT one, position, published, hash FROM log_head"), {})
    assert [(row.one, row.position, row.published, row.hash) for row in head] == [(1, 0, 0, bytes(32))]
    await database.close()


@every_service
def test_there_is_one_line_of_revisions(service: Service) -> None:
    scripts = revisions(migrations(service.name))
    assert len(scripts.get_heads()) == 1
    assert len(scripts.get_bases()) == 1


@every_service
async def test_replicas_that_start_at_once_migrate_once(
    service: Service, fresh_database: Callable[[], Awaitable[str]]
) -> None:
    url = await fresh_database()
    assert await pending(url, migrations(service.name)) is not None
    await asyncio.gather(*(migrate(url, migrations(service.name)) for _ in range(3)))
    await migrate(url, migrations(service.name))
    assert await pending(url, migrations(service.name)) is None


async def test_a_replica_waits_for_the_one_that_migrates(fresh_database: Callable[[], Awaitable[str]]) -> None:
    service = next(iter(SERVICES.values()))
    url = await fresh_database()
    database = Database(url, 2)
    waiting = text("SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock AND NOT granted "
                   "AND database = (SELECT oid FROM pg_database WHERE datname = current_database())")  # fmt: skip
    async with database.transaction() as first:
        await first.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        other = asyncio.create_task(migrate(url, migrations(service.name)))
        async with asyncio.timeout(30):
            while (await database.rows(waiting, {"lock": LOCK}))[0].n < 1:  # noqa: ASYNC110 - others' connections
                await asyncio.sleep(0.02)
        assert await names(url) == []
    await other
    assert await pending(url, migrations(service.name)) is None
    await database.close()


async def test_a_revision_that_fails_leaves_the_database_as_it_was(
    fresh_database: Callable[[], Awaitable[str]], tmp_path: Path
) -> None:
    url = await fresh_database()
    write(tmp_path, "first", "op.create_table('one', sa.Column('id', sa.Integer()))")
    await migrate(url, tmp_path)
    write(tmp_path, "second", "op.create_table('two', sa.Column('id', sa.Integer()))", after=("SELECT 1 / 0",))
    with pytest.raises(Exception, match="division by zero"):
        await migrate(url, tmp_path)
    assert await names(url) == ["alembic_version", "one"]
    assert await pending(url, tmp_path) == "0002"


async def test_revisions_follow_one_another_and_only_new_ones_run(
    fresh_database: Callable[[], Awaitable[str]], tmp_path: Path
) -> None:
    url = await fresh_database()
    for number, title in enumerate(("one", "two", "three"), 1):
        path = write(tmp_path, title, f"op.create_table('{title}', sa.Column('id', sa.Integer()))")
        assert path.name == f"{number:04d}_{title}.py"
        await migrate(url, tmp_path)
    assert await names(url) == ["alembic_version", "one", "three", "two"]


async def test_what_tables_have_more_than_the_database_is_drafted(
    service_database: Callable[[Service], Awaitable[str]],
) -> None:
    service = next(iter(SERVICES.values()))
    url = await service_database(service)
    engine = create_async_engine(url)
    async with engine.begin() as connection:
        await connection.execute(text("ALTER TABLE parked DROP COLUMN fault"))
        await connection.execute(text("DROP INDEX ix_parked_waiting"))
    await engine.dispose()
    draft = await difference(url, service.rows)
    assert "op.add_column('parked', sa.Column('fault'" in draft
    assert "op.create_index('ix_parked_waiting'" in draft
