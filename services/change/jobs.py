"""What change management does when time passes: it tells new collisions, late paperwork, and the schedule anew."""

from datetime import datetime, timedelta
from hashlib import sha256

from sqlalchemy import text
from uuid_utils.compat import uuid7

from contracts.change import SchedulePublished
from contracts.change_collisions import CollisionFound
from services.change.domain.approval import told
from services.change.domain.desk import figures
from services.change.domain.emergency import overdue
from services.change.queries.collisions import in_the_way, planned, state_of_things
from services.change.queries.schedule import FORWARD, entries
from services.change.tables import LIVE, Change
from shared.database import Cause
from shared.service import Job, Runtime

BATCH = 20
HORIZON = timedelta(weeks=12)
OURSELVES = "steward"
# What is over does not collide any more. Several replicas share the work: each skips what another one holds just now.
UNCHECKED = text(
    f"SELECT change.id FROM change LEFT JOIN checked ON checked.change = change.id WHERE {LIVE} AND planned_end > :now "
    "AND (checked.change IS NULL OR checked.version <> change.version OR checked.against <> :against) "
    "ORDER BY change.id LIMIT :limit FOR UPDATE OF change SKIP LOCKED"
)
FRESH = text(
    "INSERT INTO told_collision (id, change, told_at) SELECT id, change, :now FROM unnest(CAST(:ids AS uuid[]), "
    "CAST(:changes AS uuid[])) AS given (id, change) ON CONFLICT DO NOTHING RETURNING id"
)
CHECKED = text(
    "INSERT INTO checked (change, version, against) SELECT change, version, :against FROM unnest("
    "CAST(:changes AS uuid[]), CAST(:versions AS int[])) AS given (change, version) ON CONFLICT (change) DO UPDATE "
    "SET version = excluded.version, against = excluded.against"
)
OVERDUE = text(
    "SELECT id FROM change WHERE paperwork_due <= :now AND documented_at IS NULL AND NOT overdue "
    "ORDER BY paperwork_due LIMIT :limit FOR UPDATE SKIP LOCKED"
)
TURN = text("SELECT pg_try_advisory_xact_lock(7316701)")
PUBLISHED = text("SELECT digest FROM published_schedule")
PUBLISH = text(
    "INSERT INTO published_schedule (one, digest, published_at) VALUES (1, :digest, :now) "
    "ON CONFLICT (one) DO UPDATE SET digest = excluded.digest, published_at = excluded.published_at"
)


async def find_collisions(runtime: Runtime) -> int:
    """Look what is in the way of each live change that is another one than when it was looked at, or for which
    anything else is; tell what was not told before.

    Here and not in the command: of two changes that are scheduled at the same instant neither command sees the other,
    but both are looked at afterwards. What things are like is read first, so that what comes meanwhile is looked at
    once more.
    """
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        against = await state_of_things(transaction, runtime.policies, now)
        due = await transaction.rows(UNCHECKED, {"now": now, "against": against, "limit": BATCH})
        changes = await transaction.load_many(Change, [row.id for row in due]) if due else {}
        for change in changes.values():
            found, _ = await in_the_way(transaction, planned(change), runtime.policies, now)
            parameters = {"ids": [each.id for each in found], "changes": [change.id] * len(found), "now": now}
            fresh = {row.id for row in await transaction.rows(FRESH, parameters)} if found else set()
            events = [CollisionFound(**figures(change), **told(each)) for each in found if each.id in fresh]
            if events:
                transaction.record(change, events, Cause(OURSELVES, now, now, uuid7()))
        if changes:
            await transaction.flush()
            versions = {"changes": list(changes), "versions": [each.version for each in changes.values()]}
            await transaction.execute(CHECKED, versions | {"against": against})
    return len(changes)


async def tell_overdue_paperwork(runtime: Runtime) -> int:
    """Tell once of each emergency whose paperwork is due and not there (CHG-8)."""
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        due = (await transaction.execute(OVERDUE, {"now": now, "limit": BATCH})).scalars().all()
        changes = await transaction.load_many(Change, due) if due else {}
        for change in changes.values():
            transaction.record(change, overdue(change, now), Cause(OURSELVES, now, now, uuid7()))
        await transaction.flush()
    return len(changes)


async def publish_schedule(runtime: Runtime) -> int:
    """Publish the forward schedule where it says something else than the last time (CHG-6). One replica at a time."""
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        if not (await transaction.execute(TURN)).scalar():
            return 0
        lines = [each.line for each in await entries(transaction, FORWARD, now, now + HORIZON, now)]
        schedule = SchedulePublished(begins=now, ends=now + HORIZON, changes=tuple(lines))
        digest = sha256(schedule.model_dump_json(include={"changes"}).encode()).hexdigest()
        last = (await transaction.execute(PUBLISHED)).scalar()
        if digest == last or (last is None and not lines):
            return 0
        await transaction.execute(PUBLISH, {"digest": digest, "now": now})
        await transaction.tell(uuid7(), subject(now), schedule, Cause(OURSELVES, now, now, uuid7()))
    return 1


def subject(now: datetime) -> str:
    """What a publication of the schedule is called: by its instant, for each is a fact of its own."""
    return f"schedule/{now:%Y-%m-%dT%H:%M:%SZ}"


JOBS = (
    Job(find_collisions, every=0.5),
    Job(tell_overdue_paperwork, every=5.0),
    Job(publish_schedule, every=2.0),
)
