"""What this service does when something happened elsewhere: the clocks follow the facts of their records, and the times
in which services could not be used are kept for measuring.
"""

from collections.abc import Sequence

from contracts.incident import IncidentFact
from contracts.incident_care import OutageRecorded
from services.sla.domain.facts import FOLLOWED
from services.sla.domain.outages import outage_of
from services.sla.queries.dockets import docket, keep
from services.sla.tables import Clock, Fact, Outage, Tracked
from shared.events.handling import Delivery, Handlers, Projection, Work


async def follow_records(deliveries: Sequence[Delivery[IncidentFact]], work: Work) -> None:
    """Take facts in, each in the order of its record, and tell what they did to the record's clocks."""
    found = await docket(work.transaction, {each.message.aggregate_id for each in deliveries}, work.now)
    for each in deliveries:
        found.take(each.event, each.message, each.cause(work.now))
    await keep(work.transaction, found)


async def keep_outages(deliveries: Sequence[Delivery[OutageRecorded]], work: Work) -> None:
    """Keep each time as its record told it last: the same one again, with another end, replaces it."""
    rows = {(row.record, row.id): row for row in (outage_of(each.event, each.message) for each in deliveries)}
    # In the order of their ids, as everybody who locks several rows does.
    await work.transaction.write(Outage, [rows[key] for key in sorted(rows)])


HANDLERS: Handlers = (
    Projection(follow_records, FOLLOWED, (Clock.__table__, Tracked.__table__, Fact.__table__)),
    Projection(keep_outages, (OutageRecorded,), (Outage.__table__,)),
)
