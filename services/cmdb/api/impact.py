"""The route of impact: what would be struck if these items failed, or what they rely on, with the way as proof."""

from collections.abc import Sequence
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from contracts.cmdb import Nature
from contracts.cmdb import Status as StatusName
from services.cmdb.api.room import past
from services.cmdb.queries.impact import Impact, impact, starts
from services.cmdb.rules.relationships import Kind
from shared.errors import Invalid
from shared.http.ask import JSON, Ask, Asked, Query
from shared.http.route import Room
from shared.orders import Instant, Word

router = Room(tags=["impact"])


class PathStep(BaseModel):
    """An item on the way, and the relationship that leads to it from the item before; the first has none."""

    item: str
    kind: Kind | None = None
    relationship: UUID | None = None
    number: str | None = None


class Affected(BaseModel):
    """One item that was reached, by a shortest way from one of the items asked about. `distance`: relationships."""

    id: UUID
    number: str
    name: str
    type: str
    nature: Nature
    title: str | None
    status: StatusName
    owner: str | None
    criticality: int | None
    distance: int
    path: list[PathStep]


class Summary(BaseModel):
    """The names of services and teams among what was reached, its owners, and how many items were reached in all."""

    services: list[str]
    teams: list[str]
    owners: list[str]
    reached: int


class ImpactView(BaseModel):
    """`complete`: no bound (depth, limit) ended the search early. `affected` is in the order of distance; where a
    nature was asked for, only items of it, while the summary is of all."""

    at: AwareDatetime
    direction: Literal["down", "up"]
    items: list[str]
    complete: bool
    summary: Summary
    affected: list[Affected]


class ImpactQuery(Query):
    """`item`: a name or an id, repeatable. `direction`: down follows failures to what feels them, up goes to what the
    items rely on. `depth`: at most so many relationships away; `limit`: at most so many items."""

    item: Annotated[list[Word], Field(min_length=1, max_length=100)]
    direction: Literal["down", "up"] = "down"
    at: Instant | None = None
    depth: Annotated[int, Field(ge=1, le=64)] = 32
    limit: Annotated[int, Field(ge=1, le=5000)] = 1000
    nature: list[Nature] | None = None
    sort: None = None
    cursor: None = None


@router.reading("/impact", shows=ImpactView, summary="What a failure of items would strike, or what they rely on")
async def impact_of(ask: Asked, query: Annotated[ImpactQuery, InQuery()]) -> Response:
    ask.require("impact:read")
    at = past(query.at or ask.now, ask.now)
    items = await known(ask, query)
    found = await impact(
        ask.database, items, at, up=query.direction == "up", past=query.at is not None,
        depth=query.depth, most=query.limit,
    )  # fmt: skip
    body = {
        "at": at,
        "direction": query.direction,
        "items": sorted(found.items[id].name for id in found.found.starts),
        "complete": found.found.complete,
        "summary": summary(found),
        "affected": affected(found, query.nature),
    }
    return Response(msgspec.json.encode(body), media_type=JSON)


async def known(ask: Ask, query: ImpactQuery) -> list[UUID]:
    """The ids of the items asked about. Raises Invalid for each that there is not, or was not at that instant."""
    rows = await starts(ask.database, query.item)
    by_name = {row.name: row for row in rows}
    by_id = {str(row.id): row for row in rows}
    errors: list[dict[str, object]] = []
    found = []
    for place, each in enumerate(query.item):
        row = by_name.get(each) or by_id.get(each.lower())
        if row is None:
            errors.append({"field": f"item.{place}", "message": f"there is no item {each}"})
        elif query.at is not None and row.registered_at > query.at:
            errors.append({"field": f"item.{place}", "message": f"{row.name} was not registered then"})
        else:
            found.append(row.id)
    if errors:
        raise Invalid("; ".join(f"{each['field']}: {each['message']}" for each in errors[:5]), errors=errors)
    return found


def summary(found: Impact) -> dict[str, Any]:
    rows = [found.items[id] for id in found.found.steps]
    return {
        "services": sorted(row.name for row in rows if row.nature == "service"),
        "teams": sorted(row.name for row in rows if row.nature == "team"),
        "owners": sorted({row.owner for row in rows if row.owner}),
        "reached": len(rows),
    }


def affected(found: Impact, natures: Sequence[str] | None) -> list[dict[str, Any]]:
    """Each item with its way as JSON text: a way is its last step written behind the way to the item before."""
    ways = {id: msgspec.json.encode({"item": found.items[id].name}) for id in found.found.starts}
    shown = []
    for step in found.found.steps.values():
        row, edge = found.items[step.node], found.relationships[step.edge]
        last = {"item": row.name, "kind": edge.kind, "relationship": edge.id, "number": edge.number}
        way = ways[step.node] = ways[step.previous] + b"," + msgspec.json.encode(last)
        if natures and row.nature not in natures:
            continue
        each = {name: row[name] for name in SHOWN}
        shown.append(each | {"distance": step.distance, "path": msgspec.Raw(b"[" + way + b"]")})
    return shown


SHOWN = ("id", "number", "name", "type", "nature", "title", "status", "owner", "criticality")
