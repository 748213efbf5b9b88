"""Starts Steward: `python -m shared.run incident` serves one service, `--embedded` all of them with their database.

`--migrate` brings the databases to their newest schema and ends, `--rebuild` derives a service's projections again from
the topics, `--map` prints every service's charter and who listens to whom, `--revise NAME` drafts a migration from what
the tables say.
"""

import argparse
import asyncio
import gc
import importlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import structlog
import uvicorn
import uvloop

from shared.auth import Tokens, TokenSettings
from shared.bus import Bus
from shared.clock import Clock
from shared.database import Database
from shared.database.migrate import difference, migrate, write
from shared.events.tables import APPEND_ONLY
from shared.front import Front
from shared.http.unreadable import Protocol
from shared.kafka import KafkaBus, KafkaSettings
from shared.local import issuer as local_issuer
from shared.local import postgres as local_postgres
from shared.local.processes import CannotStart
from shared.memory import MemoryBus
from shared.service import FOLDER, Runtime, Service, discovered, running
from shared.settings import NotSet, Settings
from shared.telemetry import configure_logging

log = structlog.get_logger(__name__)


def found(names: Sequence[str] = ()) -> list[Service]:
    """The services with these names, or all. Raises SystemExit that lists those there are."""
    known = discovered()
    for name in names:
        if name not in known:
            raise SystemExit(f"there is no service {name!r}; there are: {', '.join(known)}")
    return [known[name]() for name in (names or known)]


def migrations(name: str) -> Path:
    return FOLDER / name / "migrations"


def tokens(settings: Settings, clock: Clock) -> Tokens:
    return Tokens(
        TokenSettings(
            issuer=settings.oidc_issuer,
            audience=settings.oidc_audience,
            jwks=settings.oidc_jwks,
            token_types=settings.oidc_token_types,
            roles_claim=settings.oidc_roles_claim,
            organisation_claim=settings.oidc_organisation_claim,
        ),
        clock,
    )


def kafka(settings: Settings) -> KafkaSettings:
    """The cluster that the environment names."""
    named = settings.model_dump(include={f"kafka_{each.name}" for each in fields(KafkaSettings)})
    return KafkaSettings(
        bootstrap=settings.kafka, **{name.removeprefix("kafka_"): value for name, value in named.items()}
    )


@dataclass(frozen=True)
class System:
    """Some services that run in this process, and the ASGI app in front of them."""

    front: Front
    runtimes: dict[str, Runtime]
    settings: Settings


@asynccontextmanager
async def started(
    wanted: Sequence[Service], urls: dict[str, str], settings: Settings, clock: Clock, extra: Sequence[Any] = ()
) -> AsyncIterator[System]:
    """These services with their background work, on the bus that the settings name, for as long as the block lasts."""
    checked = tokens(settings, clock)
    await checked.start()
    # Imported where spans are sent, for what it brings along is as large as a service.
    tracing = importlib.import_module("shared.tracing") if settings.otlp else None
    exporter = tracing.exporting() if tracing else None
    databases = {each.name: Database(urls[each.name], settings.database_pool) for each in wanted}
    runtimes: dict[str, Runtime] = {}
    bus: Bus
    if settings.bus == "kafka":
        bus = KafkaBus(kafka(settings))
    else:
        by_topic = {each.topic: each.name for each in wanted}
        bus = MemoryBus(
            lambda topic: runtimes[by_topic[topic]].log if topic in by_topic else None, databases.__getitem__
        )
    for each in wanted:
        spans = tracing.Spans(each.name, exporter) if tracing else None
        runtimes[each.name] = Runtime(each, databases[each.name], bus, checked, clock, spans)
    try:
        async with running(list(runtimes.values()), bus):
            yield System(Front(list(runtimes.values()), settings, extra), runtimes, settings)
    finally:
        await checked.close()
        if tracing:
            await tracing.exported(exporter)


class Server(uvicorn.Server):
    """Tells the streams to end first: a server that waits for its connections would wait for them for ever."""

    def __init__(self, config: uvicorn.Config, system: System) -> None:
        super().__init__(config)
        self.system = system

    def handle_exit(self, sig: int, frame: Any) -> None:
        self.system.front.stopping = True
        for runtime in self.system.runtimes.values():
            runtime.stopping.set()
        # Not uvicorn's own way, which raises the signal again as soon as it has served: the process would end before
        # it has left its consumer groups and stopped the database.
        self.force_exit = self.should_exit and sig == signal.SIGINT
        self.should_exit = True


def server(system: System) -> Server:
    config = uvicorn.Config(
        system.front, host=system.settings.host, port=system.settings.port, loop="uvloop", http=Protocol,
        log_config=None, access_log=False, server_header=False, timeout_graceful_shutdown=10, lifespan="on",
        backlog=2048, timeout_keep_alive=30,
    )  # fmt: skip
    return Server(config, system)


async def serve(wanted: Sequence[Service], settings: Settings) -> None:
    """Production: these services, with the databases and the bus that the environment names."""
    urls = {each.name: settings.database_url(each.name) for each in wanted}
    async with started(wanted, urls, settings, Clock()) as system:
        await server(system).serve()


@asynccontextmanager
async def embedded(settings: Settings, clock: Clock) -> AsyncIterator[System]:
    """Every service in this process, with a PostgreSQL and an issuer of their own under `settings.data`."""
    local_issuer.refuse_unless_loopback(settings.host)
    database = await local_postgres.start(settings.data)
    watch = asyncio.create_task(database.watch())
    try:
        wanted = found()
        urls = {each.name: database.url(f"steward_{each.name}") for each in wanted}
        for each in wanted:
            await database.ensure_database(f"steward_{each.name}")
        await asyncio.gather(*(migrate(urls[each.name], migrations(each.name)) for each in wanted))
        issuer = local_issuer.load(settings.data, settings.oidc_issuer, settings.oidc_audience)
        settings = settings.model_copy(update={"bus": "memory", "oidc_jwks": str(issuer.jwks)})
        async with started(wanted, urls, settings, clock, [local_issuer.router(issuer)]) as system:
            yield system
    finally:
        watch.cancel()
        await database.stop()


async def serve_embedded(settings: Settings, announce: Any) -> None:
    async with embedded(settings, Clock()) as system:
        serving = asyncio.create_task(server(system).serve())
        announcing = asyncio.create_task(announce(settings))
        announcing.add_done_callback(unannounced)
        await serving
        announcing.cancel()


def unannounced(announcing: "asyncio.Task[None]") -> None:
    """The system serves without its box too, but nobody should wait for one in vain."""
    if not announcing.cancelled() and (error := announcing.exception()) is not None:
        log.error("announcement.failed", exc_info=error)


async def rebuild(service: Service, settings: Settings) -> None:
    """Derive a service's projections again from the topics. The service must not run meanwhile."""
    from shared.events.rebuild import rebuilt

    database = Database(settings.database_url(service.name))
    bus = KafkaBus(kafka(settings))
    await bus.start()
    try:
        print(await rebuilt(service, database, bus, Clock()))  # noqa: T201
    finally:
        await bus.close()
        await database.close()


async def revise(service: Service, title: str, data: Path) -> None:
    """Draft a migration: what lies between the newest revision and the tables."""
    database = await local_postgres.start(data)
    try:
        await database.ensure_database(f"draft_{service.name}")
        url = database.url(f"draft_{service.name}")
        folder = migrations(service.name)
        folder.mkdir(exist_ok=True)
        first = not list(folder.glob("versions/*.py"))
        if not first:
            await migrate(url, folder)
        body = await difference(url, service.rows)
        if not body:
            raise SystemExit(f"{service.name}: the newest revision is what the tables say")
        sequences = [f"CREATE SEQUENCE {name} START 1001" for name in service.rows._sequences] if first else []
        print(write(folder, title, body, sequences, APPEND_ONLY if first else ()))  # noqa: T201
    finally:
        await database.stop()


def charters() -> str:
    """What every service owns, publishes and consumes, from the first lines of its folder."""
    parts = []
    for each in found():
        module = importlib.import_module(f"services.{each.name}")
        parts.append(f"{each.name} ({each.clause})\n{(module.__doc__ or '').strip()}\n")
    return "\n".join(parts)


def picture() -> str:
    """Who listens to whom, as a Mermaid flowchart: an arrow for each topic that a service follows."""
    arrows = [
        f"    {topic.removeprefix('steward.')} -->|{topic}| {each.name}" for each in found() for topic in each.consumes
    ]
    return "\n".join(["flowchart LR", *sorted(arrows)])


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m shared.run", description=__doc__)
    parser.add_argument("service", nargs="*", help="the services to run; none with --embedded: all")
    parser.add_argument("--embedded", action="store_true", help="all services, with PostgreSQL, in this process")
    parser.add_argument("--migrate", action="store_true", help="upgrade the databases' schemas and end")
    parser.add_argument("--rebuild", action="store_true", help="derive the projections again from the topics and end")
    parser.add_argument("--map", action="store_true", help="print the services' charters and who listens to whom")
    parser.add_argument("--revise", metavar="TITLE", help="draft a migration of one service")
    parser.add_argument("--port", type=int)
    parser.add_argument("--data", type=Path)
    arguments = parser.parse_args()
    given = {name: value for name in ("port", "data") if (value := getattr(arguments, name)) is not None}
    settings = Settings(**given)
    configure_logging(settings.log_level)
    # Requests make no cycles worth looking for; the default looks for them every 700 allocations.
    gc.set_threshold(20_000, 20, 50)
    wanted = found(arguments.service)
    if arguments.map:
        print(charters(), picture(), sep="\n")  # noqa: T201
    elif arguments.revise:
        for each in wanted:
            uvloop.run(revise(each, arguments.revise, settings.data))
    elif arguments.migrate:
        for each in wanted:
            uvloop.run(migrate(settings.database_url(each.name), migrations(each.name)))
    elif arguments.rebuild:
        for each in wanted:
            uvloop.run(rebuild(each, settings))
    elif arguments.embedded:
        # The command line seeds and tells where everything is; it is above this package, so it is named, not imported.
        announce = importlib.import_module(os.environ.get("STEWARD_WELCOME", "cli.welcome")).announce
        uvloop.run(serve_embedded(settings, announce))
    else:
        uvloop.run(serve(wanted, settings))


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
    except (CannotStart, NotSet, local_issuer.NotLocal, local_issuer.KeyExposed) as reason:
        sys.exit(f"Steward does not start: {reason}")
