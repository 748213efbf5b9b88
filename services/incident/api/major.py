"""The routes of major incidents (INC-6)."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from sqlalchemy import text
from starlette.responses import Response

from services.incident.api.timeline import timeline_of
from services.incident.api.views import permissions
from services.incident.domain.major import (
    MAJOR_VERBS,
    AssignRole,
    Command,
    DeclareMajor,
    HandOver,
    MajorVerb,
    declare,
)
from services.incident.lifecycle import MAJOR_LIFECYCLE, MajorAction, MajorState
from services.incident.queries import MAJOR_INCIDENTS, MAJOR_STAFFS, OWN_MAJOR_INCIDENTS, directory
from services.incident.rules import MAJOR, USUAL_MAJOR
from services.incident.tables import Incident, MajorIncident
from shared.auth import Caller
from shared.database import Transaction
from shared.errors import Conflict, Forbidden, Invalid, NotFound
from shared.http.ask import Ask, Asked, Query, Settled, View
from shared.http.route import Room
from shared.http.timeline import Timeline, TimelineQuery
from shared.orders import Instant, Word

router = Room(tags=["major incidents"])
GOING_ON = text("SELECT number FROM major_incident WHERE incident = :incident AND state = 'declared'")
# Whoever may end what is another person's.
OVERRULING = frozenset({"administrator"})


class MajorIncidentView(BaseModel):
    """A major incident as it is now. `policy` is empty where the usual criteria counted. To a customer's contact, how
    staff lead it and what they learn from it is null."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    version: int
    state: MajorState
    organisation: str | None
    incident: UUID
    incident_number: str
    title: str
    service: str | None
    ci: str | None
    criterion: str
    reason: str | None
    policy: str | None
    policy_version: int | None
    declared_by: str
    declared_at: AwareDatetime
    manager: str
    communications: str | None
    technical_lead: str | None
    scribe: str | None
    update_every_minutes: int
    next_update_due: AwareDatetime | None
    update_overdue_since: AwareDatetime | None
    updates_sent: int
    updates_missed: int | None
    last_update_at: AwareDatetime | None
    stood_down_at: AwareDatetime | None
    stand_down_reason: str | None
    reviewed_at: AwareDatetime | None
    went_well: str | None
    to_improve: str | None
    actions: list[str] | None
    allowed_actions: list[MajorAction]


class MajorIncidents(BaseModel):
    items: list[MajorIncidentView]
    next: str | None


class MajorIncidentQuery(Query):
    state: Annotated[list[MajorState], Field(max_length=10)] | None = None
    incident: UUID | None = None
    manager: Word | None = None
    organisation: Word | None = None
    service: Word | None = None
    criterion: Word | None = None
    update_overdue: bool | None = None
    declared_after: Instant | None = None
    declared_before: Instant | None = None


@lru_cache(maxsize=256)
def actions(roles: frozenset[str]) -> Mapping[str, Sequence[MajorAction]]:
    """The verbs these roles may use, by state."""
    may = {action for action in MajorAction if not permissions.table[f"major-incident:{action}"].isdisjoint(roles)}
    return {state: [each for each in MAJOR_LIFECYCLE.allowed(state) if each in may] for state in MajorState}


def computed(major: MajorIncident, caller: Caller) -> Mapping[str, object]:
    hidden = dict.fromkeys(MAJOR_STAFFS) if caller.is_customer else {}
    return {**hidden, "allowed_actions": actions(caller.roles)[major.state]}


VIEW = View(MajorIncidentView, computed)


def command(ask: Ask) -> Command:
    return Command(ask.now, ask.caller.subject, overrules=not OVERRULING.isdisjoint(ask.caller.roles))


async def require_person(ask: Ask, field: str, person: str | None) -> None:
    """Raises Invalid for somebody who is neither the caller nor in the directory: a misspelt manager could not act."""
    if person is None or person == ask.caller.subject:
        return
    try:
        await directory.require(ask.database, None, person)
    except Invalid as unknown:
        raise Invalid.field(field, unknown.detail.removeprefix("assignee: ")) from None


@router.command(
    "/incidents/{id}/declare-major", shows=MajorIncidentView, summary="Declare a major incident beside it: the answer"
)
async def declare_major(id: UUID, body: DeclareMajor, ask: Asked) -> Response:
    ask.require("major-incident:declare")
    for field in ("manager", "communications", "technical_lead", "scribe"):
        await require_person(ask, field, getattr(body, field))
    policy = ask.runtime.policies.of(MAJOR, None, ask.now)

    async def work(transaction: Transaction) -> Settled:
        # Its lock is what another declaration for the same incident waits for.
        incident = (await transaction.load_many(Incident, [id])).get(id)
        if incident is None or ask.scope not in (None, incident.organisation):
            raise NotFound(f"no incident {id}")
        if (number := (await transaction.execute(GOING_ON, {"incident": id})).scalar()) is not None:
            raise Conflict(f"{number} is declared for it already and goes on", allowed=())
        major, events = declare(
            incident,
            body,
            command(ask),
            policy.spec if policy else USUAL_MAJOR,
            policy.name if policy else None,
            policy.version if policy else None,
        )
        transaction.record(major, events, ask.cause())
        await transaction.flush()
        return Settled(VIEW.text(major, ask.caller), headers={"ETag": f'"{major.version}"'})

    return await ask.settle(work)


@router.reading("/major-incidents", shows=MajorIncidents, summary="Major incidents, by keyset")
async def major_incidents(ask: Asked, query: Annotated[MajorIncidentQuery, InQuery()]) -> Response:
    ask.require("major-incident:read")
    if ask.caller.is_customer and query.update_overdue is not None:
        raise Forbidden("this filter is staff's: update_overdue")
    listing = OWN_MAJOR_INCIDENTS if ask.caller.is_customer else MAJOR_INCIDENTS
    texts = {state: msgspec.json.encode(allowed).decode() for state, allowed in actions(ask.caller.roles).items()}
    return await ask.page(listing, query, {"allowed_actions": texts})


@router.reading("/major-incidents/{id}", shows=MajorIncidentView, summary="One major incident")
async def major_incident(id: UUID, ask: Asked) -> Response:
    ask.require("major-incident:read")
    return await ask.show(MajorIncident, id, VIEW)


@router.reading("/major-incidents/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    """A customer's contact reads the updates that are meant for customers or the public, its beginning and its end."""
    ask.require("major-incident:read")
    return await timeline_of(ask, MajorIncident, id, query)


def verb_route(action: MajorAction, verb: MajorVerb) -> Callable[..., Any]:
    """The route of one verb: its body is the verb's order."""

    async def route(id: UUID, body: Any, ask: Asked) -> Response:
        ask.require(f"major-incident:{action}")
        if isinstance(body, HandOver):
            await require_person(ask, "manager", body.manager)
        elif isinstance(body, AssignRole):
            await require_person(ask, "person", body.person)
        return await ask.change(MajorIncident, id, lambda major: verb.act(major, body, command(ask)), VIEW)

    route.__annotations__["body"] = verb.order
    route.__name__ = f"{action.replace('-', '_')}_major_incident"
    return route


for action, verb in MAJOR_VERBS.items():
    offer = router.command(f"/major-incidents/{{id}}/{action}", shows=MajorIncidentView, summary=verb.summary)
    offer(verb_route(action, verb))
