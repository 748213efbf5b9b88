"""What changes on a record without moving it: who has it, how urgent it is, what it is about, what it belongs to."""

from uuid import UUID

from contracts.envelope import Event
from contracts.incident import (
    EscalationAcknowledged,
    IncidentAssigned,
    IncidentClassified,
    IncidentCommented,
    IncidentEdited,
    IncidentEscalated,
    IncidentLinked,
    IncidentPrioritised,
    IncidentUnlinked,
)
from contracts.terms import Change
from services.incident.domain.desk import Desk, figures
from services.incident.domain.orders import (
    Acknowledge,
    Assign,
    Classify,
    Comment,
    Edit,
    Escalate,
    Link,
    Prioritise,
    Unlink,
)
from services.incident.domain.progress import move, next_update
from services.incident.lifecycle import OPEN, Action
from services.incident.tables import Incident
from shared.errors import Conflict, Forbidden, Invalid


def assign(incident: Incident, order: Assign, desk: Desk) -> list[Event]:
    move(incident, Action.ASSIGN)
    before = (incident.group, incident.assignee)
    sent = order.model_fields_set
    incident.group = order.group if "group" in sent else incident.group
    incident.assignee = order.assignee if "assignee" in sent else incident.assignee
    if (incident.group, incident.assignee) == before:
        return []
    # Every change of group after opening counts, as in ServiceNow, so that imported counters and ours mean the same.
    reassignment = incident.group != before[0]
    incident.reassignment_count += reassignment
    return [
        IncidentAssigned(
            **figures(incident),
            previous_group=before[0],
            previous_assignee=before[1],
            reason=order.reason,
            reassignment=reassignment,
        )
    ]


def prioritise(incident: Incident, order: Prioritise, desk: Desk) -> list[Event]:
    move(incident, Action.PRIORITISE)
    computed = desk.matrix.priority(order.impact, order.urgency)
    overridden = order.priority is not None and order.priority != computed
    if overridden and not order.reason:
        raise Invalid.field("reason", f"the matrix gives priority {computed}; say why it is to be {order.priority}")
    priority = order.priority if order.priority is not None else computed
    before = (incident.impact, incident.urgency, incident.priority, incident.priority_overridden)
    if before == (order.impact, order.urgency, priority, overridden):
        return []
    previous = incident.priority
    incident.impact, incident.urgency = order.impact, order.urgency
    incident.priority, incident.priority_overridden = priority, overridden
    if incident.state in OPEN and incident.update_overdue_since is None:
        # More urgent now, the customer is told sooner; less urgent, what it was promised stands.
        due = [each for each in (incident.next_update_due, next_update(incident, desk)) if each is not None]
        incident.next_update_due = min(due, default=None)
    return [
        IncidentPrioritised(
            **figures(incident),
            impact=order.impact,
            urgency=order.urgency,
            previous_priority=previous,
            overridden=overridden,
            reason=order.reason,
            matrix=desk.matrix_name,
            matrix_version=desk.matrix_version,
            next_update_due=incident.next_update_due,
        )
    ]


def classify(incident: Incident, order: Classify, desk: Desk) -> list[Event]:
    move(incident, Action.CLASSIFY)
    changes = {name: getattr(order, name) for name in order.model_fields_set}
    if all(getattr(incident, name) == value for name, value in changes.items()):
        return []
    service, ci, category = incident.service, incident.ci, incident.category
    for name, value in changes.items():
        setattr(incident, name, value)
    return [
        IncidentClassified(
            **figures(incident),
            subcategory=incident.subcategory,
            symptom=incident.symptom,
            previous_service=service,
            previous_ci=ci,
            previous_category=category,
        )
    ]


def escalate(incident: Incident, order: Escalate, desk: Desk) -> list[Event]:
    move(incident, Action.ESCALATE)
    incident.escalation, incident.escalated_to = order.to, order.target
    incident.escalated_at, incident.acknowledged_at = desk.now, None
    return [IncidentEscalated(**figures(incident), to=order.to, target=order.target, reason=order.reason, by="hand")]


def acknowledge(incident: Incident, order: Acknowledge, desk: Desk) -> list[Event]:
    move(incident, Action.ACKNOWLEDGE)
    if incident.escalated_at is None or incident.acknowledged_at is not None:
        raise Conflict("there is no escalation that waits for an acknowledgement", allowed=("escalate",))
    incident.acknowledged_at = desk.now
    return [
        EscalationAcknowledged(
            **figures(incident),
            to=incident.escalation,
            target=incident.escalated_to,
            escalated_at=incident.escalated_at,
        )
    ]


def link(incident: Incident, order: Link, desk: Desk) -> list[Event]:
    """To a problem, which is another service's. What ties two records of ours is in `families`, which looks at both."""
    if order.problem is None:
        raise Conflict("a parent or an original is linked with both records at hand", allowed=())
    move(incident, Action.LINK)
    previous, incident.problem = incident.problem, order.problem
    if previous == order.problem:
        return []
    return [IncidentLinked(**figures(incident), relation="problem", target=order.problem, previous=previous)]


def unlink(incident: Incident, order: Unlink, desk: Desk) -> list[Event]:
    """From its problem or the record it repeats; for its parent see `families`."""
    if order.relation == "parent":
        raise Conflict("a parent is unlinked with both records at hand", allowed=())
    move(incident, Action.UNLINK)
    target: UUID | None = getattr(incident, order.relation)
    if target is None:
        raise Conflict(f"it has no {order.relation}", allowed=(Action.LINK,))
    setattr(incident, order.relation, None)
    return [IncidentUnlinked(**figures(incident), relation=order.relation, target=target)]


def comment(incident: Incident, order: Comment, desk: Desk) -> list[Event]:
    move(incident, Action.COMMENT)
    if order.internal and desk.customer:
        raise Forbidden("internal comments are staff's")
    return [IncidentCommented(**figures(incident), text=order.text, internal=order.internal)]


def edit(incident: Incident, order: Edit, desk: Desk) -> list[Event]:
    move(incident, Action.EDIT)
    changes: dict[str, Change] = {}
    for name in order.model_fields_set:
        before, after = getattr(incident, name), getattr(order, name)
        if after is None and name != "caller":
            raise Invalid.field(name, "this cannot be taken away")
        if before != after:
            changes[name] = Change(before=before, after=after)
            setattr(incident, name, after)
    return [IncidentEdited(**figures(incident), changes=changes)] if changes else []
