"""Records, clocks and facts as they were at one moment, for a check of all against all."""

from collections.abc import AsyncIterator, Collection
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from sqlalchemy import any_, bindparam, select, text

from services.sla.domain.docket import Docket, Entry
from services.sla.queries.dockets import facts, policies
from services.sla.tables import Clock, Tracked
from shared.database import Database, Transaction
from shared.database.records import from_row

ONE_MOMENT = text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
PAGE = text("SELECT id FROM tracked WHERE id > :after ORDER BY id LIMIT :limit")
RECORDS = select(Tracked.__table__).where(Tracked.id == any_(bindparam("ids"))).order_by(Tracked.id)
CLOCKS = select(Clock.__table__).where(Clock.record == any_(bindparam("ids"))).order_by(Clock.id)


@asynccontextmanager
async def moment(database: Database) -> AsyncIterator[Transaction]:
    """A transaction in which everything is as it was when it began."""
    async with database.transaction() as transaction:
        await transaction.execute(ONE_MOMENT)
        yield transaction


async def page(transaction: Transaction, after: UUID, limit: int) -> list[UUID]:
    """The ids of the next records, in their order."""
    return list((await transaction.execute(PAGE, {"after": after, "limit": limit})).scalars())


async def seen(
    transaction: Transaction, ids: Collection[UUID], now: datetime
) -> tuple[Docket, dict[UUID, list[Entry]]]:
    """These records with their clocks and facts."""
    parameters = {"ids": sorted(ids)}
    book = await policies(transaction)
    records = (await transaction.execute(RECORDS, parameters)).mappings().all()
    rows = (await transaction.execute(CLOCKS, parameters)).mappings().all()
    docket = Docket.of(
        book, now, [from_row(Tracked, each) for each in records], [from_row(Clock, each) for each in rows]
    )
    return docket, await facts(transaction, ids)
