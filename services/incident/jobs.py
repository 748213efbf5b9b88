"""What the incident desk does when time passes: records whose user stays silent are closed (INC-8)."""

from sqlalchemy import text
from uuid_utils.compat import uuid7

from services.incident.domain.progress import close_by_silence
from services.incident.tables import Incident
from shared.database import Cause
from shared.service import Job, Runtime

BATCH = 200
# Several replicas share the work: each skips what another one holds just now. A record whose past is being played in
# waits until its history is completed.
DUE = text(
    "SELECT id FROM incident WHERE close_due_at <= :now AND in_history IS NOT TRUE "
    "ORDER BY close_due_at LIMIT :limit FOR UPDATE SKIP LOCKED"
)


async def close_the_silent(runtime: Runtime) -> int:
    """Close what is due by now, at most a batch, each by its own event; how many. The actor is Steward itself."""
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        due = (await transaction.execute(DUE, {"now": now, "limit": BATCH})).scalars().all()
        incidents = await transaction.load_many(Incident, due) if due else {}
        for incident in incidents.values():
            cause = Cause(actor="steward", occurred=now, recorded=now, correlation=uuid7())
            transaction.record(incident, close_by_silence(incident, now), cause)
        await transaction.flush()
    return len(incidents)


JOBS = (Job(close_the_silent, every=5.0),)
