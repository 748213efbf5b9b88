"""The routes that tell what happened to an incident, what was written on it, and what is known of its problem."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import text
from starlette.responses import Response

from services.incident.queries import timeline as reads
from services.incident.tables import Incident
from shared.database.records import R
from shared.errors import NotFound
from shared.http.ask import JSON, Ask, Asked
from shared.http.route import Room
from shared.http.timeline import Timeline, TimelineQuery, following

router = Room(tags=["incidents"])
KNOWN = text("SELECT id, number, state, title, workaround, changed_at FROM known_problem WHERE id = :id")


class CommentView(BaseModel):
    sequence: int
    at: AwareDatetime
    author: str
    text: str
    internal: bool


class Comments(BaseModel):
    items: list[CommentView]
    next: str | None


class KnownProblemView(BaseModel):
    """The problem that an incident is linked to, as its own service last told (PRB-8)."""

    id: UUID
    number: str
    state: str
    title: str | None
    workaround: str | None
    changed_at: AwareDatetime


@router.reading("/incidents/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    """A customer's contact reads what is meant for customers: no internal comments, notes or ids of other records."""
    ask.require("incident:read")
    return await timeline_of(ask, Incident, id, query)


async def timeline_of(ask: Ask, cls: type[R], id: UUID, query: TimelineQuery) -> Response:
    """A page of what this caller may read of what happened to a record. Raises NotFound where there is none."""
    await ask.load(cls, id)
    customer = ask.caller.is_customer
    found = await reads.timeline(ask.database, id, query.after, query.limit + 1, customer=customer)
    return following(found, query.limit)


@router.reading("/incidents/{id}/comments", shows=Comments, summary="What people wrote on it")
async def comments(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    ask.require("incident:read")
    await ask.load(Incident, id)
    customer = ask.caller.is_customer
    found = await reads.comments(ask.database, id, query.after, query.limit + 1, customer=customer)
    return following(found, query.limit)


@router.reading("/incidents/{id}/problem", shows=KnownProblemView, summary="State and workaround of its problem")
async def problem(id: UUID, ask: Asked) -> Response:
    ask.require("known-problem:read")
    incident = await ask.load(Incident, id)
    if incident.problem is None:
        raise NotFound(f"{incident.number} is not linked to a problem")
    found = await ask.database.rows(KNOWN, {"id": incident.problem})
    if not found:
        raise NotFound(f"nothing was heard of the problem {incident.problem} yet")
    return Response(msgspec.json.encode(dict(found[0]._mapping)), media_type=JSON)
