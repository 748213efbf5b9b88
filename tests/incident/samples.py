"""Incidents and desks made by hand, for rules that need no service."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts.envelope import Event, Message
from services.incident.domain import VERBS, Desk, Open, open_incident
from services.incident.domain.desk import Named
from services.incident.domain.particulars import Outage, Suspect, item
from services.incident.lifecycle import Action, State
from services.incident.rules import USUAL, ClosurePolicy
from services.incident.tables import Incident

NOON = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
DESK = Desk(
    now=NOON,
    actor="alice",
    customer=False,
    matrix=USUAL,
    matrix_name=None,
    matrix_version=None,
    closure=ClosurePolicy(silence_days=5),
)
PROBLEM = UUID("01950000-0000-7000-8000-000000000017")
CHANGE = Named(UUID("01950000-0000-7000-8000-000000000031"), "CHG-31")
KNOWN_ERROR = Named(UUID("01950000-0000-7000-8000-000000000007"), "KE-7")
OUTAGE = UUID("01950000-0000-7000-8000-000000000099")
# What the desk has looked up of the record that a verb names.
NAMED = {Action.SUSPECT_CHANGE: CHANGE, Action.APPLY_WORKAROUND: KNOWN_ERROR}

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
    Action.INFORM: {"text": "We are working on it"},
    Action.APPLY_WORKAROUND: {"known_error": str(KNOWN_ERROR.id), "helped": True},
    Action.LOG_EFFORT: {"minutes": 15},
    Action.RECORD_OUTAGE: {"service": "Mail", "began_at": "2026-03-02T11:00:00Z"},
    Action.END_OUTAGE: {"outage": str(OUTAGE), "ended_at": "2026-03-02T11:30:00Z"},
    Action.WITHDRAW_OUTAGE: {"outage": str(OUTAGE), "reason": "another service"},
    Action.SUSPECT_CHANGE: {"change": str(CHANGE.id), "reason": "it was altered at night"},
    Action.CONFIRM_CHANGE: {"change": str(CHANGE.id)},
    Action.DISMISS_CHANGE: {"change": str(CHANGE.id), "reason": "another server"},
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
    desk = replace(desk, named=desk.named or NAMED.get(action))
    events = verb.act(incident, verb.order.model_validate(order), desk)
    incident.version += len(events)
    return events


def brought(state: State) -> Incident:
    """An incident in this state."""
    incident = opened()
    for minutes, (action, order) in enumerate(ROUTES[state], start=1):
        act(incident, action, at(minutes), **order)
    return incident


def prepared(incident: Incident, action: Action) -> Incident:
    """With what this verb needs to find on the record, as if it had been done before."""
    if action is Action.ACKNOWLEDGE:
        incident.escalation, incident.escalated_to, incident.escalated_at = "functional", "Network", at(9).now
    if action is Action.UNLINK:
        incident.problem = incident.id
    if action in (Action.END_OUTAGE, Action.WITHDRAW_OUTAGE):
        began = NOON - timedelta(hours=1)
        outage = Outage(
            outage=OUTAGE, service="Mail", ci=None, began_at=began, ended_at=None, degree="down", planned=False
        )
        incident.outages = [item(outage)]
    if action in (Action.CONFIRM_CHANGE, Action.DISMISS_CHANGE):
        suspect = Suspect(
            change=CHANGE.id, number=CHANGE.number, status="suspected", by="hand", path=(), minutes_after=None
        )
        incident.suspects = [item(suspect)]
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
