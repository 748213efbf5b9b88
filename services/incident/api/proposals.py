"""The routes that offer the desk what is known already: impact, known errors, open problems, recent changes."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from services.incident.queries import estate, proposals
from services.incident.queries.proposals import About
from services.incident.rules import CAUSES, IMPACT, USUAL_IMPACT, ChangeCausePolicy, ImpactRule
from services.incident.tables import Incident
from shared.http.ask import JSON, Ask, Asked, Query
from shared.http.route import Room
from shared.orders import Word

router = Room(tags=["proposals"])
# What is shown of the services that a failure reaches, the worst first; `services_count` says how many there are.
SHOWN = 100


class ReachedService(BaseModel):
    """`path`: the items from the failing one to this service."""

    name: str
    criticality: int | None
    path: list[str]


class ProposedImpact(BaseModel):
    """`rule` is empty while the usual rule counts. `complete` is false where the search ended at the rule's bounds."""

    impact: int
    reason: str
    rule: str | None
    rule_version: int | None
    services_count: int
    services: list[ReachedService]
    complete: bool


class Offered(BaseModel):
    """`matched`: by the item or one that it depends on (over `path`), by the service, by words."""

    matched: list[str]
    path: list[str]


class OfferedError(Offered):
    id: UUID
    number: str
    problem: UUID
    problem_number: str
    title: str
    symptom: str
    workaround: str
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None


class OfferedProblem(Offered):
    id: UUID
    number: str
    state: str
    title: str | None
    workaround: str | None


class OfferedChange(BaseModel):
    """A change that was under way lately, `minutes_ago` by its last step; over the items of `path`."""

    id: UUID
    number: str
    state: str
    title: str
    started_at: AwareDatetime
    ended_at: AwareDatetime | None
    minutes_ago: int
    path: list[str]


class Proposals(BaseModel):
    """At most 20 of each, the best first. `impact` is null where nothing is known of the item. `complete` is false
    where what it depends on is too much to follow."""

    impact: ProposedImpact | None
    known_errors: list[OfferedError]
    problems: list[OfferedProblem]
    changes: list[OfferedChange]
    complete: bool


class ProposalQuery(Query):
    """What the incident is about, as far as it is known."""

    limit: Annotated[int, Field(ge=1, le=20)] = 20
    sort: None = None
    cursor: None = None
    ci: Word | None = None
    service: Word | None = None
    title: Annotated[str, Field(max_length=300)] | None = None


@router.reading("/opening-proposals", shows=Proposals, summary="What is known already of what is to be recorded")
async def before(ask: Asked, query: Annotated[ProposalQuery, InQuery()]) -> Response:
    ask.require("proposal:read")
    return await offered(ask, query.ci, query.service, query.title)


@router.reading("/incidents/{id}/proposals", shows=Proposals, summary="What is known already of what it is about")
async def afterwards(id: UUID, ask: Asked) -> Response:
    ask.require("proposal:read")
    incident = await ask.load(Incident, id)
    return await offered(ask, incident.ci, incident.service, incident.title)


async def offered(ask: Ask, ci: str | None, service: str | None, title: str | None) -> Response:
    policy = ask.runtime.policies.of(CAUSES, None, ask.now)
    causes: ChangeCausePolicy = policy.spec if policy else ChangeCausePolicy()
    about = About(ask.now, await estate.surroundings(ask.database, ci, ask.now, causes.depth), service, title)
    content = {
        "impact": await impact(ask, ci),
        "known_errors": await proposals.errors(ask.database, about),
        "problems": await proposals.problems(ask.database, about),
        "changes": await proposals.changes(ask.database, about, causes.shown),
        "complete": about.around.complete,
    }
    return Response(msgspec.json.encode(content), media_type=JSON)


async def impact(ask: Ask, ci: str | None) -> dict[str, Any] | None:
    rule = ask.runtime.policies.of(IMPACT, None, ask.now)
    spec: ImpactRule = rule.spec if rule else USUAL_IMPACT
    found = await estate.impact(ask.database, spec, ci, ask.now) if ci is not None else None
    if found is None:
        return None
    return {
        "impact": found.impact,
        "reason": found.reason,
        "rule": rule.name if rule else None,
        "rule_version": rule.version if rule else None,
        "services_count": len(found.services),
        "services": found.services[:SHOWN],
        "complete": found.complete,
    }
