"""Changes that are told of when an incident was looked at already: they come late, or are recorded late (INC-12)."""

from collections.abc import Sequence

from sqlalchemy import text

from contracts.change import ChangeStarted
from services.incident.domain.causes import propose
from services.incident.queries.causes import Failure, fits
from services.incident.queries.estate import feeling
from services.incident.queries.rules import in_force
from services.incident.rules import CAUSES, ChangeCausePolicy
from services.incident.tables import Incident
from shared.events.handling import Delivery, Work

# No failure began after it was opened, so the index of open incidents by that time finds them.
FAILED_SINCE = text(
    "SELECT id, ci, coalesce(occurred_at, opened_at) AS began FROM incident WHERE open AND in_history IS NOT TRUE "
    "AND opened_at >= :earliest AND coalesce(occurred_at, opened_at) >= :earliest AND ci = ANY(CAST(:names AS text[]))"
)


async def suspect_changes(deliveries: Sequence[Delivery[ChangeStarted]], work: Work) -> None:
    """Propose each to the open incidents that it fits. What was proposed or judged before stays as it is."""
    started = {each.message.aggregate_id: each for each in deliveries if not each.message.historical}
    if not started:
        return
    transaction = work.transaction
    earliest = min(each.event.started_at for each in started.values())
    policy = await in_force(transaction, CAUSES, ChangeCausePolicy, work.now, ChangeCausePolicy())
    altered = sorted({name for each in started.values() for name in each.event.items})
    names = await feeling(transaction, altered, work.now, policy.depth)
    rows = await transaction.rows(FAILED_SINCE, {"earliest": earliest, "names": names})
    if not rows:
        return
    fitting = await fits(transaction, [Failure(row.id, row.ci, row.began) for row in rows], policy, work.now)
    ours = {id: [fit for fit in found if fit.change.id in started] for id, found in fitting.items()}
    incidents = await transaction.load_many(Incident, sorted(id for id, found in ours.items() if found))
    for id, incident in incidents.items():
        for fit in ours[id]:
            if told := propose(incident, fit.change, fit.path, fit.minutes):
                transaction.record(incident, told, started[fit.change.id].cause(work.now))
