"""The routes that tell what a problem is behind: its incidents, its timeline, and every incident known here."""

from typing import Annotated
from uuid import UUID

from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel
from starlette.responses import Response

from services.problem.queries.problems import INCIDENTS, linked
from services.problem.tables import Problem
from shared.http.ask import JSON, Asked, Query
from shared.http.query import PagesById
from shared.http.route import Room
from shared.http.timeline import Timeline, TimelineQuery, timeline_of

router = Room(tags=["problems"])
FIRST = UUID(int=0)


class LinkedIncident(BaseModel):
    """An incident that a problem is behind. Where nothing has been heard of it yet there is only its id.

    `closings`: how often it was closed, whenever that was.
    """

    id: UUID
    number: str | None
    kind: str | None
    state: str | None
    title: str | None
    organisation: str | None
    priority: int | None
    service: str | None
    ci: str | None
    category: str | None
    closings: int
    opened_at: AwareDatetime | None
    closed_at: AwareDatetime | None


class LinkedIncidents(BaseModel):
    items: list[LinkedIncident]
    next: UUID | None


class KnownIncidentView(LinkedIncident):
    """An incident as problem management knows it. `problem`: the one it names itself, be there such a one or not."""

    problem: UUID | None


class KnownIncidents(BaseModel):
    items: list[KnownIncidentView]
    next: str | None


class IncidentQuery(Query):
    """`stray`: names a problem that there is not."""

    state: list[str] | None = None
    service: str | None = None
    ci: str | None = None
    category: str | None = None
    problem: UUID | None = None
    stray: bool | None = None


class LinkedQuery(PagesById):
    """In the order of the incidents' ids, which is that of time."""


@router.reading("/problems/{id}/incidents", shows=LinkedIncidents, summary="The incidents it is behind")
async def incidents_of(id: UUID, ask: Asked, query: Annotated[LinkedQuery, InQuery()]) -> Response:
    ask.require("problem:read")
    await ask.load(Problem, id)
    items, last = await linked(ask.database, id, query.cursor or FIRST, query.limit)
    following = f'"{last}"' if last else "null"
    return Response(f'{{"items":{items},"next":{following}}}', media_type=JSON)


@router.reading("/problems/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    ask.require("problem:read")
    return await timeline_of(ask, Problem, id, query)


@router.reading(
    "/incidents", shows=KnownIncidents, operation_id="listKnownIncidents",
    summary="The incidents that problem management knows of",
)  # fmt: skip
async def incidents(ask: Asked, query: Annotated[IncidentQuery, InQuery()]) -> Response:
    ask.require("problem:read")
    return await ask.page(INCIDENTS, query)
