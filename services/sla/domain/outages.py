"""A record's time in which a service could not be used, as its event tells it."""

from contracts.envelope import Message
from contracts.incident_care import OutageRecorded
from services.sla.tables import Outage
from shared.database.records import from_row


def outage_of(event: OutageRecorded, message: Message) -> Outage:
    """The row that this event leaves."""
    return from_row(
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
