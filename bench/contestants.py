"""Who is compared: Steward's incident service, the reference, and pgbench; each on a database of its own.

Each keeps count of the commands that were acknowledged to it, so that its database can be held to them afterwards.
"""

import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from bench import pgbench, seed, statements
from bench.databases import count, execute, plain
from bench.load import Outcome, fire
from bench.processes import free_port, started
from bench.scenarios import EXPECTED, OPENING, Kind, Scenario
from shared.local.postgres import LocalPostgres


class Invalid(Exception):
    """What was measured does not count: something was not answered as it should, or not written as acknowledged."""


@dataclass
class Tally:
    """Commands acknowledged so far."""

    creates: int = 0
    updates: int = 0

    def add(self, kind: Kind, count: int) -> None:
        if kind == "create":
            self.creates += count
        elif kind == "update":
            self.updates += count


@dataclass(frozen=True)
class Figure:
    """One measurement; latencies in milliseconds and sizes are None where they were not taken."""

    rate: float
    p50_ms: float | None = None
    p99_ms: float | None = None
    bytes: float | None = None
    client_us: float | None = None
    sample: str = ""


class Contestant(Protocol):
    """Somebody who can be put under each load."""

    name: str

    async def measure(self, scenario: Scenario, seconds: float, tag: str) -> Figure | None:
        """One measurement, None where this load is not for it. Raises Invalid for an answer that was not expected."""

    async def skew(self) -> None:
        """Close the old incidents in the database."""

    async def differences(self) -> list[str]:
        """What the database holds and was not acknowledged, or the other way round; a sentence each."""


@dataclass
class Ledger:
    """What a database must hold, as queries with the numbers they must answer."""

    name: str
    url: str
    tally: Tally = field(default_factory=Tally)
    seeded: int = seed.SEEDED
    open: int = seed.NEWEST_OPEN

    async def skew(self) -> None:
        await execute(self.url, seed.SKEW, *seed.SETTLE)

    def expected(self) -> dict[str, int]:
        """By query; a created incident has version 1 and one event, each update adds one to both."""
        written = self.seeded + self.tally.creates + self.tally.updates
        return {
            "SELECT count(*) FROM incident": self.seeded + self.tally.creates,
            "SELECT sum(version) FROM incident": written,
            "SELECT count(*) FROM history": written,
            "SELECT count(*) FROM outbox": written,
        }

    async def differences(self) -> list[str]:
        found = []
        for query, expected in self.expected().items():
            counted = await count(self.url, query)
            if counted != expected:
                found.append(f"{self.name}: {query} answers {counted}, acknowledged were {expected}")
        return found


@dataclass
class Served(Ledger):
    """A server that is asked over HTTP."""

    port: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    async def measure(self, scenario: Scenario, seconds: float, tag: str) -> Figure:
        outcome = await fire(
            scenario.plan(self.port, self.headers, seconds, f"{self.name}-{tag}", self.seeded, self.open)
        )
        self.check(scenario, outcome)
        self.tally.add(scenario.kind, outcome.answered[EXPECTED[scenario.kind]])
        return Figure(
            rate=outcome.rate,
            p50_ms=outcome.p50_ms,
            p99_ms=outcome.p99_ms,
            bytes=outcome.bytes,
            client_us=outcome.client_us,
            sample=outcome.sample,
        )

    async def sample(self) -> str:
        """An incident as it is answered, of those that were seeded."""
        figure = await self.measure(Scenario("sample", "list", 1), 0.1, "sample")
        return json.dumps(json.loads(figure.sample)["items"][0])

    def check(self, scenario: Scenario, outcome: Outcome) -> None:
        expected = EXPECTED[scenario.kind]
        if outcome.faults(expected) or not outcome.measured:
            raise Invalid(
                f"{self.name}, {scenario.name}: expected only {expected}, answered were {outcome.answered}, "
                f"{outcome.lost} requests got no answer; {outcome.refusal[:500]}"
            )


@dataclass
class Direct(Ledger):
    """pgbench. Its scripts are made when the reference has shown what an incident looks like."""

    folder: Path = Path()
    scripts: dict[str, str] = field(default_factory=dict)

    def learn(self, answer: str) -> None:
        """Take an incident as the reference answers it as the body of history and outbox rows."""
        self.scripts = pgbench.scripts(OPENING, pgbench.literal_body(answer), self.seeded - self.open + 1, self.seeded)

    async def measure(self, scenario: Scenario, seconds: float, tag: str) -> Figure | None:
        if scenario.rate is not None:
            return None
        script = self.folder / f"{scenario.kind}.pgbench"
        script.write_text(self.scripts[scenario.kind])
        measured = await pgbench.run(script, plain(self.url), scenario.connections, seconds)
        if measured is None:
            return None
        self.tally.add(scenario.kind, measured.transactions)
        return Figure(rate=measured.rate)


async def reference_database(server: LocalPostgres, name: str) -> str:
    """A database with the reference's schema and the seeded incidents; its URL for SQLAlchemy."""
    await server.ensure_database(name)
    await execute(server.url(name), statements.SCHEMA, seed.BARE, *seed.SETTLE)
    return server.url(name)


@asynccontextmanager
async def bare(server: LocalPostgres, folder: Path) -> AsyncIterator[Served]:
    """The reference, running on its seeded database."""
    url = await reference_database(server, "bare")
    port = free_port()
    environment = {"BENCH_DATABASE_URL": plain(url), "BENCH_PORT": str(port)}
    async with started("-m", "bench.bare", port=port, log=folder / "bare.log", environment=environment):
        yield Served("bare", url, port=port)


async def direct(server: LocalPostgres, folder: Path) -> Direct | None:
    """pgbench on its seeded database, or None where there is no pgbench."""
    if pgbench.program() is None:
        print("pgbench is not on this machine: its figures stay empty", file=sys.stderr)
        return None
    return Direct("pgbench", await reference_database(server, "direct"), folder=folder)
