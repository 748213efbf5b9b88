"""The routes of status accounting (CFG-7), and of everything as it was at an instant (CFG-5)."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import text
from starlette.responses import Response

from contracts.cmdb import FieldChange, ItemFact
from contracts.envelope import events_of
from services.cmdb.api.items import VIEW, ItemThen, ItemView
from services.cmdb.api.relationships import RelationshipView
from services.cmdb.api.room import past, relationship_actions
from services.cmdb.queries.around import open_records
from services.cmdb.queries.lists import EDGE
from services.cmdb.queries.past import items_then, relationships_then
from services.cmdb.rules.relationships import Kind
from services.cmdb.tables import Item
from shared.errors import Invalid
from shared.http.ask import JSON, Asked, Query
from shared.http.route import Room
from shared.orders import Instant

router = Room(tags=["accounting"])
FIRST = UUID(int=0)
MOST_RECORDS = 200
VERSIONS = text(
    "SELECT sequence, type, occurred, actor, CAST(data AS json) ->> 'status' AS status, "
    "CAST(data AS json) ->> 'item_version' AS item_version, CAST(data AS json) -> 'changes' AS changes, "
    "CAST(data AS json) ->> 'change' AS change FROM event "
    "WHERE aggregate_id = :id AND sequence < :before ORDER BY sequence DESC LIMIT :limit"
)
HELD = text(
    f"SELECT {', '.join(EDGE)} FROM relationship WHERE (provider = :id OR dependent = :id) AND valid_to IS NULL "
    "ORDER BY id LIMIT :limit"
)


class RelationshipThen(BaseModel):
    id: UUID
    number: str
    kind: Kind
    source: UUID
    source_ci: str
    target: UUID
    target_ci: str
    provider: UUID
    dependent: UUID
    valid_from: AwareDatetime
    origin: str | None


class Graph(BaseModel):
    """A page of everything as it was `at` that instant: first all items, then all relationships."""

    at: AwareDatetime
    items: list[ItemThen]
    relationships: list[RelationshipThen]
    next: str | None


class GraphQuery(Query):
    limit: Annotated[int, Field(ge=1, le=1000)] = 500
    sort: None = None
    cursor: Annotated[str, Field(pattern=r"^(items|relationships)/[0-9a-f-]{36}$")] | None = None
    at: Instant

    def place(self) -> tuple[str, UUID]:
        """What the page begins with, and after which id."""
        part, _, id = (self.cursor or f"items/{FIRST}").partition("/")
        try:
            return part, UUID(id)
        except ValueError:
            raise Invalid.field("cursor", "this is not a cursor of this list") from None


@router.reading("/graph", shows=Graph, summary="All items and relationships as of an instant, by keyset")
async def graph(ask: Asked, query: Annotated[GraphQuery, InQuery()]) -> Response:
    ask.require("item:read")
    at = past(query.at, ask.now)
    part, after = query.place()
    found: dict[str, Any] = {"at": at, "items": [], "relationships": [], "next": None}
    if part == "items":
        rows = await items_then(ask.database, at, after, query.limit)
        found["items"] = rows
        found["next"] = f"items/{rows[-1]['id']}" if len(rows) == query.limit else f"relationships/{FIRST}"
    else:
        rows = list(await relationships_then(ask.database, at, after, query.limit))
        found["relationships"] = rows
        found["next"] = f"relationships/{rows[-1]['id']}" if len(rows) == query.limit else None
    return Response(msgspec.json.encode(found), media_type=JSON)


class ItemVersion(BaseModel):
    """The item's version `version` and how it came about. `change`: the change that allowed it."""

    version: int
    event: str
    at: AwareDatetime
    by: str
    status: str
    item_version: str | None
    changes: dict[str, FieldChange] | None
    change: str | None


class OpenRecord(BaseModel):
    id: UUID
    kind: str
    number: str
    title: str | None
    state: str
    priority: int | None
    planned_start: AwareDatetime | None
    planned_end: AwareDatetime | None


class Accounting(BaseModel):
    """What there is to say of an item: as it is, its versions from the newest on, the open records that name it, and
    what it is related to. `complete`: no list of these was cut short; `next` goes on with older versions."""

    item: ItemView
    location: str | None
    versions: list[ItemVersion]
    incidents: list[OpenRecord]
    problems: list[OpenRecord]
    changes: list[OpenRecord]
    relationships: list[RelationshipView]
    complete: bool
    next: str | None


class AccountingQuery(Query):
    """`limit`: how many versions, and how many relationships."""

    sort: None = None
    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,9}$")] | None = None


@router.reading("/items/{id}/accounting", shows=Accounting, summary="Status accounting of an item")
async def accounting(id: UUID, ask: Asked, query: Annotated[AccountingQuery, InQuery()]) -> Response:
    ask.require("item:read")
    item = await ask.load(Item, id)
    before = int(query.cursor) if query.cursor else 2**31 - 1
    versions = await ask.database.rows(VERSIONS, {"id": id, "before": before, "limit": query.limit + 1})
    records = await open_records(ask.database, item.name, MOST_RECORDS + 1)
    relationships = await ask.database.rows(HELD, {"id": id, "limit": query.limit + 1})
    allowed = relationship_actions(ask.caller.roles)[True]
    of_kind: dict[str, list[dict[str, Any]]] = {"incident": [], "problem": [], "change": []}
    for record in records[:MOST_RECORDS]:
        of_kind[record["kind"]].append(record)
    shown = versions[: query.limit]
    body = {
        "item": msgspec.Raw(VIEW.text(item, ask.caller).encode()),
        "location": item.location,
        "versions": [version(row) for row in shown],
        "incidents": of_kind["incident"],
        "problems": of_kind["problem"],
        "changes": of_kind["change"],
        "relationships": [dict(row.items()) | {"allowed_actions": allowed} for row in relationships[: query.limit]],
        "complete": len(records) <= MOST_RECORDS and max(len(versions), len(relationships)) <= query.limit,
        "next": str(shown[-1].sequence) if len(versions) > query.limit else None,
    }
    return Response(msgspec.json.encode(body), 200, {"ETag": f'"{item.version}"'}, media_type=JSON)


def version(row: Any) -> dict[str, Any]:
    return {
        "version": row.sequence,
        "event": EVENTS[row.type],
        "at": row.occurred,
        "by": row.actor,
        "status": row.status,
        "item_version": row.item_version,
        "changes": row.changes,
        "change": row.change,
    }


EVENTS = {cls.wire_type(): cls.name for cls in events_of(ItemFact)}
