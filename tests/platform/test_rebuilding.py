"""A rebuild derives the projections again from the topics, equal to the last column, and reacts to nothing twice."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts.envelope import Message
from shared.clock import Clock
from shared.database import Database
from shared.events.handling import Delivery
from shared.events.rebuild import rebuilt
from shared.memory import MemoryBus
from shared.service import Service
from tests.platform.bakery import Oven, bakery
from tests.platform.letters import inbox, life, sacks, waiting
from tests.platform.test_memory_bus import MemoryWorld
from tests.system import MONDAY

TABLES = ("flour", "label", "loaf", "event", "stream", "parked")
CLOCK = Clock(lambda: MONDAY)


async def tables(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of what the bakery has, as its key orders them."""
    found = {}
    for name in TABLES:
        rows = await database.rows(text(f"SELECT * FROM {name} ORDER BY 1, 2"), {})
        found[name] = [dict(row._mapping) for row in rows]
    return found


class Mill(MemoryWorld):
    """A world with one topic, the mill's, and the bakery as the only group."""

    def __init__(self, url: Callable[[Service], Awaitable[str]], database: Database) -> None:
        super().__init__(url)
        self._groups["bakery"] = database

    async def send(self, messages: Sequence[Message]) -> None:
        if "steward.mill" not in self._logs:
            self._logs["steward.mill"] = self._logs.pop(await self.topic())
        await self.emit("steward.mill", messages)


@pytest.fixture
async def world(database_url: Callable[[Service], Awaitable[str]], bakery_database: Database) -> Any:
    mill = Mill(database_url, bakery_database)
    yield mill
    mill._groups.clear()
    await mill.close()


def shuffled(lives: Sequence[Sequence[Message]]) -> list[Message]:
    """Of each record the first, then of each the second, and so on."""
    longest = max(len(each) for each in lives)
    return [each[place] for place in range(longest) for each in lives if place < len(each)]


async def take_in(world: Mill, database: Database) -> None:
    """As the running service does."""
    subscription = await world.bus.subscribe("bakery", bakery.consumes)
    while found := await subscription.batch(7, 0):
        await inbox(database).receive(found)
        await subscription.done(found)


async def again(world: Mill, database: Database) -> dict[str, int]:
    assert isinstance(world.bus, MemoryBus)
    return await rebuilt(bakery, database, world.bus, CLOCK)


async def test_rebuilt_tables_are_equal_to_the_live_ones(world: Mill, bakery_database: Database) -> None:
    await world.send(shuffled(sacks(10)))
    await take_in(world, bakery_database)
    before = await tables(bakery_database)
    assert len(before["label"]) == 10
    assert await again(world, bakery_database) == {"flour": 10, "label": 10}
    assert await tables(bakery_database) == before


async def test_whatever_happened_to_the_projections_a_rebuild_mends_it(world: Mill, bakery_database: Database) -> None:
    await world.send(shuffled(sacks(4)))
    await take_in(world, bakery_database)
    before = await tables(bakery_database)
    await bakery_database.rows(text("DELETE FROM label"), {})
    await bakery_database.rows(text("UPDATE flour SET weight = 0, notes = 'scribbled over'"), {})
    await again(world, bakery_database)
    assert await tables(bakery_database) == before


async def test_a_rebuild_reacts_to_what_nobody_had_taken_in_before_it(world: Mill, bakery_database: Database) -> None:
    lives = sacks(4)
    await world.send(lives[0][:3] + lives[1])
    await take_in(world, bakery_database)
    await world.send([*lives[0][3:], *lives[2]])
    await again(world, bakery_database)
    found = await tables(bakery_database)
    assert len(found["loaf"]) == 3
    assert {row["notes"] for row in found["flour"]} == {"1;2;3;"}
    await world.send(lives[3])
    await take_in(world, bakery_database)
    found = await tables(bakery_database)
    assert len(found["loaf"]) == len(found["label"]) == 4
    assert len({row["number"] for row in found["label"]}) == 4


async def test_a_rebuild_that_was_broken_off_can_be_run_again(
    world: Mill, bakery_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    await world.send(shuffled(sacks(6)))
    await take_in(world, bakery_database)
    before = await tables(bakery_database)
    left = 9

    def fault(delivery: Delivery[Any]) -> None:
        nonlocal left
        left -= 1
        if not left:
            raise ConnectionError("broken off")

    Oven.fault = staticmethod(fault)
    monkeypatch.setattr("shared.events.rebuild.BATCH", 5)
    with pytest.raises(ConnectionError):
        await again(world, bakery_database)
    # The inbox may have forgotten by now what was reacted to.
    await bakery_database.rows(text("DELETE FROM inbox"), {})
    await again(world, bakery_database)
    assert await tables(bakery_database) == before


async def test_what_was_given_up_stays_given_up(world: Mill, bakery_database: Database) -> None:
    def fault(delivery: Delivery[Any]) -> None:
        if getattr(delivery.event, "note", None) == "2":
            raise ValueError("cannot read it")

    Oven.fault = staticmethod(fault)
    found = life(uuid4())
    await world.send(found)
    await take_in(world, bakery_database)
    await inbox(bakery_database).discard((await waiting(bakery_database))[0], "root")
    before = await tables(bakery_database)
    Oven.fault = staticmethod(lambda delivery: None)
    await again(world, bakery_database)
    assert await tables(bakery_database) == before
    assert [row["notes"] for row in before["flour"]] == ["1;3;"]


async def test_what_is_parked_stays_parked(world: Mill, bakery_database: Database) -> None:
    def fault(delivery: Delivery[Any]) -> None:
        if getattr(delivery.event, "note", None) == "2":
            raise ValueError("cannot read it")

    Oven.fault = staticmethod(fault)
    await world.send(life(uuid4()))
    await take_in(world, bakery_database)
    before = await tables(bakery_database)
    await again(world, bakery_database)
    assert await tables(bakery_database) == before
    assert [each.reason for each in await waiting(bakery_database)] == ["poison", "behind", "behind"]
