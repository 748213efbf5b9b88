"""The routes of relationships: add, remove, list, those of one item, and what happened to one."""

from typing import Annotated
from uuid import UUID

import asyncpg
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import text
from starlette.responses import Response

from services.cmdb.api.room import GRAPH_LOCK, desk, fresh, locked, relationship_actions, texts
from services.cmdb.domain.orders import Add, Remove
from services.cmdb.domain.relationships import Told, relate, remove
from services.cmdb.lifecycle import RelationshipAction
from services.cmdb.queries.around import ids
from services.cmdb.queries.lists import RELATIONSHIPS
from services.cmdb.rules.relationships import ACYCLIC, Kind
from services.cmdb.tables import Item, Relationship
from shared.auth import Caller
from shared.database import Transaction
from shared.database.graph import Edges, reached
from shared.errors import Conflict, Invalid
from shared.http.ask import Ask, Asked, Query, Settled, View
from shared.http.route import Room
from shared.http.timeline import Timeline, TimelineQuery, timeline_of

router = Room(tags=["relationships"])
# Of each kind that must not run in a circle, the edges from source to target.
WAYS = {kind: Edges("relationship", "source", "target", f"kind = '{kind}'") for kind in ACYCLIC}
FURTHEST = 2**31 - 1
SAME = text(
    "SELECT number FROM relationship WHERE source = :source AND target = :target AND kind = :kind AND valid_to IS NULL"
)
NAMES = text("SELECT id, name FROM configuration_item WHERE id = ANY(CAST(:ids AS uuid[]))")


class RelationshipView(BaseModel):
    """`source` stands in `kind` to `target`; a failure of `provider` is felt by `dependent`. `origin`: the estate that
    it was imported with, None for one that a person added."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    version: int
    kind: Kind
    source: UUID
    source_ci: str
    target: UUID
    target_ci: str
    provider: UUID
    dependent: UUID
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None
    origin: str | None
    allowed_actions: list[RelationshipAction]


class Relationships(BaseModel):
    items: list[RelationshipView]
    next: str | None


class OfItemQuery(Query):
    """`holds`: those that still do, or those that have ended. `at`: those that held then."""

    kind: list[Kind] | None = None
    holds: bool | None = None
    origin: str | None = None
    at: AwareDatetime | None = None


class RelationshipQuery(OfItemQuery):
    """`item`: the item is one of its ends, whichever."""

    item: UUID | None = None
    source: UUID | None = None
    target: UUID | None = None
    provider: UUID | None = None
    dependent: UUID | None = None


class OneItemQuery(OfItemQuery):
    """The same with the item that the path names."""

    of: UUID

    def filters(self) -> dict[str, object]:
        found = super().filters()
        return found | {"item": found.pop("of")}


def shown(relationship: Relationship, caller: Caller) -> dict[str, object]:
    return {"allowed_actions": relationship_actions(caller.roles)[relationship.valid_to is None]}


VIEW = View(RelationshipView, shown)


@router.command("/relationships", shows=RelationshipView, status=201, summary="Say how two items are related")
async def add_relationship(body: Add, ask: Asked) -> Response:
    ask.require("relationship:add")

    async def work(transaction: Transaction) -> Settled:
        if body.kind in ACYCLIC:
            await transaction.execute(GRAPH_LOCK)
        source, target = await named(transaction, body)
        at = await desk(ask, body.change, transaction)
        relationship, told = relate(source, body.kind, target, at)
        await refuse_same(transaction, relationship)
        if body.kind in ACYCLIC:
            await refuse_circle(transaction, relationship, ask)
        noted(ask, transaction, told)
        await transaction.flush()
        location = f"{ask.request.scope['path']}/{relationship.id}"
        return Settled(VIEW.text(relationship, ask.caller), 201, {"ETag": '"1"', "Location": location})

    try:
        return await ask.settle(work)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "uq_relationship_held":
            raise
        # Somebody added the same one between our question and our answer: now it is found.
        return await ask.settle(work)


async def named(transaction: Transaction, body: Add) -> tuple[Item, Item]:
    """Both ends, locked: neither is retired meanwhile. Raises Invalid that names an end that is no item."""
    found = await ids(transaction, {body.source, body.target})
    unknown: list[dict[str, object]] = [
        {"field": end, "message": f"there is no item {name}"}
        for end, name in (("source", body.source), ("target", body.target))
        if name not in found
    ]
    if unknown:
        raise Invalid("; ".join(f"{each['field']}: {each['message']}" for each in unknown), errors=unknown)
    items = await locked(transaction, found.values())
    return items[found[body.source]], items[found[body.target]]


async def refuse_same(transaction: Transaction, new: Relationship) -> None:
    given = {"source": new.source, "target": new.target, "kind": new.kind}
    number = (await transaction.execute(SAME, given)).scalar()
    if number:
        raise Conflict(
            f"{number} says already that {new.source_ci} {new.kind} {new.target_ci}", rule="duplicate", number=number
        )


async def refuse_circle(transaction: Transaction, new: Relationship, ask: Ask) -> None:
    """Raises Conflict with the way by which the new relationship would lead back to its source."""
    back = await reached(transaction, WAYS[new.kind], [new.target], ask.now, depth=FURTHEST, most=FURTHEST - 1)  # type: ignore[index]
    if new.source not in back.steps:
        return
    way = [new.source, *back.path(new.source)]
    called = {row.id: row.name for row in await transaction.execute(NAMES, {"ids": way})}
    names = [called[each] for each in way]
    raise Conflict(f"this would close a circle of {new.kind}: {' → '.join(names)}", rule="circle", path=names)


@router.command("/relationships/{id}/remove", shows=RelationshipView, summary="It does not hold any more")
async def remove_relationship(id: UUID, body: Remove, ask: Asked) -> Response:
    ask.require("relationship:remove")
    before = await ask.load(Relationship, id)

    async def work(transaction: Transaction) -> Settled:
        items = await locked(transaction, (before.source, before.target))
        relationship = fresh(ask, (await transaction.load_many(Relationship, [id])).get(id), "relationship", id)
        at = await desk(ask, body.change, transaction)
        told = remove(relationship, items[before.source], items[before.target], body.reason, at)
        noted(ask, transaction, told)
        return Settled(VIEW.text(relationship, ask.caller), headers={"ETag": f'"{relationship.version}"'})

    return await ask.settle(work)


def noted(ask: Ask, transaction: Transaction, told: list[Told]) -> None:
    for record, events in told:
        transaction.record(record, events, ask.cause())


@router.reading("/relationships", shows=Relationships, summary="Relationships, by keyset")
async def relationships(ask: Asked, query: Annotated[RelationshipQuery, InQuery()]) -> Response:
    ask.require("relationship:read")
    return await ask.page(RELATIONSHIPS, query, {"allowed_actions": texts(relationship_actions(ask.caller.roles))})


@router.reading("/relationships/{id}", shows=RelationshipView, summary="One relationship")
async def relationship(id: UUID, ask: Asked) -> Response:
    ask.require("relationship:read")
    return await ask.show(Relationship, id, VIEW)


@router.reading("/relationships/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    ask.require("relationship:read")
    return await timeline_of(ask, Relationship, id, query)


@router.reading("/items/{id}/relationships", shows=Relationships, summary="What an item is related to")
async def of_item(id: UUID, ask: Asked, query: Annotated[OfItemQuery, InQuery()]) -> Response:
    ask.require("relationship:read")
    await ask.load(Item, id)
    given = OneItemQuery.model_validate({**query.model_dump(), "of": id})
    return await ask.page(RELATIONSHIPS, given, {"allowed_actions": texts(relationship_actions(ask.caller.roles))})
