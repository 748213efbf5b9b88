"""Real servers for the tests: one PostgreSQL and one Kafka per run, started when the first test asks for them; and the
whole system on that PostgreSQL, shared (`steward`) or for one test alone (`fresh_steward`).

Where Java or Kafka's jars are missing, tests that need Kafka are skipped with the reason; with CI=true they fail.
"""

import os
import random
import socket
import subprocess
import sys
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import NoReturn
from uuid import uuid4

import pytest

from shared.database.migrate import migrate
from shared.local import kafka as local_kafka
from shared.local import postgres as local_postgres
from shared.local.kafka import LocalKafka
from shared.local.postgres import LocalPostgres
from shared.local.processes import CannotStart
from shared.run import migrations
from shared.service import Service, discovered
from tests.system import SetClock, Steward, steward_of


def not_available(reason: CannotStart) -> NoReturn:
    """Skip on a developer's machine that lacks something; fail where everything has to be proven."""
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI=true and yet: {reason}", pytrace=False)
    pytest.skip(str(reason))


@pytest.fixture(scope="session")
def workplace() -> Iterator[Path]:
    """A folder for the servers of this run. It goes, and they end, when pytest ends, be it by kill -9."""
    # Not pytest's tmp_path: PostgreSQL runs as another account when we are root and has to get there.
    folder = Path(tempfile.mkdtemp(prefix="steward-tests-")).resolve()
    guard = subprocess.Popen(
        [sys.executable, "-m", "tests.guard", str(folder)],
        cwd=Path(__file__).parents[1],
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    with guard:  # closes the pipe and waits
        yield folder


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Gives a port that nobody listens on, below the ones the kernel hands out to outgoing connections."""
    given: set[int] = set()

    def choose() -> int:
        while True:
            port = random.randrange(20_000, 32_000)
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    continue
            if port not in given:
                given.add(port)
                return port

    return choose


@pytest.fixture(scope="session")
async def postgres(workplace: Path) -> AsyncIterator[LocalPostgres]:
    """The PostgreSQL of this run. Tests that kill a server start one of their own."""
    try:
        server = await local_postgres.start(workplace / "shared")
    except CannotStart as reason:
        not_available(reason)
    # Nobody pulls this server's plug, and a run makes a hundred databases: their files need not reach the disk.
    connection = await server.connect()
    for setting in ("fsync", "full_page_writes"):
        await connection.execute(f"ALTER SYSTEM SET {setting} = off")
    await connection.execute("SELECT pg_reload_conf()")
    await connection.close()
    yield server
    await server.stop()


@pytest.fixture(scope="session")
def fresh_database(postgres: LocalPostgres) -> Callable[[], Awaitable[str]]:
    """Makes an empty database at each call and gives its SQLAlchemy URL. All of them go with the run."""

    async def make() -> str:
        name = f"test_{uuid4().hex}"
        await postgres.ensure_database(name)
        return postgres.url(name)

    return make


@pytest.fixture(scope="session")
async def kafka(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[LocalKafka]:
    """The Kafka broker of this run. Tests that kill a broker start one of their own."""
    try:
        broker = await local_kafka.start(workplace / "shared", free_port(), free_port())
    except CannotStart as reason:
        not_available(reason)
    yield broker
    await broker.stop()


@pytest.fixture(scope="session")
def services() -> list[Service]:
    """Every service, found by its folder."""
    return [load() for load in discovered().values()]


@pytest.fixture(scope="session")
def service_database(postgres: LocalPostgres) -> Callable[[Service], Awaitable[str]]:
    """Makes a database with a service's newest schema at each call and gives its URL.

    A service is migrated once in a run; each database is a copy of that one, which takes a tenth of the time.
    """
    models: dict[str, str] = {}

    async def make(service: Service) -> str:
        if service.name not in models:
            model = f"model_{service.name}_{uuid4().hex}"
            await postgres.ensure_database(model)
            await migrate(postgres.url(model), migrations(service.name))
            models[service.name] = model
        name = f"{service.name}_{uuid4().hex}"
        connection = await postgres.connect()
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {models[service.name]}")
        finally:
            await connection.close()
        return postgres.url(name)

    return make


@pytest.fixture(scope="session")
async def steward(
    services: list[Service], service_database: Callable[[Service], Awaitable[str]], workplace: Path
) -> AsyncIterator[Steward]:
    """The system that all tests of a run share. Its time stands still: who moves it takes `fresh_steward`, and who
    counts records counts those it made."""
    async with steward_of(services, service_database, workplace / "system", SetClock()) as steward:
        yield steward


@pytest.fixture
async def fresh_steward(
    services: list[Service], service_database: Callable[[Service], Awaitable[str]], workplace: Path
) -> AsyncIterator[Steward]:
    """The system for one test alone, with nothing in it."""
    async with steward_of(services, service_database, workplace / "system", SetClock()) as steward:
        yield steward
