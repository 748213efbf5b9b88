"""What the incident desk does when time passes: silence closes (INC-8), missed updates are told (INC-6, INC-7), and
what was opened or classified is looked at for a change that may have caused it (INC-12)."""

from collections.abc import Callable
from datetime import datetime
from typing import TypeVar

from sqlalchemy import TextClause, text
from uuid_utils.compat import uuid7

from contracts.envelope import Event
from contracts.incident import IncidentClassified, IncidentOpened
from services.incident.domain import informing, major
from services.incident.domain.causes import propose
from services.incident.domain.progress import close_by_silence
from services.incident.queries.causes import Failure, fits
from services.incident.rules import CAUSES, ChangeCausePolicy
from services.incident.tables import Incident, MajorIncident
from shared.database import Cause, Record
from shared.service import Job, Runtime

R = TypeVar("R", bound=Record)
OURSELVES = "steward"
BATCH = 200
# Several replicas share the work: each skips what another one holds just now. A record whose past is being played in
# waits until its history is completed.
SILENT = text(
    "SELECT id FROM incident WHERE close_due_at <= :now AND in_history IS NOT TRUE "
    "ORDER BY close_due_at LIMIT :limit FOR UPDATE SKIP LOCKED"
)
UNTOLD = text(
    "SELECT id FROM incident WHERE next_update_due <= :now AND in_history IS NOT TRUE "
    "ORDER BY next_update_due LIMIT :limit FOR UPDATE SKIP LOCKED"
)
MAJOR_UNTOLD = text(
    "SELECT id FROM major_incident WHERE next_update_due <= :now "
    "ORDER BY next_update_due LIMIT :limit FOR UPDATE SKIP LOCKED"
)


async def due(
    runtime: Runtime,
    cls: type[R],
    sql: TextClause,
    act: Callable[[R, datetime], list[Event]],
    occurred: Callable[[R, datetime], datetime],
) -> int:
    """Act on what is due by now, at most a batch, each by its own event; how many. The actor is Steward itself."""
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        ids = (await transaction.execute(sql, {"now": now, "limit": BATCH})).scalars().all()
        records = await transaction.load_many(cls, ids) if ids else {}
        for record in records.values():
            cause = Cause(actor=OURSELVES, occurred=occurred(record, now), recorded=now, correlation=uuid7())
            transaction.record(record, act(record, now), cause)
        await transaction.flush()
    return len(records)


async def close_the_silent(runtime: Runtime) -> int:
    return await due(runtime, Incident, SILENT, close_by_silence, lambda _, now: now)


async def tell_missed_updates(runtime: Runtime) -> int:
    """At the instant at which the customer was to be told, however late that is found."""
    return await due(runtime, Incident, UNTOLD, informing.missed, lambda record, now: record.next_update_due or now)


async def tell_missed_major_updates(runtime: Runtime) -> int:
    return await due(
        runtime, MajorIncident, MAJOR_UNTOLD, major.missed, lambda record, now: record.next_update_due or now
    )


# How much of our own log one turn looks at.
STRETCH = 500
TURN = text("SELECT pg_try_advisory_xact_lock(7316602)")
READ_SO_FAR = text(
    "SELECT log_reader.position, log_head.position AS head FROM log_reader, log_head "
    "WHERE log_reader.job = 'propose_causes'"
)
READ_ON = text("UPDATE log_reader SET position = :position WHERE job = 'propose_causes'")
ASKING = text(
    "SELECT DISTINCT ON (incident.id) incident.id, incident.ci, event.correlation, event.id AS event, "
    "coalesce(incident.occurred_at, incident.opened_at) AS began "
    "FROM event JOIN incident ON incident.id = event.aggregate_id WHERE event.position > :after "
    "AND event.position <= :until AND event.type = ANY(CAST(:types AS text[])) AND NOT event.historical "
    "AND incident.ci IS NOT NULL AND incident.open AND incident.in_history IS NOT TRUE "
    "ORDER BY incident.id, event.position DESC"
)
TYPES = [IncidentOpened.wire_type(), IncidentClassified.wire_type()]


async def propose_causes(runtime: Runtime) -> int:
    """Read on in our own log, and tell of each incident that was opened or classified which changes fit as its cause.

    By the log and not in the command, which so stays as fast as it is; one replica at a time, and the place in the log
    moves with what was proposed, so nothing is proposed twice. More than one stretch behind: again at once.
    """
    now = runtime.clock.now()
    found = runtime.policies.of(CAUSES, None, now)
    policy: ChangeCausePolicy = found.spec if found else ChangeCausePolicy()
    async with runtime.database.transaction() as transaction:
        if not (await transaction.execute(TURN)).scalar():
            return 0
        (so_far,) = await transaction.rows(READ_SO_FAR, {})
        if so_far.position == so_far.head:
            return 0
        until = min(so_far.position + STRETCH, so_far.head)
        rows = await transaction.rows(ASKING, {"after": so_far.position, "until": until, "types": TYPES})
        asking = {row.id: row for row in rows}
        failures = [Failure(row.id, row.ci, row.began) for row in rows]
        fitting = await fits(transaction, failures, policy, now) if failures else {}
        incidents = await transaction.load_many(Incident, fitting) if fitting else {}
        for id, incident in incidents.items():
            cause = Cause(OURSELVES, now, now, asking[id].correlation, causation=asking[id].event)
            told = [each for fit in fitting[id] for each in propose(incident, fit.change, fit.path, fit.minutes)]
            if told:
                transaction.record(incident, told, cause)
        await transaction.flush()
        await transaction.execute(READ_ON, {"position": until})
    if incidents:
        runtime.saved()
    return until - so_far.position if until < so_far.head else 0


JOBS = (
    Job(close_the_silent, every=5.0),
    Job(tell_missed_updates, every=2.0),
    Job(tell_missed_major_updates, every=2.0),
    Job(propose_causes, every=1.0),
)
