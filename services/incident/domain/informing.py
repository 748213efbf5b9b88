"""Keeping the customer informed (INC-7): what it was told, by when it is told again, and what endangers a promise.

When the customer is to be told is a deadline of the record like any other: `next_update_due`. Whoever misses it leaves
`update_overdue_since` until the customer is told. What is resolved is told by its resolution and has no deadline.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from contracts.envelope import Event
from contracts.incident_care import CustomerInformed, SlaChanged, UpdateMissed
from services.incident.domain.desk import Desk, figures
from services.incident.domain.orders import Inform
from services.incident.domain.progress import move, next_update
from services.incident.lifecycle import OPEN, Action
from services.incident.tables import Incident
from shared.errors import Invalid


@dataclass(frozen=True, slots=True)
class Danger:
    """The agreed time of `target` that is worst off: nearly used up, or exceeded."""

    state: Literal["at_risk", "breached"]
    target: str
    due_at: datetime | None


def inform(incident: Incident, order: Inform, desk: Desk) -> list[Event]:
    move(incident, Action.INFORM)
    due = order.next_update_due
    if due is not None and due <= desk.now:
        raise Invalid.field("next_update_due", "this is over already")
    if due is not None and incident.state not in OPEN:
        raise Invalid.field("next_update_due", f"it is {incident.state}: nothing more is to be told")
    if due is None and incident.state in OPEN:
        due = next_update(incident, desk)
    incident.informed_at, incident.next_update_due, incident.update_overdue_since = desk.now, due, None
    return [CustomerInformed(**figures(incident), text=order.text, next_update_due=due, warning=order.warning)]


def missed(incident: Incident, now: datetime) -> list[Event]:
    """The customer was to be told by now and was not. Told once: it is overdue from then on."""
    due = incident.next_update_due
    if due is None or due > now or incident.state not in OPEN:
        return []
    incident.next_update_due, incident.update_overdue_since = None, due
    return [UpdateMissed(**figures(incident), due=due)]


def endangered(incident: Incident, danger: Danger | None, tell_by: datetime | None) -> list[Event]:
    """What the agreement's clocks say of this record now. `tell_by`: the customer is to be told by then, unless that is
    due before or overdue already."""
    sla_state, due_at = (danger.state, danger.due_at) if danger else (None, None)
    due = incident.next_update_due
    if tell_by is not None and incident.state in OPEN and incident.update_overdue_since is None:
        due = tell_by if due is None else min(due, tell_by)
    if (incident.sla_state, incident.sla_due_at, incident.next_update_due) == (sla_state, due_at, due):
        return []
    incident.sla_state, incident.sla_due_at, incident.next_update_due = sla_state, due_at, due
    return [
        SlaChanged(
            **figures(incident),
            danger=sla_state,
            target=danger.target if danger else None,
            due_at=due_at,
            next_update_due=due,
        )
    ]
