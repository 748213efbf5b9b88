"""Which clocks are near or past their limit, and what policies that took effect in the past make of them."""

from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import bindparam, select, text
from uuid_utils.compat import uuid7

from services.sla.domain.clocks import measured, written
from services.sla.domain.docket import OURSELVES
from services.sla.domain.refolding import refold
from services.sla.domain.telling import told
from services.sla.jobs.chains import tell_unsupported
from services.sla.queries.dockets import book, docket, facts, keep
from services.sla.rules.ticking import tick
from services.sla.tables import Clock
from shared.database import Cause
from shared.database.records import from_row
from shared.service import Runtime

BATCH = 500
MICROSECOND = timedelta(microseconds=1)
DUE = (
    select(Clock.__table__)
    .where(Clock.next_tick_at < bindparam("now"))
    .order_by(Clock.next_tick_at, Clock.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)

TURN = text("SELECT pg_try_advisory_xact_lock(7316601)")
PENDING = text(
    "SELECT id, effective_from FROM policy WHERE kind <> 'sla/Service' "
    "AND NOT EXISTS (SELECT FROM taken_in WHERE taken_in.policy = policy.id)"
)
TAKEN = text("INSERT INTO taken_in (policy, at) SELECT given, :now FROM unnest(CAST(:ids AS uuid[])) AS given")
SINCE = text(
    "SELECT id FROM tracked WHERE id > :after AND (at >= :first OR EXISTS (SELECT FROM clock WHERE "
    "clock.record = tracked.id AND clock.state IN ('running', 'paused'))) ORDER BY id LIMIT :limit"
)
FORGET = text("DELETE FROM clock WHERE id = ANY(CAST(:ids AS uuid[]))")
ORIGIN = UUID(int=0)


async def tell_due(runtime: Runtime) -> int:
    """Tell the warnings and breaches that are due, in the order of their instants, each with its own.

    After an outage a full batch is told only as far as its last clock is due: what the next batch has comes later.
    """
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        found = (await transaction.execute(DUE, {"now": now})).mappings().all()
        if not found:
            return 0
        policies = await book(transaction)
        rows = [from_row(Clock, each) for each in found]
        last = rows[-1].next_tick_at
        # A breach is due after its instant, not at it.
        until = min(now, last + MICROSECOND) if len(rows) == BATCH and last is not None else now
        happened, progress = [], 0
        for row in rows:
            due = row.next_tick_at
            clock, news = tick(measured(row), policies, until)
            written(row, clock, policies, until)
            transaction.touch(row)
            # One that comes out as due as it was must not keep the job from resting.
            progress += bool(news) or row.next_tick_at != due
            happened += [(each.at, row, each) for each in news]
        correlations = {row.id: uuid7() for row in rows}
        for at, row, each in sorted(happened, key=lambda found: found[0]):
            cause = Cause(OURSELVES, at, now, correlations[row.id])
            transaction.record(row, [told(row, each, policies)], cause)
        await transaction.flush()
    return progress


async def take_in_policies(runtime: Runtime) -> int:
    """Judge by policies that were applied since the last time what happened after they took effect.

    Facts that come later are judged by them anyway (`rules.fold`). One replica does this at a time; one that is
    interrupted begins again, which changes nothing where it had been.
    """
    async with runtime.database.transaction() as turn:
        if not (await turn.execute(TURN)).scalar():
            return 0
        pending = (await turn.execute(PENDING)).all()
        if not pending:
            return 0
        first, after, now = min(each.effective_from for each in pending), ORIGIN, runtime.clock.now()
        while ids := await _judge_again(runtime, first, after, now):
            after = ids[-1]
            runtime.saved()
        await tell_unsupported(turn, now)
        await turn.execute(TAKEN, {"ids": [each.id for each in pending], "now": now})
    return len(pending)


async def _judge_again(runtime: Runtime, first: datetime, after: UUID, now: datetime) -> list[UUID]:
    """One batch of the records that had a fact since, or have a live clock; their ids."""
    async with runtime.database.transaction() as transaction:
        ids = list((await transaction.execute(SINCE, {"first": first, "after": after, "limit": BATCH // 5})).scalars())
        if ids:
            again, gone = refold(await docket(transaction, ids, now), await facts(transaction, ids))
            await keep(transaction, again)
            await transaction.flush()
            if gone:
                await transaction.execute(FORGET, {"ids": [row.id for row in gone]})
    return ids
