"""The embedded PostgreSQL answers after any crash, keeps what it acknowledged and is nobody else's."""

import asyncio
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import asyncpg
import psutil
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from shared.local import account, postgres
from shared.local.postgres import LocalPostgres
from shared.local.processes import CannotStart, FolderInUse, processes_in, until


@pytest.fixture
def data(workplace: Path) -> Path:
    """One folder for all tests here: to make a cluster and to remove it costs a second each."""
    return workplace / "own"


@pytest.fixture
def new(workplace: Path) -> Path:
    """A folder that is not there yet."""
    return workplace / uuid4().hex[:8]


@pytest.fixture
async def server(data: Path) -> AsyncIterator[LocalPostgres]:
    server = await postgres.start(data)
    yield server
    await server.stop()


async def write(server: LocalPostgres, value: int) -> None:
    connection = await server.connect()
    await connection.execute("DROP TABLE IF EXISTS kept; CREATE TABLE kept (value integer)")
    await connection.execute("INSERT INTO kept VALUES ($1)", value)
    await connection.close()


async def read(server: LocalPostgres) -> list[int]:
    connection = await server.connect()
    rows = await connection.fetch("SELECT value FROM kept ORDER BY value")
    await connection.close()
    return [row["value"] for row in rows]


async def test_the_url_serves_sqlalchemy_and_survives_a_restart(server: LocalPostgres) -> None:
    await server.ensure_database("incident")
    await server.ensure_database("incident")
    before = server.url("incident")
    await server.restart()
    assert server.url("incident") == before
    engine = create_async_engine(before)
    async with engine.connect() as connection:
        assert (await connection.execute(text("SELECT current_database()"))).scalar_one() == "incident"
    await engine.dispose()


async def test_two_who_ensure_the_same_database_at_once_both_succeed(server: LocalPostgres) -> None:
    await asyncio.gather(*(server.ensure_database("problem") for _ in range(8)))
    connection = await server.connect("problem")
    await connection.close()


async def test_a_database_name_that_needs_quoting_is_refused(server: LocalPostgres) -> None:
    with pytest.raises(ValueError, match="not a database name"):
        await server.ensure_database('x"; DROP DATABASE postgres')


async def test_it_syncs_to_disk_and_takes_the_connections_of_many_services(server: LocalPostgres) -> None:
    connection = await server.connect()
    names = ("fsync", "synchronous_commit", "full_page_writes", "max_connections", "listen_addresses", "jit")
    shown = {name: await connection.fetchval("SELECT current_setting($1)", name) for name in names}
    encoding = await connection.fetchval("SHOW server_encoding")
    lowered = await connection.fetchval("SELECT lower('ÄÖÜ')")
    await connection.close()
    assert shown == {
        "fsync": "on",
        "synchronous_commit": "on",
        "full_page_writes": "on",
        "max_connections": "300",
        "listen_addresses": "",
        "jit": "off",
    }
    assert (encoding, lowered) == ("UTF8", "äöü")


async def test_after_kill_9_of_the_postmaster_the_next_start_answers_and_has_the_data(data: Path) -> None:
    server = await postgres.start(data)
    await write(server, 1)
    busy = await server.connect()
    sleeping = asyncio.create_task(busy.execute("SELECT pg_sleep(600)"))
    await asyncio.sleep(0)
    os.kill(server.pid, signal.SIGKILL)
    # A killed Steward lets go of the folder without having stopped anything.
    server._claim.release()
    again = await postgres.start(data)
    assert await read(again) == [1]
    assert again.pid != server.pid
    with pytest.raises((asyncpg.PostgresError, OSError)):
        await sleeping
    busy.terminate()
    await again.stop()


async def test_orphans_that_hold_the_shared_memory_are_ended_by_the_next_start(data: Path) -> None:
    server = await postgres.start(data)
    await write(server, 1)
    orphans = [pid for pid in processes_in(server.cluster, "postgres") if pid != server.pid]
    # Stopped, they can't notice that their postmaster has gone.
    for pid in orphans:
        os.kill(pid, signal.SIGSTOP)
    os.kill(server.pid, signal.SIGKILL)
    assert await until(lambda: server.pid not in processes_in(server.cluster, "postgres"), 10)
    assert set(orphans) <= set(processes_in(server.cluster, "postgres"))
    await server.restart()
    assert await read(server) == [1]
    assert not set(orphans) & set(processes_in(server.cluster, "postgres"))
    await server.stop()


async def test_a_server_that_a_killed_steward_left_running_is_replaced_not_shared(data: Path) -> None:
    left = await postgres.start(data)
    await write(left, 1)
    left._claim.release()
    again = await postgres.start(data)
    assert again.pid != left.pid
    assert not left.alive
    assert await read(again) == [1]
    await again.stop()


async def test_a_stale_lock_file_with_the_number_of_a_living_stranger_does_not_stop_the_start(data: Path) -> None:
    server = await postgres.start(data)
    await write(server, 1)
    await server.stop()
    stranger = os.getpid()
    (server.cluster / "postmaster.pid").write_text(f"{stranger}\n{server.cluster}\n1\n5432\n{server.socket}\n\n")
    again = await postgres.start(data)
    assert await read(again) == [1]
    await again.stop()


async def test_a_watched_server_comes_back_by_itself(server: LocalPostgres) -> None:
    await write(server, 1)
    watching = asyncio.create_task(server.watch())
    first = server.pid
    os.kill(first, signal.SIGKILL)

    assert await until(lambda: server.pid != first and server.alive, 60)
    assert await read(server) == [1]
    watching.cancel()


async def test_a_second_start_on_the_same_folder_is_refused_and_names_the_holder(server: LocalPostgres) -> None:
    with pytest.raises(FolderInUse, match=f"in use by another Steward .process {os.getpid()}."):
        await postgres.start(server.data)
    assert server.alive


async def test_another_process_is_refused_too(server: LocalPostgres) -> None:
    program = (
        "import asyncio, pathlib, sys; from shared.local.postgres import start; "
        "asyncio.run(start(pathlib.Path(sys.argv[1])))"
    )
    other = await asyncio.to_thread(
        subprocess.run, [sys.executable, "-c", program, str(server.data)], capture_output=True, text=True, check=False
    )
    assert other.returncode == 1
    assert "in use by another Steward" in other.stderr


async def test_it_starts_under_the_event_loop_that_services_use(data: Path) -> None:
    """uvloop cannot start programs as another account."""
    program = (
        "import pathlib, sys, uvloop; from shared.local.postgres import start\n"
        "async def main(): await (await start(pathlib.Path(sys.argv[1]))).stop()\n"
        "uvloop.run(main())"
    )
    await asyncio.to_thread(subprocess.run, [sys.executable, "-c", program, str(data)], check=True)


async def test_a_stopped_server_leaves_no_process_and_can_be_stopped_twice(data: Path) -> None:
    server = await postgres.start(data)
    await server.stop()
    await server.stop()
    assert processes_in(server.cluster, "postgres") == []


async def test_a_path_too_long_for_a_socket_gets_one_in_a_short_place_that_goes_with_the_server(new: Path) -> None:
    long = new / ("a" * 90)
    server = await postgres.start(long)
    socket = server.socket
    assert not socket.is_relative_to(long)
    assert len(str(socket / ".s.PGSQL.5432.lock")) < 104
    await write(server, 1)
    await server.stop()
    assert not socket.exists()


def test_a_path_that_an_url_would_cut_gets_a_socket_elsewhere() -> None:
    assert not postgres.socket_folder(Path("/tmp/a,b")).is_relative_to("/tmp/a,b")
    assert postgres.socket_folder(Path("/tmp/a-b")) == Path("/tmp/a-b/socket")


async def test_half_a_cluster_of_a_killed_first_start_is_made_anew(new: Path) -> None:
    half = new / "postgres.new"
    half.mkdir(parents=True)
    (half / "PG_VERSION").write_text("18\n")
    server = await postgres.start(new)
    await write(server, 1)
    await server.stop()


async def test_settings_that_postgresql_refuses_are_reported_with_its_own_words(data: Path) -> None:
    server = await postgres.start(data)
    await server.stop()
    (server.cluster / "local.conf").write_text("max_connections = 'many'\n")
    with pytest.raises(CannotStart, match="invalid value for parameter"):
        await postgres.start(data)
    (server.cluster / "local.conf").unlink()
    again = await postgres.start(data)
    await again.stop()


async def test_whoever_is_not_root_runs_it_as_themselves(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    assert await account.server_account() is None


def test_a_folder_that_somebody_else_made_first_is_not_taken(new: Path) -> None:
    elsewhere = new / "elsewhere"
    elsewhere.mkdir(parents=True)
    link = new / "socket"
    link.symlink_to(elsewhere)
    with pytest.raises(CannotStart, match="belongs to somebody else"):
        account.give(link, None)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root runs PostgreSQL as another account")
async def test_root_runs_it_as_an_account_that_may_pass_through_closed_folders_and_read_nothing_in_them(
    new: Path,
) -> None:
    new.mkdir(mode=0o700)
    server = await postgres.start(new / "var")
    owner = psutil.Process(server.pid).username()
    await server.stop()
    assert owner == account.NAME
    assert (new.stat().st_mode & 0o777, server.cluster.stat().st_mode & 0o777) == (0o701, 0o700)
