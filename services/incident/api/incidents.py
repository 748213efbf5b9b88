"""The routes of incident management."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, model_validator
from starlette.responses import Response

from contracts.envelope import Event
from services.incident.api import families
from services.incident.domain import VERBS, Desk, Open, Verb, open_incident
from services.incident.domain.families import concerns_children
from services.incident.domain.orders import Assign, Link, Unlink
from services.incident.lifecycle import LIFECYCLE, PERMISSIONS, Action, State
from services.incident.queries import INCIDENTS, OWN_INCIDENTS, directory
from services.incident.queries.lists import STAFFS
from services.incident.rules import CLOSURE, MATRIX, USUAL, ClosurePolicy
from services.incident.tables import Incident
from shared.auth import Caller, Permissions
from shared.errors import Forbidden
from shared.http.ask import Ask, Asked, Query, View
from shared.http.route import Room
from shared.orders import Instant, Word

router = Room(tags=["incidents"])
permissions = Permissions(PERMISSIONS, everything=frozenset({"administrator"}))


class IncidentView(BaseModel):
    """An incident or service request as it is now. `allowed_actions`: the verbs this caller may use on it now.

    To a customer's contact, what staff tie it to and whom they escalate it to is null.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    version: int
    kind: str
    state: State
    waiting_reason: str | None
    title: str
    description: str
    impact: int
    urgency: int
    priority: int
    priority_overridden: bool
    organisation: str
    service: str | None
    ci: str | None
    category: str | None
    subcategory: str | None
    symptom: str | None
    caller: str | None
    channel: str | None
    group: str | None
    assignee: str | None
    occurred_at: AwareDatetime | None
    detected_at: AwareDatetime | None
    recorded_at: AwareDatetime
    opened_at: AwareDatetime
    taken_up_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    close_due_at: AwareDatetime | None
    resolution_code: str | None
    resolution_note: str | None
    cause: str | None
    closure_code: str | None
    confirmed_by: str | None
    reopen_count: int
    reassignment_count: int
    parent: UUID | None
    problem: UUID | None
    duplicate_of: UUID | None
    escalation: str | None
    escalated_to: str | None
    escalated_at: AwareDatetime | None
    acknowledged_at: AwareDatetime | None
    origin: str | None
    reference: str | None
    allowed_actions: list[Action]


class Incidents(BaseModel):
    items: list[IncidentView]
    next: str | None


class IncidentQuery(Query):
    """`escalated=true&acknowledged=false` are those that wait for somebody to take note (INC-5)."""

    state: Annotated[list[State], Field(max_length=20)] | None = None
    kind: Literal["incident", "request"] | None = None
    open: bool | None = None
    priority: Annotated[list[Annotated[int, Field(ge=1, le=5)]], Field(max_length=20)] | None = None
    service: Word | None = None
    ci: Word | None = None
    category: Word | None = None
    group: Word | None = None
    assignee: Word | None = None
    organisation: Word | None = None
    problem: UUID | None = None
    parent: UUID | None = None
    duplicate_of: UUID | None = None
    escalated: bool | None = None
    acknowledged: bool | None = None
    origin: Word | None = None
    opened_after: Instant | None = None
    opened_before: Instant | None = None
    q: Word | None = None

    @model_validator(mode="after")
    def of_open_records(self) -> "IncidentQuery":
        # Said so, the page is read in order from the index of open records instead of being sorted out of all of them.
        if self.open is None and self.state and not {State.CLOSED, State.CANCELLED} & set(self.state):
            self.open = True
        return self


# The filters that would tell a customer's contact what is not shown to it.
STAFF_FILTERS = ("problem", "parent", "duplicate_of", "escalated", "acknowledged")


@lru_cache(maxsize=256)
def actions(roles: frozenset[str]) -> Mapping[str, Sequence[Action]]:
    """The verbs these roles may use, by state."""
    may = {action for action in Action if not permissions.table[f"incident:{action}"].isdisjoint(roles)}
    return {state: [action for action in LIFECYCLE.allowed(state) if action in may] for state in State}


@lru_cache(maxsize=256)
def actions_texts(roles: frozenset[str]) -> Mapping[str, str]:
    """The same as JSON text."""
    return {state: msgspec.json.encode(allowed).decode() for state, allowed in actions(roles).items()}


HIDDEN = dict.fromkeys(STAFFS)


def computed(incident: Incident, caller: Caller) -> Mapping[str, object]:
    allowed = {"allowed_actions": actions(caller.roles)[incident.state]}
    return HIDDEN | allowed if caller.is_customer else allowed


VIEW = View(IncidentView, computed)


# What counts until a closure policy is applied.
UNDECLARED = ClosurePolicy(silence_days=5).silence


def desk(ask: Ask, now: datetime | None = None, actor: str | None = None) -> Desk:
    """The time, the actor and the rules in force at that time."""
    at = now or ask.now
    matrix = ask.runtime.policies.of(MATRIX, None, at)
    closure = ask.runtime.policies.of(CLOSURE, None, at)
    return Desk(
        now=at,
        actor=actor or ask.caller.subject,
        customer=ask.caller.is_customer,
        matrix=matrix.spec if matrix else USUAL,
        matrix_name=matrix.name if matrix else None,
        matrix_version=matrix.version if matrix else None,
        silence=closure.spec.silence if closure else UNDECLARED,
    )


@router.command("/incidents", shows=IncidentView, status=201, summary="Record a contact or a service request")
async def open_new(body: Open, ask: Asked) -> Response:
    ask.require("incident:open")
    await directory.require(ask.database, body.group, body.assignee)
    incident, events = open_incident(body, desk(ask), ask.scope)
    return await ask.create(incident, events, VIEW)


@router.reading("/incidents", shows=Incidents, summary="Incidents and service requests, by keyset")
async def incidents(ask: Asked, query: Annotated[IncidentQuery, InQuery()]) -> Response:
    ask.require("incident:read")
    if ask.caller.is_customer and any(getattr(query, name) is not None for name in STAFF_FILTERS):
        raise Forbidden(f"these filters are staff's: {', '.join(STAFF_FILTERS)}")
    listing = OWN_INCIDENTS if ask.caller.is_customer else INCIDENTS
    return await ask.page(listing, query, {"allowed_actions": actions_texts(ask.caller.roles)})


@router.reading("/incidents/{id}", shows=IncidentView, summary="One incident or service request")
async def incident(id: UUID, ask: Asked) -> Response:
    ask.require("incident:read")
    return await ask.show(Incident, id, VIEW)


class WithChildren(Exception):
    """The verb has to be decided with the record's children at hand."""


def verb_route(action: Action, verb: Verb) -> Callable[..., Any]:
    """The route of one verb: its body is the verb's order."""

    async def route(id: UUID, body: Any, ask: Asked) -> Response:
        ask.require(f"incident:{action}")
        if isinstance(body, Assign):
            await directory.require(ask.database, body.group, body.assignee)
        elif isinstance(body, Link) and body.problem is None:
            return await families.tie(ask, id, body, desk(ask), VIEW)
        elif isinstance(body, Unlink) and body.relation == "parent":
            return await families.untie(ask, id, desk(ask), VIEW)

        def decide(incident: Incident) -> Sequence[Event]:
            if concerns_children(incident, action):
                raise WithChildren
            return verb.act(incident, body, desk(ask))

        try:
            return await ask.change(Incident, id, decide, VIEW, match=action is Action.EDIT)
        except WithChildren:
            return await families.finish(ask, id, action, body, desk(ask), VIEW)

    route.__annotations__["body"] = verb.order
    route.__name__ = f"{action}_incident"
    return route


for action, verb in VERBS.items():
    if action is Action.EDIT:
        declare = router.command(
            "/incidents/{id}", method="PATCH", match=True, shows=IncidentView, summary=verb.summary
        )
    else:
        declare = router.command(f"/incidents/{{id}}/{action}", shows=IncidentView, summary=verb.summary)
    declare(verb_route(action, verb))
