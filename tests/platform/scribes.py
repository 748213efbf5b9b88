"""Writers who fill a mill's log in all the ways a log gets filled: at once, late, or not after all."""

import asyncio
import random
from collections import Counter
from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from uuid_utils.compat import uuid7

from contracts.envelope import Message
from shared.database import Cause, Database
from shared.database.records import new
from shared.events.log import Log
from shared.events.sequencer import Sequencer, direct
from tests.platform.bakery import Sack, SackFilled, SackNoted
from tests.system import MONDAY


def cause() -> Cause:
    """Somebody's doing, on a Monday."""
    return Cause(
        actor="miller",
        occurred=MONDAY,
        recorded=MONDAY + timedelta(microseconds=1),
        correlation=uuid7(),
        traceparent="00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
    )


async def filled(database: Database, count: int = 1, organisation: str = "northwind") -> list[Sack]:
    """So many new sacks."""
    sacks = []
    for number in range(count):
        sack = new(
            Sack, organisation=organisation, grain="rye", weight=number + 1, state="filled", notes=[], filled_at=MONDAY
        )
        sack.version = 1
        await database.save(sack, [SackFilled(grain="rye", weight=number + 1)], cause())
        sacks.append(sack)
    return sacks


class Scribe:
    """Writes on random sacks in transactions that last a little, and gives one in ten up."""

    def __init__(self, database: Database, sacks: Sequence[UUID], seed: int) -> None:
        self.database = database
        self.sacks = sacks
        self.chance = random.Random(seed)
        self.written: Counter[UUID] = Counter()

    async def write(self, times: int) -> None:
        for _ in range(times):
            id = self.chance.choice(self.sacks)
            try:
                async with self.database.transaction() as transaction:
                    # Drawing something first gives the transaction its place long before it gets the sack's lock.
                    await transaction.execute(text("SELECT pg_current_xact_id()"))
                    await asyncio.sleep(self.chance.uniform(0, 0.02))
                    sack = (await transaction.load_many(Sack, [id]))[id]
                    transaction.record(sack, [SackNoted(note="x")] * self.chance.randint(1, 3), cause())
                    reached = sack.version
                    await transaction.flush()
                    await asyncio.sleep(self.chance.uniform(0, 0.02))
                    if self.chance.random() < 0.1:
                        raise ChangedMind
            except ChangedMind:
                continue
            self.written[id] = max(self.written[id], reached)


class ChangedMind(Exception):
    """Roll back."""


async def numbered(database: Database, log: Log) -> None:
    """Number everything there is."""
    connection = await direct(database)
    try:
        sequencer = Sequencer(database, log)
        while await sequencer.number(connection):
            pass
    finally:
        await connection.close()


async def everything(database: Database) -> list[Message]:
    """The whole log, from its table, by position."""
    found: list[Message] = []
    reader = Log("mill", database)
    while page := await reader.read(found[-1].position if found else 0, 500):
        found += page
    return found
