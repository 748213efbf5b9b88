"""`python -m cli.demo`: plays the story on a PostgreSQL of its own and tells what each step caused, from the topics.

`--kafka HOST:PORT` has the services talk over that broker instead of the bus in this process. Time is the story's: it
takes five weeks and a few seconds. Nothing of it stays.
"""

import argparse
import asyncio
import gc
import logging
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

from rich.console import Console

from cli.demo.stage import Stage
from cli.demo.story import story
from cli.demo.telling import commands
from contracts.envelope import Message
from shared.database.migrate import migrate
from shared.kafka import KafkaBus, KafkaSettings
from shared.local import postgres as local_postgres
from shared.local.rehearsal import SetClock, Steward, rehearsal
from shared.run import found, migrations
from shared.service import Service
from shared.telemetry import configure_logging

Heard = Callable[[], Awaitable[list[Message]]]


def of_logs(steward: Steward) -> Heard:
    """What is new in every service's log, which is its topic in this process."""
    places = dict.fromkeys(steward.services, 0)

    async def heard() -> list[Message]:
        fresh: list[Message] = []
        for name in steward.services:
            while messages := await steward.runtime(name).log.read(places[name], 1000):
                places[name] = messages[-1].position
                fresh += messages
        return fresh

    return heard


@asynccontextmanager
async def of_topics(names: tuple[str, ...], bootstrap: str) -> AsyncIterator[Heard]:
    """What is new on every topic of the broker."""
    bus = KafkaBus(KafkaSettings(bootstrap=bootstrap))
    following = await bus.subscribe(f"demo-{uuid4().hex}", [f"steward.{name}" for name in names], from_start=True)

    async def heard() -> list[Message]:
        fresh: list[Message] = []
        while arrivals := await following.batch(1000, 0.5):
            fresh += [each.message for each in arrivals if each.message]
            await following.done(arrivals)
        return fresh

    try:
        yield heard
    finally:
        await bus.close()


async def played(steward: Steward, heard: Heard, console: Console) -> Stage:
    """The whole story on a running system, and how it would be told to somebody who has only the topics."""
    stage = Stage(steward, heard, console)
    await story(stage)
    told = commands(stage.told)
    several = [chain for _, chain in told if len({each.message.source for fact in chain for each in fact.all()}) > 1]
    console.rule("From the topics alone", align="left")
    console.print(
        f"  {len(stage.told)} events on {len(steward.services)} topics follow from {len(told)} first causes; "
        f"{len(several)} of these reached other services."
    )
    return stage


async def demonstrate(bootstrap: str | None) -> None:
    configure_logging("ERROR")
    logging.getLogger().setLevel(logging.ERROR)
    gc.set_threshold(20_000, 20, 50)
    console = Console(highlight=False, width=None if Console().is_terminal else 140)
    services = found()
    with tempfile.TemporaryDirectory(prefix="steward-demo-") as folder:
        server = await local_postgres.start(Path(folder) / "data")

        async def database(service: Service) -> str:
            await server.ensure_database(f"demo_{service.name}")
            url = server.url(f"demo_{service.name}")
            await migrate(url, migrations(service.name))
            return url

        settings: dict[str, Any] = {"bus": "kafka", "kafka": bootstrap} if bootstrap else {}
        try:
            async with rehearsal(services, database, Path(folder), SetClock(), **settings) as steward:
                if bootstrap is None:
                    await played(steward, of_logs(steward), console)
                else:
                    async with of_topics(steward.services, bootstrap) as heard:
                        await played(steward, heard, console)
        finally:
            await server.stop()


if __name__ == "__main__":
    parser = argparse.ArgumentParser(prog="python -m cli.demo", description=__doc__)
    parser.add_argument("--kafka", metavar="HOST:PORT", help="the broker over which the services talk")
    asyncio.run(demonstrate(parser.parse_args().kafka))
