"""Incidents and desks made by hand, for rules that need no service."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.envelope import Event, Message
from services.incident.domain import VERBS, Desk, Open, open_incident
from services.incident.lifecycle import Action, State
from services.incident.rules import USUAL
from services.incident.tables import Incident

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DESK = Desk(
    now=NOON,
    actor="alice",
    customer=False,
    matrix=USUAL,
    matrix_name=None,
    matrix_version=None,
    silence=timedelta(days=5),
)
PROBLEM = UUID("01950000-0000-7000-8000-000000000017")

# The way into each state.
ROUTES: dict[State, tuple[tuple[Action, dict[str, Any]], ...]] = {
    State.NEW: (),
    State.ACTIVE: ((Action.START, {}),),
    State.WAITING: ((Action.START, {}), (Action.WAIT, {"reason": "user"})),
    State.RESOLVED: ((Action.START, {}), (Action.RESOLVE, {"resolution_code": "fixed"})),
    State.CLOSED: ((Action.START, {}), (Action.RESOLVE, {"resolution_code": "fixed"}), (Action.CLOSE, {})),
    State.CANCELLED: ((Action.CANCEL, {"reason": "a test call"}),),
}

# An order for each verb that one record can take alone, and that changes something.
ORDERS: dict[Action, dict[str, Any]] = {
    Action.ASSIGN: {"group": "Network"},
    Action.START: {},
    Action.WAIT: {"reason": "vendor"},
    Action.RESUME: {},
    Action.RESOLVE: {"resolution_code": "fixed"},
    Action.CONFIRM: {},
    Action.CLOSE: {},
    Action.REOPEN: {"reason": "it is back"},
    Action.CANCEL: {"reason": "a test call"},
    Action.PRIORITISE: {"impact": 1, "urgency": 1},
    Action.CLASSIFY: {"service": "Mail"},
    Action.ESCALATE: {"to": "functional", "target": "Network", "reason": "needs a packet trace"},
    Action.ACKNOWLEDGE: {},
    Action.LINK: {"problem": str(PROBLEM)},
    Action.UNLINK: {"relation": "problem"},
    Action.EDIT: {"title": "It smokes"},
    Action.COMMENT: {"text": "hello"},
}


def at(minutes: int, **other: Any) -> Desk:
    """The desk some minutes after noon."""
    return replace(DESK, now=NOON + timedelta(minutes=minutes), **other)


def opened(desk: Desk = DESK, **order: Any) -> Incident:
    return opened_with(desk, **order)[0]


def opened_with(desk: Desk = DESK, **order: Any) -> tuple[Incident, list[Event]]:
    """A new incident with its first events. It has a number and a version, as if it had been saved."""
    organisation = order.pop("organisation", "northwind")
    wanted = Open.model_validate({"title": "It is on fire", "organisation": organisation, **order})
    incident, events = open_incident(wanted, desk, organisation if desk.customer else None)
    incident.number = f"INC-{incident.id.int % 10_000 + 1}"
    incident.version = len(events)
    return incident, events


def act(incident: Incident, action: Action, desk: Desk = DESK, **order: Any) -> list[Event]:
    """What the verb makes of it. Raises what the verb raises."""
    verb = VERBS[action]
    events = verb.act(incident, verb.order.model_validate(order), desk)
    incident.version += len(events)
    return events


def brought(state: State) -> Incident:
    """An incident in this state."""
    incident = opened()
    for minutes, (action, order) in enumerate(ROUTES[state], start=1):
        act(incident, action, at(minutes), **order)
    return incident


def messages(incident: Incident, told: Sequence[tuple[datetime, Event]]) -> list[Message]:
    """The record's events as its log holds them."""
    return [
        Message(
            id=uuid7(), source="/steward/incident", type=event.wire_type(), subject=incident.number,
            aggregate_id=incident.id, sequence=number, occurred=occurred, recorded=occurred, actor="alice",
            correlation=uuid7(), causation=None, traceparent=None, organisation=incident.organisation,
            historical=False, position=number, data=event.model_dump_json(),
        )
        for number, (occurred, event) in enumerate(told, start=1)
    ]  # fmt: skip
