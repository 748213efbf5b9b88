"""The in-process bus does what every bus does; its topics are logs, so events get onto them by being recorded."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts.envelope import Message
from shared.database import Database
from shared.events.log import Log
from shared.memory import MemoryBus
from shared.service import Service
from tests.bus.behaviour import BusBehaviour
from tests.bus.samples import events, ids
from tests.platform.bakery import bakery, mill
from tests.platform.scribes import numbered

RECORD = text(
    "INSERT INTO event (id, aggregate_id, sequence, subject, organisation, type, data, occurred, recorded, actor, "
    "correlation, causation, traceparent, historical) VALUES (:id, :aggregate_id, :sequence, :subject, :organisation, "
    ":type, :data, :occurred, :recorded, :actor, :correlation, :causation, :traceparent, :historical)"
)


class MemoryWorld:
    """A topic is a producer's log; a group is a consumer's database."""

    def __init__(self, url: Callable[[Service], Awaitable[str]]) -> None:
        self._url = url
        self._logs: dict[str, Log] = {}
        self._groups: dict[str, Database] = {}
        self._spare: list[Database] = []
        self.bus = MemoryBus(self._logs.get, self._groups.__getitem__)

    async def prepare(self) -> None:
        """Groups are named before anybody can wait for a database."""
        self._spare = [Database(await self._url(bakery), 3) for _ in range(20)]

    async def topic(self) -> str:
        name = f"steward.{uuid4().hex}"
        # Events of a log are named after its service; those of the suite are the incident service's.
        self._logs[name] = Log("incident", Database(await self._url(mill), 3))
        return name

    async def emit(self, topic: str, messages: Sequence[Message]) -> None:
        log = self._logs[topic]
        for message in messages:
            values = {name: getattr(message, name) for name in RECORD._bindparams}
            await log.database.rows(RECORD, values)
        await numbered(log.database, log)

    def group(self) -> str:
        name = f"test-{uuid4().hex}"
        self._groups[name] = self._spare.pop()
        return name

    async def close(self) -> None:
        for database in (*self._groups.values(), *self._spare, *(log.database for log in self._logs.values())):
            await database.close()


@pytest.fixture(scope="module")
async def world(database_url: Callable[[Service], Awaitable[str]]) -> AsyncIterator[MemoryWorld]:
    world = MemoryWorld(database_url)
    await world.prepare()
    yield world
    await world.close()


class TestMemoryBehaves(BusBehaviour):
    """The suite, on logs and databases of this process."""


async def test_a_topic_that_nobody_here_produces_is_waited_for_like_a_quiet_one(world: MemoryWorld) -> None:
    subscription = await world.bus.subscribe(world.group(), ["steward.nobody"])
    # It must let others work meanwhile: a loop that asks again and again would starve them.
    others = asyncio.create_task(asyncio.sleep(0.05))
    async with asyncio.timeout(30):
        assert await subscription.batch(10, 0.3) == []
    assert others.done()
    await subscription.close()


async def test_a_busy_topic_does_not_starve_a_quiet_one(world: MemoryWorld) -> None:
    busy, quiet = await world.topic(), await world.topic()
    await world.emit(busy, events(aggregates=4, each=10))
    sent = events(aggregates=1, each=1)
    await world.emit(quiet, sent)
    subscription = await world.bus.subscribe(world.group(), [busy, quiet])
    found = await subscription.batch(10, 5) + await subscription.batch(10, 5)
    assert set(ids(sent)) <= set(ids(found))
    await subscription.close()
