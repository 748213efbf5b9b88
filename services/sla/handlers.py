"""What this service does when something happened elsewhere: the clocks follow the facts of their records."""

from collections.abc import Sequence

from contracts.incident import IncidentFact
from services.sla.domain.facts import FOLLOWED
from services.sla.queries.dockets import docket, keep
from services.sla.tables import Clock, Fact, Tracked
from shared.events.handling import Delivery, Handlers, Projection, Work


async def follow_records(deliveries: Sequence[Delivery[IncidentFact]], work: Work) -> None:
    """Take facts in, each in the order of its record, and tell what they did to the record's clocks."""
    found = await docket(work.transaction, {each.message.aggregate_id for each in deliveries}, work.now)
    for each in deliveries:
        found.take(each.event, each.message, each.cause(work.now))
    await keep(work.transaction, found)


HANDLERS: Handlers = (Projection(follow_records, FOLLOWED, (Clock.__table__, Tracked.__table__, Fact.__table__)),)
