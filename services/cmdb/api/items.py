"""The routes of items: register, list, read as they are or were, and a route for each verb."""

from collections.abc import Callable
from functools import partial
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, ConfigDict
from sqlalchemy import text
from starlette.responses import Response

from contracts.cmdb import Nature, Value
from contracts.cmdb import Status as StatusName
from services.cmdb.api.room import actions, computed, desk, fresh, locked, past, texts
from services.cmdb.domain import MOVES, Verb
from services.cmdb.domain.items import edit, free_to_retire, move, register
from services.cmdb.domain.orders import Edit, Move, Register, Retire
from services.cmdb.domain.relationships import end
from services.cmdb.lifecycle import Action
from services.cmdb.queries.around import dependents, held
from services.cmdb.queries.lists import ITEMS
from services.cmdb.queries.past import item_then
from services.cmdb.tables import Item, Relationship
from shared.database import Transaction
from shared.errors import Conflict, NotFound
from shared.http.ask import JSON, Asked, Query, Settled, View
from shared.http.route import Room
from shared.http.timeline import Timeline, TimelineQuery, timeline_of
from shared.orders import Instant

router = Room(tags=["items"])
TAKEN = text("SELECT number FROM configuration_item WHERE name = :name")


class ItemFields(BaseModel):
    """What an item says. `criticality`: 1 is the highest. `source`: who keeps it, a person or an imported estate."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    version: int
    name: str
    type: str
    type_version: int
    nature: Nature
    status: StatusName
    title: str | None
    owner: str | None
    supplier: str | None
    location: str | None
    item_version: str | None
    criticality: int | None
    source: str
    links: list[str]
    attributes: dict[str, Value]


class ItemView(ItemFields):
    """An item as it is now. `allowed_actions`: the verbs this caller may use on it now."""

    registered_at: AwareDatetime
    changed_at: AwareDatetime
    allowed_actions: list[Action]


class ItemThen(ItemFields):
    """An item as it was at an instant, after the event at `since`."""

    since: AwareDatetime


class Items(BaseModel):
    items: list[ItemView]
    next: str | None


class ItemQuery(Query):
    """`q` is looked for in number, name and title."""

    name: list[str] | None = None
    type: list[str] | None = None
    nature: list[Nature] | None = None
    status: list[StatusName] | None = None
    owner: str | None = None
    supplier: str | None = None
    location: str | None = None
    criticality: list[int] | None = None
    source: str | None = None
    registered_after: AwareDatetime | None = None
    registered_before: AwareDatetime | None = None
    q: str | None = None


class AtQuery(Query):
    """`at`: as it was then; without it, as it is."""

    sort: None = None
    cursor: None = None
    at: Instant | None = None


VIEW = View(ItemView, computed)


@router.command("/items", shows=ItemView, status=201, summary="Bring an item under control")
async def register_item(body: Register, ask: Asked) -> Response:
    ask.require("item:register")
    item, events = register(body, await desk(ask, None))
    try:
        return await ask.create(item, events, VIEW)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "uq_configuration_item_name":
            raise
        # Whose answer was lost sends the order again; with its key it gets that answer, not this refusal.
        return await ask.settle(partial(taken, body.name))


async def taken(name: str, transaction: Transaction) -> Settled:
    """Raises Conflict with the number of the item that has this name."""
    (number,) = (await transaction.execute(TAKEN, {"name": name})).scalars()
    raise Conflict(f"{number} is called {name} already; a name is given once", rule="name", number=number)


@router.reading("/items", shows=Items, summary="Items, by keyset")
async def items(ask: Asked, query: Annotated[ItemQuery, InQuery()]) -> Response:
    ask.require("item:read")
    return await ask.page(ITEMS, query, {"allowed_actions": texts(actions(ask.caller.roles))})


@router.reading("/items/{id}", shows=ItemView | ItemThen, summary="One item, as it is or as it was")
async def item(id: UUID, ask: Asked, query: Annotated[AtQuery, InQuery()]) -> Response:
    ask.require("item:read")
    if query.at is None:
        return await ask.show(Item, id, VIEW)
    await ask.load(Item, id)
    found = await item_then(ask.database, id, past(query.at, ask.now))
    if found is None:
        raise NotFound(f"the item {id} was not registered by {query.at.isoformat()}")
    return Response(msgspec.json.encode(found), media_type=JSON)


@router.reading("/items/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    ask.require("item:read")
    return await timeline_of(ask, Item, id, query)


@router.command("/items/{id}", method="PATCH", match=True, shows=ItemView, summary="Say something else of it")
async def edit_item(id: UUID, body: Edit, ask: Asked) -> Response:
    ask.require("item:edit")
    at = await desk(ask, body.change)
    return await ask.change(Item, id, lambda item: edit(item, body, at), VIEW, match=True)


@router.command("/items/{id}/retire", shows=ItemView, summary=MOVES[Action.RETIRE].summary)
async def retire_item(id: UUID, body: Retire, ask: Asked) -> Response:
    ask.require("item:retire")

    async def work(transaction: Transaction) -> Settled:
        # With the item locked, nobody adds a relationship to it.
        item = fresh(ask, (await locked(transaction, [id])).get(id), "item", id)
        at = await desk(ask, body.change, transaction)
        events = move(item, Action.RETIRE, body, at)
        free_to_retire(item, body, await dependents(transaction, [id]))
        transaction.record(item, events, ask.cause())
        for each in (await transaction.load_many(Relationship, await held(transaction, [id]))).values():
            if each.valid_to is None:
                transaction.record(each, end(each, f"{item.name} was retired", at, body.change), ask.cause())
        return Settled(VIEW.text(item, ask.caller), headers={"ETag": f'"{item.version}"'})

    return await ask.settle(work)


def verb_route(action: Action, verb: Verb) -> Callable[..., Any]:
    """The route of one step of an item's life."""

    async def route(id: UUID, body: Move, ask: Asked) -> Response:
        ask.require(f"item:{action}")
        at = await desk(ask, body.change)
        return await ask.change(Item, id, lambda item: move(item, action, body, at), VIEW)

    route.__name__ = f"{action.replace('-', '_')}_item"
    return route


for action, verb in MOVES.items():
    if verb.order is Move:
        router.command(f"/items/{{id}}/{action}", shows=ItemView, summary=verb.summary)(verb_route(action, verb))
