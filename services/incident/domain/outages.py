"""Outage intervals per service, and the effort spent (INC-11): what availability and costs are counted from.

Two intervals of one service on one record never overlap, so that their lengths can be summed. Which of two is right is
a person's to say: an overlap is refused and names the other one, never merged.
"""

from datetime import datetime
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.envelope import Event
from contracts.incident_care import EffortLogged, OutageRecorded
from services.incident.domain.desk import Desk, figures
from services.incident.domain.orders import EndOutage, LogEffort, RecordOutage, WithdrawOutage
from services.incident.domain.particulars import MOST, Item, Outage, found, item, put, without
from services.incident.domain.progress import move
from services.incident.lifecycle import Action
from services.incident.tables import Incident
from shared.errors import Conflict, Invalid

LARGEST_EFFORT = 10_000_000


def record(incident: Incident, order: RecordOutage, desk: Desk) -> list[Event]:
    move(incident, Action.RECORD_OUTAGE)
    service = order.service or incident.service
    if service is None:
        raise Invalid.field("service", "say which service could not be used")
    if order.began_at > desk.now and not order.planned:
        raise Invalid.field("began_at", "this lies in the future, and it is not a planned outage")
    if len(incident.outages or ()) >= MOST:
        raise Conflict(f"a record has at most {MOST} outages", allowed=())
    outage = Outage(
        outage=uuid7(), service=service, ci=order.ci, began_at=order.began_at, ended_at=order.ended_at,
        degree=order.degree, planned=order.planned,
    )  # fmt: skip
    fits(incident, outage, desk)
    return [told(incident, outage)]


def end(incident: Incident, order: EndOutage, desk: Desk) -> list[Event]:
    """Say when it ended, or correct that."""
    move(incident, Action.END_OUTAGE)
    before = known(incident, order.outage)
    ended_at = order.ended_at or desk.now
    if before.ended_at == ended_at:
        return []
    outage = before.model_copy(update={"ended_at": ended_at})
    fits(incident, outage, desk)
    return [told(incident, outage)]


def withdraw(incident: Incident, order: WithdrawOutage, desk: Desk) -> list[Event]:
    move(incident, Action.WITHDRAW_OUTAGE)
    outage = known(incident, order.outage)
    incident.outages = without(incident.outages, "outage", outage.outage)
    return [interval(incident, outage, withdrawn=True, reason=order.reason)]


def known(incident: Incident, id: UUID) -> Outage:
    outage = found(incident.outages, "outage", id)
    if outage is None:
        raise Invalid.field("outage", f"this record has no outage {id}")
    return Outage.model_validate(outage)


def fits(incident: Incident, outage: Outage, desk: Desk) -> None:
    """Raises Invalid where the interval is none, ends in the future, or overlaps another of its service here."""
    if outage.ended_at is not None:
        if outage.ended_at <= outage.began_at:
            raise Invalid.field("ended_at", f"after {outage.began_at.isoformat()}, when it began")
        if outage.ended_at > desk.now and not outage.planned:
            raise Invalid.field("ended_at", "this lies in the future, and it is not a planned outage")
    for each in map(Outage.model_validate, incident.outages or ()):
        if each.outage != outage.outage and each.service == outage.service and overlap(each, outage):
            until = each.ended_at.isoformat() if each.ended_at else "now"
            raise Invalid.field(
                "began_at",
                f"{each.service} has an outage from {each.began_at.isoformat()} until {until} here, which this would "
                f"overlap; end or withdraw that one ({each.outage}) first",
            )


def overlap(one: Outage, other: Outage) -> bool:
    """Half open: one that begins in the instant in which the other ends does not."""
    return before(one.began_at, other.ended_at) and before(other.began_at, one.ended_at)


def before(instant: datetime, end: datetime | None) -> bool:
    return end is None or instant < end


def told(incident: Incident, outage: Outage) -> Event:
    incident.outages = put(incident.outages, "outage", item(outage))
    return interval(incident, outage)


def interval(incident: Incident, outage: Outage, *, withdrawn: bool = False, reason: str = "") -> Event:
    return OutageRecorded(
        **figures(incident),
        outage=outage.outage,
        affected_service=outage.service,
        affected_ci=outage.ci,
        began_at=outage.began_at,
        ended_at=outage.ended_at,
        degree=outage.degree,
        planned=outage.planned,
        withdrawn=withdrawn,
        reason=reason,
    )


def folded(items: list[Item] | None, event: OutageRecorded) -> list[Item] | None:
    """The record's outages after this event."""
    if event.withdrawn:
        return without(items, "outage", event.outage)
    outage = Outage(
        outage=event.outage, service=event.affected_service, ci=event.affected_ci, began_at=event.began_at,
        ended_at=event.ended_at, degree=event.degree, planned=event.planned,
    )  # fmt: skip
    return put(items, "outage", item(outage))


def log_effort(incident: Incident, order: LogEffort, desk: Desk) -> list[Event]:
    move(incident, Action.LOG_EFFORT)
    total = incident.effort_minutes + order.minutes
    if total > LARGEST_EFFORT:
        raise Invalid.field("minutes", f"{incident.effort_minutes} are logged already, of {LARGEST_EFFORT} at most")
    incident.effort_minutes = total
    person = order.person or desk.actor
    return [
        EffortLogged(**figures(incident), person=person, minutes=order.minutes, total_minutes=total, note=order.note)
    ]
