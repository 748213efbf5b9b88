"""The routes of incident management."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

from fastapi import Query as InQuery
from starlette.responses import Response

from contracts.envelope import Event
from services.incident.api import families
from services.incident.api.desk import desk
from services.incident.api.views import (
    STAFF_FILTERS,
    VIEW,
    IncidentQuery,
    Incidents,
    IncidentView,
    actions_texts,
)
from services.incident.domain import VERBS, Open, Verb, open_incident
from services.incident.domain.families import concerns_children
from services.incident.domain.orders import ApplyWorkaround, Assign, Link, SuspectChange, Unlink
from services.incident.lifecycle import Action
from services.incident.queries import INCIDENTS, OWN_INCIDENTS, directory, estate, named
from services.incident.rules import IMPACT, USUAL_IMPACT, ImpactRule
from services.incident.tables import Incident
from shared.errors import Forbidden
from shared.http.ask import Ask, Asked
from shared.http.route import Room

router = Room(tags=["incidents"])


@router.command("/incidents", shows=IncidentView, status=201, summary="Record a contact or a service request")
async def open_new(body: Open, ask: Asked) -> Response:
    ask.require("incident:open")
    await directory.require(ask.database, body.group, body.assignee)
    proposed = await proposed_impact(ask, body)
    incident, events = open_incident(body, desk(ask), ask.scope, proposed_impact=proposed)
    return await ask.create(incident, events, VIEW)


async def proposed_impact(ask: Ask, body: Open) -> int | None:
    """What the graph says of the item, where the caller says nothing of the impact (INC-3). Whoever says it is not kept
    waiting for the graph."""
    if body.ci is None or "impact" in body.model_fields_set:
        return None
    rule = ask.runtime.policies.of(IMPACT, None, ask.now)
    spec: ImpactRule = rule.spec if rule else USUAL_IMPACT
    found = await estate.impact(ask.database, spec, body.ci, ask.now)
    return found.impact if found else None


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

        at = desk(ask)
        if isinstance(body, SuspectChange):
            at = replace(at, named=await named.change(ask.database, body.change))
        elif isinstance(body, ApplyWorkaround):
            at = replace(at, named=await named.known_error(ask.database, body.known_error, ask.now))

        def decide(incident: Incident) -> Sequence[Event]:
            if concerns_children(incident, action):
                raise WithChildren
            return verb.act(incident, body, at)

        try:
            return await ask.change(Incident, id, decide, VIEW, match=action is Action.EDIT)
        except WithChildren:
            return await families.finish(ask, id, action, body, at, VIEW)

    route.__annotations__["body"] = verb.order
    route.__name__ = f"{action.replace('-', '_')}_incident"
    return route


for action, verb in VERBS.items():
    if action is Action.EDIT:
        declare = router.command(
            "/incidents/{id}", method="PATCH", match=True, shows=IncidentView, summary=verb.summary
        )
    else:
        declare = router.command(f"/incidents/{{id}}/{action}", shows=IncidentView, summary=verb.summary)
    declare(verb_route(action, verb))
