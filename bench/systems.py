"""Stewards to measure: one service alone, all of them as in production, and the embedded system."""

import asyncio
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bench import seed
from bench.contestants import Invalid, Served
from bench.databases import count, execute, server
from bench.processes import Started, free_port, output_of, started
from shared.local import issuer, kafka
from shared.local.people import PEOPLE
from shared.local.postgres import LocalPostgres

ISSUER, AUDIENCE = "http://127.0.0.1/steward-local", "steward"
SERVICES = Path(__file__).parents[1] / "services"
NUMBERED_WITHIN = 300.0


def found() -> list[str]:
    """The services there are."""
    return sorted(path.parent.name for path in SERVICES.glob("*/app.py"))


def signed_in(folder: Path, who: str) -> tuple[dict[str, str], str]:
    """Settings that make a service believe the issuer kept in this folder, and a token of his for this person."""
    local = issuer.load(folder, ISSUER, AUDIENCE)
    settings = {"STEWARD_OIDC_ISSUER": ISSUER, "STEWARD_OIDC_AUDIENCE": AUDIENCE, "STEWARD_OIDC_JWKS": str(local.jwks)}
    return settings, local.issue(PEOPLE[who])


@dataclass
class Service(Served):
    """Steward's incident service. Beside its rows, its event log must be whole: numbered without gaps, the last event
    of every record its version, and an answer kept for every command."""

    def expected(self) -> dict[str, int]:
        commands = self.tally.creates + self.tally.updates
        written = self.seeded + commands
        return {
            "SELECT count(*) FROM incident": self.seeded + self.tally.creates,
            "SELECT sum(version) FROM incident": written,
            "SELECT count(*) FROM event": written,
            "SELECT count(position) FROM event": written,
            "SELECT max(position) FROM event": written,
            "SELECT position FROM log_head": written,
            "SELECT count(*) FROM idempotency": commands,
            "SELECT count(*) FROM incident i WHERE version <> "
            "(SELECT max(sequence) FROM event e WHERE e.aggregate_id = i.id)": 0,
        }

    async def differences(self) -> list[str]:
        await numbered(self.url)
        return await super().differences()


async def numbered(url: str) -> None:
    """Wait until the sequencer has given every event its position. Raises Invalid where it does not."""
    until = time.monotonic() + NUMBERED_WITHIN
    while await count(url, "SELECT count(*) FROM event WHERE position IS NULL"):
        if time.monotonic() > until:
            raise Invalid("the sequencer has stopped: events wait for their position")
        await asyncio.sleep(0.1)


@asynccontextmanager
async def alone(postgres: LocalPostgres, folder: Path) -> AsyncIterator[Service]:
    """The incident service in one process on its seeded database, with sign-in, permissions, stored answers, event log
    and sequencer on. Its bus is the one in the process: nobody else listens."""
    await postgres.ensure_database("steward_incident")
    url, port = postgres.url("steward_incident"), free_port()
    settings, token = signed_in(folder, "alice")
    environment = {
        **settings,
        "STEWARD_INCIDENT_DATABASE_URL": url,
        "STEWARD_PORT": str(port),
        "STEWARD_BUS": "memory",
    }
    await output_of_python("-m", "shared.run", "incident", "--migrate", environment=environment)
    await execute(url, seed.STEWARD, "VACUUM ANALYZE event", *seed.SETTLE)
    log = folder / "incident.log"
    async with started("-m", "shared.run", "incident", port=port, log=log, environment=environment):
        await numbered(url)
        yield Service("steward", url, port=port, headers={"authorization": f"Bearer {token}"})


async def output_of_python(*arguments: str, environment: Mapping[str, str]) -> str:
    return await output_of(sys.executable, *arguments, environment=environment)


@dataclass(frozen=True)
class Production:
    """Every service in a process of its own, on PostgreSQL and Kafka. `urls` are the databases' for SQLAlchemy,
    `desk` and `administrator` are tokens."""

    services: Mapping[str, Started]
    urls: Mapping[str, str]
    desk: str
    administrator: str

    @property
    def places(self) -> str:
        """Where the services answer, as the command line wants it."""
        return ",".join(f"{name}=http://127.0.0.1:{each.port}" for name, each in self.services.items())


@asynccontextmanager
async def production(folder: Path) -> AsyncIterator[Production]:
    """All services, one after the other, each asked until it is ready; all stopped when the block is left."""
    async with AsyncExitStack() as stack:
        postgres = await stack.enter_async_context(server(folder))
        # When an effect was committed is known to PostgreSQL only if it is told to remember.
        (postgres.cluster / "local.conf").write_text("track_commit_timestamp = on\n")
        await postgres.restart()
        port = free_port()
        broker = await kafka.start(folder, port, free_port((port,)))
        stack.push_async_callback(broker.stop)
        settings, desk = signed_in(folder, "alice")
        _, administrator = signed_in(folder, "root")
        names = found()
        urls = {name: postgres.url(f"steward_{name}") for name in names}
        environment = {
            **settings,
            **{f"STEWARD_{name.upper()}_DATABASE_URL": url for name, url in urls.items()},
            "STEWARD_BUS": "kafka",
            "STEWARD_KAFKA": broker.bootstrap,
        }
        for name in names:
            await postgres.ensure_database(f"steward_{name}")
        await output_of_python("-m", "shared.run", "--migrate", environment=environment)
        running: dict[str, Started] = {}
        for name in names:
            port = free_port()
            running[name] = await stack.enter_async_context(
                started(
                    *("-m", "shared.run", name),
                    port=port,
                    log=folder / f"{name}.log",
                    environment={**environment, "STEWARD_PORT": str(port)},
                )
            )
        yield Production(running, urls, desk, administrator)


@asynccontextmanager
async def embedded(folder: Path) -> AsyncIterator[Started]:
    """The embedded system on the data in this folder."""
    port = free_port()
    arguments = ("-m", "shared.run", "--embedded", "--port", str(port), "--data", str(folder))
    async with started(*arguments, port=port, log=folder.with_suffix(".log"), environment={}) as system:
        yield system


def command_line(*arguments: str) -> Sequence[str]:
    """The command `steward` of this checkout."""
    return (sys.executable, "-m", "cli.main", *arguments)
