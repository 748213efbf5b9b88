"""A record's time in which a service could not be used, as its event tells it."""

from contracts.envelope import Message
from contracts.incident import OutageRecorded
from services.sla.domain.clocks import row_of
from services.sla.tables import Outage


def outage_of(event: OutageRecorded, message: Message) -> Outage:
    """The row that this event leaves."""
    return row_of(
        Outage,
        {
            "record": message.aggregate_id,
            "id": event.outage,
            "record_number": message.subject,
            "organisation": event.organisation,
            "service": event.affected_service,
            "ci": event.affected_ci,
            "began_at": event.began_at,
            "ended_at": event.ended_at,
            "degree": event.degree,
            "planned": event.planned,
            "withdrawn": event.withdrawn,
        },
    )
