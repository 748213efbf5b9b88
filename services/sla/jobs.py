"""What this service does when time passes: it tells which clocks are near or past their limit."""

from datetime import timedelta

from sqlalchemy import bindparam, select
from uuid_utils.compat import uuid7

from services.sla.domain.clocks import measured, written
from services.sla.domain.docket import OURSELVES
from services.sla.domain.telling import told
from services.sla.queries.dockets import book
from services.sla.rules.ticking import tick
from services.sla.tables import Clock
from shared.database import Cause
from shared.database.records import from_row
from shared.service import Job, Runtime

BATCH = 500
MICROSECOND = timedelta(microseconds=1)
DUE = (
    select(Clock.__table__)
    .where(Clock.next_tick_at < bindparam("now"))
    .order_by(Clock.next_tick_at, Clock.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


async def tell_due(runtime: Runtime) -> int:
    """Tell the warnings and breaches that are due, in the order of their instants, each with its own.

    After an outage a full batch is told only as far as its last clock is due: what the next batch has comes later.
    """
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        found = (await transaction.connection.execute(DUE, {"now": now})).mappings().all()
        if not found:
            return 0
        policies = await book(transaction)
        rows = [from_row(Clock, each) for each in found]
        last = rows[-1].next_tick_at
        # A breach is due after its instant, not at it.
        until = min(now, last + MICROSECOND) if len(rows) == BATCH and last is not None else now
        happened = []
        for row in rows:
            clock, news = tick(measured(row), policies, until)
            written(row, clock, policies, until)
            transaction.touch(row)
            happened += [(each.at, row, each) for each in news]
        correlations = {row.id: uuid7() for row in rows}
        for at, row, each in sorted(happened, key=lambda found: found[0]):
            cause = Cause(OURSELVES, at, now, correlations[row.id])
            transaction.record(row, [told(row, each, policies)], cause)
        await transaction.flush()
    return len(rows)


JOBS = (Job(tell_due, every=0.5),)
