"""The reference, served on a small database of its own."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from bench import statements
from bench.contestants import Served
from bench.databases import execute, plain
from bench.processes import started

SEEDED = 20
SEED = f"""
INSERT INTO incident (id, kind, state, title, description, impact, urgency, priority, organisation, opened_at,
 recorded_at)
SELECT {statements.ID_OF.format(place="n")}, 'incident', 'new', 'Seeded', '', 2, 2, 3, 'northwind', now(), now()
FROM generate_series(1, {SEEDED}) n;
INSERT INTO history (id, incident, sequence, type, actor, occurred, body)
SELECT gen_random_uuid(), id, 1, 'incident.opened', 'alice', opened_at, '{{}}' FROM incident;
INSERT INTO outbox (id, incident, type, body) SELECT id, incident, type, body FROM history;
"""


@pytest.fixture(scope="session")
def small_database(fresh_database: Callable[[], Awaitable[str]]) -> Callable[[], Awaitable[str]]:
    """Makes a database with the reference's schema and a few incidents, and gives its URL."""

    async def make() -> str:
        url = await fresh_database()
        await execute(url, statements.SCHEMA, SEED)
        return url

    return make


@pytest.fixture
async def bare(
    small_database: Callable[[], Awaitable[str]], workplace: Path, free_port: Callable[[], int]
) -> AsyncIterator[Served]:
    url, port = await small_database(), free_port()
    environment = {"BENCH_DATABASE_URL": plain(url), "BENCH_PORT": str(port)}
    async with started("-m", "bench.bare", port=port, log=workplace / "bare.log", environment=environment):
        yield Served("bare", url, port=port, seeded=SEEDED, open=SEEDED)
