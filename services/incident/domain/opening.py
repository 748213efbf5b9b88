"""Recording a contact: the first facts of an incident or service request."""

from contracts.envelope import Event
from contracts.incident import IncidentOpened
from services.incident.domain.desk import Desk, figures
from services.incident.domain.orders import Open
from services.incident.domain.progress import next_update
from services.incident.lifecycle import State
from services.incident.tables import Incident
from shared.database.records import new
from shared.errors import Invalid

LONGEST = 200


def open_incident(
    order: Open,
    desk: Desk,
    organisation: str | None,
    *,
    origin: str | None = None,
    reference: str | None = None,
    proposed_impact: int | None = None,
) -> tuple[Incident, list[Event]]:
    """A new record; `proposed_impact` counts where the order says none.

    Raises Invalid where no organisation is known or something was detected before it occurred.
    """
    customer = organisation or order.organisation
    if customer is None:
        raise Invalid.field("organisation", "say whose record this is")
    caller = order.caller or (desk.actor if desk.customer else None)
    # A token may name somebody at more length than an event holds.
    for name, text in (("organisation", customer), ("caller", caller or "")):
        if len(text) > LONGEST:
            raise Invalid.field(name, f"at most {LONGEST} characters")
    if organisation is not None and order.organisation not in (None, organisation):
        raise Invalid.field("organisation", "a customer's contact opens records of its own organisation")
    if desk.customer and (order.group is not None or order.assignee is not None):
        raise Invalid.field("group" if order.group is not None else "assignee", "who works on it is the desk's to say")
    if order.occurred_at and order.detected_at and order.detected_at < order.occurred_at:
        raise Invalid.field("detected_at", "nothing is detected before it occurs")
    for name in ("occurred_at", "detected_at"):
        instant = getattr(order, name)
        if instant is not None and instant > desk.now:
            raise Invalid.field(name, "this lies in the future")
    impact = order.impact if proposed_impact is None else proposed_impact
    incident = new(
        Incident,
        organisation=customer,
        kind=order.kind,
        state=State.NEW,
        title=order.title,
        description=order.description,
        impact=impact,
        urgency=order.urgency,
        priority=desk.matrix.priority(impact, order.urgency),
        priority_overridden=False,
        service=order.service,
        ci=order.ci,
        category=order.category,
        subcategory=order.subcategory,
        symptom=order.symptom,
        caller=caller,
        channel=order.channel,
        group=order.group,
        assignee=order.assignee,
        occurred_at=order.occurred_at,
        detected_at=order.detected_at,
        recorded_at=desk.now,
        opened_at=desk.now,
        reopen_count=0,
        reassignment_count=0,
        children=0,
        effort_minutes=0,
        origin=origin,
        reference=reference,
    )
    incident.next_update_due = next_update(incident, desk)
    opened = IncidentOpened(
        **figures(incident),
        title=incident.title,
        description=incident.description,
        impact=incident.impact,
        urgency=incident.urgency,
        matrix=desk.matrix_name,
        matrix_version=desk.matrix_version,
        channel=incident.channel,
        caller=incident.caller,
        occurred_at=incident.occurred_at,
        detected_at=incident.detected_at,
        recorded_at=incident.recorded_at,
        subcategory=incident.subcategory,
        symptom=incident.symptom,
        origin=origin,
        reference=reference,
        proposed_impact=proposed_impact,
        next_update_due=incident.next_update_due,
    )
    return incident, [opened]
