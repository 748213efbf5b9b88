"""The loop between a bus and an inbox, and what becomes of messages when something ends it at a bad moment."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text

from shared.bus import Arrival, BusDown
from shared.database import Database, Transaction
from shared.database.faults import passing
from shared.events.consumer import Consumer
from shared.events.handling import Delivery
from shared.events.inbox import Inbox
from shared.service import Service
from tests.bus.samples import until
from tests.platform.bakery import Oven, bakery
from tests.platform.letters import arrivals, effects, inbox, life, once, waiting


class Belt:
    """A bus that hands the same arrivals to each subscription until they are done; `down` times it is away."""

    publishes = False

    def __init__(self, found: Sequence[Arrival], down: int = 0) -> None:
        self.found = list(found)
        self.down = down
        self.subscriptions = 0
        self._at = 0

    async def subscribe(self, group: str, topics: Sequence[str], *, from_start: bool = False) -> "Belt":
        self.subscriptions += 1
        self._at = 0
        if self.down:
            self.down -= 1
            raise BusDown("away")
        return self

    async def batch(self, limit: int, wait: float) -> list[Arrival]:
        batch = self.found[self._at : self._at + limit]
        self._at += len(batch)
        if not batch:
            await asyncio.sleep(min(wait, 0.02))
        return batch

    async def done(self, arrivals: Sequence[Arrival]) -> None:
        gone = {id(each) for each in arrivals}
        self.found = [each for each in self.found if id(each) not in gone]
        self._at = 0

    async def close(self) -> None:
        """Nothing."""

    def healthy(self) -> bool:
        return True

    def lag(self) -> int:
        return len(self.found) - self._at


@asynccontextmanager
async def consuming(belt: Belt, taken: Inbox) -> AsyncIterator[Consumer]:
    consumer = Consumer("bakery", ["steward.mill"], belt, taken)  # type: ignore[arg-type]  # as much of a bus as it asks of
    task = asyncio.create_task(consumer.run())
    try:
        yield consumer
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_everything_on_the_belt_is_taken_in(bakery_database: Database) -> None:
    belt = Belt(arrivals([*life(uuid4()), *life(uuid4())]))
    async with consuming(belt, inbox(bakery_database)) as consumer:
        await until(lambda: not belt.found and consumer.idle, "an empty belt")
        assert consumer.healthy()
    await once(bakery_database, 2)


async def test_a_bus_that_is_away_is_waited_for_and_the_consumer_is_not_healthy_meanwhile(
    bakery_database: Database,
) -> None:
    belt = Belt(arrivals(life(uuid4())), down=3)
    async with consuming(belt, inbox(bakery_database)) as consumer:
        await until(lambda: belt.subscriptions > 0, "an attempt")
        assert not consumer.healthy()
        await until(lambda: not belt.found and consumer.idle, "an empty belt")
        assert consumer.healthy()
    assert belt.subscriptions == 4
    await once(bakery_database, 1)


class Ending(Database):
    """The server ends the connection of a transaction at its end, some times: nobody hears whether it was committed."""

    def __init__(self, url: str, times: int, *, committed: bool) -> None:
        super().__init__(url, 5)
        self.times = times
        self.committed = committed

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        async with super().transaction() as transaction:
            yield transaction
            if self.times and not self.committed:
                self.times -= 1
                pid = (await transaction.execute(text("SELECT pg_backend_pid()"))).scalar()
                await self.rows(text("SELECT pg_terminate_backend(:pid)"), {"pid": pid})
        if self.times and self.committed:
            self.times -= 1
            raise ConnectionResetError("the answer to COMMIT was lost")


@pytest.mark.parametrize("committed", [False, True])
async def test_a_connection_that_ends_between_the_effect_and_done_makes_no_second_effect(
    database_url: Callable[[Service], Awaitable[str]], committed: bool
) -> None:
    database = Ending(await database_url(bakery), 2, committed=committed)
    belt = Belt(arrivals([*life(uuid4()), *life(uuid4())]))
    async with consuming(belt, inbox(database)) as consumer:
        await until(lambda: not belt.found and consumer.idle, "an empty belt")
    assert database.times == 0
    assert belt.subscriptions == 3
    await once(database, 2)
    await database.close()


async def test_a_process_that_is_killed_between_commit_and_done_gets_them_again_without_effect(
    bakery_database: Database,
) -> None:
    found = arrivals(life(uuid4()))
    await inbox(bakery_database).receive(found)
    # Nothing was told to the bus, and another process starts.
    belt = Belt(found)
    async with consuming(belt, inbox(bakery_database)) as consumer:
        await until(lambda: not belt.found and consumer.idle, "an empty belt")
    await once(bakery_database, 1)


async def test_handlers_that_meet_a_passing_fault_get_their_messages_again_and_nothing_is_parked(
    bakery_database: Database,
) -> None:
    left = 4

    def fault(delivery: Delivery[Any]) -> None:
        nonlocal left
        if left:
            left -= 1
            raise asyncpg.DeadlockDetectedError("deadlock detected")

    Oven.fault = staticmethod(fault)
    belt = Belt(arrivals(life(uuid4())))
    async with consuming(belt, inbox(bakery_database)) as consumer:
        await until(lambda: not belt.found and consumer.idle, "an empty belt")
    assert belt.subscriptions == 5
    await once(bakery_database, 1)


class Starting(Database):
    """A database that says for a while that it is starting up."""

    times = 4

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        if self.times:
            self.times -= 1
            raise asyncpg.CannotConnectNowError("the database system is starting up")
        async with super().transaction() as transaction:
            yield transaction


async def test_a_database_that_is_starting_up_parks_nothing(
    database_url: Callable[[Service], Awaitable[str]],
) -> None:
    database = Starting(await database_url(bakery), 2)
    belt = Belt(arrivals(life(uuid4())))
    async with consuming(belt, inbox(database)) as consumer:
        await until(lambda: not belt.found and consumer.idle, "an empty belt")
    assert belt.subscriptions == 5
    await once(database, 1)
    await database.close()


PASSING = [
    asyncpg.DeadlockDetectedError("x"),
    asyncpg.SerializationError("x"),
    asyncpg.TooManyConnectionsError("x"),
    asyncpg.DiskFullError("x"),
    asyncpg.CannotConnectNowError("the database system is starting up"),
    asyncpg.AdminShutdownError("x"),
    asyncpg.ConnectionDoesNotExistError("x"),
    asyncpg.InterfaceError("connection is closed"),
    asyncpg.InternalClientError("cannot switch to state 15"),
    ConnectionRefusedError(),
    TimeoutError(),
    # Seen where a server was killed in the middle of an exchange.
    asyncpg.InternalClientError("cannot switch to state 12; another operation (2) is in progress"),
]
LASTING = [
    asyncpg.UniqueViolationError("x"),
    asyncpg.NotNullViolationError("x"),
    asyncpg.UndefinedColumnError("x"),
    asyncpg.CharacterNotInRepertoireError("x"),
    ValueError("x"),
    KeyError("x"),
]


@pytest.mark.parametrize("error", PASSING, ids=lambda error: type(error).__name__)
def test_what_may_pass_is_tried_again(error: Exception) -> None:
    assert passing(error)


@pytest.mark.parametrize("error", LASTING, ids=lambda error: type(error).__name__)
def test_what_would_fail_again_is_not_waited_for(error: Exception) -> None:
    assert not passing(error)


async def test_a_value_that_the_driver_refuses_would_fail_again(bakery_database: Database) -> None:
    statement, large = text("SELECT CAST(:number AS int)"), {"number": 2**40}
    with pytest.raises(asyncpg.DataError, match="out of int32 range") as single:
        await bakery_database.rows(statement, large)
    with pytest.raises(asyncpg.DataError, match="out of int32 range") as within:
        async with bakery_database.transaction() as transaction:
            await transaction.execute(statement, large)
    assert not passing(single.value)
    assert not passing(within.value)


async def test_a_poison_message_does_not_hold_others_up(bakery_database: Database) -> None:
    def fault(delivery: Delivery[Any]) -> None:
        if getattr(delivery.event, "note", None) == "stone":
            raise ZeroDivisionError("a stone")

    ill = life(uuid4())
    ill[2] = replace(ill[2], data='{"note": "stone"}')
    Oven.fault = staticmethod(fault)
    belt = Belt(arrivals([*ill, *life(uuid4())]))
    async with consuming(belt, inbox(bakery_database)) as consumer:
        await until(lambda: not belt.found and consumer.idle, "an empty belt")
        assert consumer.healthy()
    assert sorted((await effects(bakery_database)).values()) == [("1;", False, 0), ("1;2;3;", True, 1)]
    assert [each.reason for each in await waiting(bakery_database)] == ["poison", "behind", "behind"]
