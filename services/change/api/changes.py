"""The routes of changes: request, list, read, the timeline, what is in the way, and a route for each verb."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel
from sqlalchemy import text
from starlette.responses import Response

from contracts.change import ApprovalGiven
from services.change.api.view import VIEW, Changes, ChangeView, actions_text, desk
from services.change.domain import AROUND, VERBS, Order, Verb, decide, request
from services.change.domain.orders import Approve, Edit, Request, Schedule, Start
from services.change.lifecycle import ENDED, Action, State
from services.change.queries.approvals import delegated, given, keep
from services.change.queries.collisions import in_the_way, planned
from services.change.queries.knowledge import known
from services.change.queries.lists import CHANGES
from services.change.rules.collisions import Collision, Plan
from services.change.tables import Change
from shared.database import Transaction
from shared.database.page import page_text
from shared.errors import Conflict, NotFound, Stale
from shared.http.ask import JSON, Ask, Asked, Settled
from shared.http.query import OpenQuery
from shared.http.route import Room
from shared.http.timeline import Timeline, TimelineQuery, timeline_of

router = Room(tags=["changes"])
ANSWERING = text("SELECT number FROM change WHERE request = :request")


class CollisionView(BaseModel):
    """`acknowledged`: why it may stay, where somebody said so. A freeze cannot be acknowledged."""

    id: UUID
    kind: str
    overlap_start: AwareDatetime
    overlap_end: AwareDatetime
    other: UUID | None
    other_number: str | None
    with_what: str | None
    path: list[str]
    acknowledged: str | None


class Collisions(BaseModel):
    """Computed now. `complete` is false where dependencies go further than they are followed."""

    items: list[CollisionView]
    complete: bool


class ChangeQuery(OpenQuery):
    """`item`: changes of this configuration item; `planned_after`, `planned_before`: whose window meets that span."""

    over = frozenset(ENDED)

    state: list[State] | None = None
    change_class: list[str] | None = None
    risk: list[str] | None = None
    requester: str | None = None
    service: str | None = None
    item: str | None = None
    model: str | None = None
    group: str | None = None
    assignee: str | None = None
    organisation: str | None = None
    problem: UUID | None = None
    request: UUID | None = None
    incident: UUID | None = None
    outcome: list[str] | None = None
    planned_after: AwareDatetime | None = None
    planned_before: AwareDatetime | None = None
    requested_after: AwareDatetime | None = None
    requested_before: AwareDatetime | None = None
    overdue: bool | None = None
    q: str | None = None


@router.command("/changes", shows=ChangeView, status=201, summary="Ask for a change")
async def request_change(body: Request, ask: Asked) -> Response:
    ask.require("change:request")

    async def work(transaction: Transaction) -> Settled:
        await known(transaction, body.items)
        if body.request is not None and (there := await transaction.rows(ANSWERING, {"request": body.request})):
            raise answered(there[0].number)
        # What is asked for is decided twice: the first time says what it plans, and so what is in its way.
        plan = planned(request(body, desk(ask))[0])
        found, _ = await in_the_way(transaction, plan, ask.runtime.policies, ask.now)
        change, events = request(body, desk(ask, collisions=found))
        transaction.record(change, events, ask.cause())
        await transaction.flush()
        headers = {"ETag": f'"{change.version}"', "Location": f"{ask.request.scope['path']}/{change.id}"}
        return Settled(VIEW.text(change, ask.caller), 201, headers)

    try:
        return await ask.settle(work)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name != "uq_change_request":
            raise
        raise answered("another change") from error


def answered(number: str) -> Conflict:
    return Conflict(f"{number} answers this wish of problem management already", allowed=())


@router.reading("/changes", shows=Changes, summary="Changes, by keyset")
async def changes(ask: Asked, query: Annotated[ChangeQuery, InQuery()]) -> Response:
    ask.require("change:read")
    more = {"actions": actions_text(ask.caller.roles), "caller": ask.caller.subject}
    rows, order = await ask.found(CHANGES, query, more)
    return Response(page_text(CHANGES, rows, query.limit, order, {}), media_type=JSON)


@router.reading("/changes/{id}", shows=ChangeView, summary="One change")
async def change(id: UUID, ask: Asked) -> Response:
    ask.require("change:read")
    return await ask.show(Change, id, VIEW)


@router.reading("/changes/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    ask.require("change:read")
    return await timeline_of(ask, Change, id, query)


@router.reading("/changes/{id}/collisions", shows=Collisions, summary="What is in its way, computed now")
async def collisions(id: UUID, ask: Asked) -> Response:
    ask.require("change:read")
    record = await ask.load(Change, id)
    found, complete = await in_the_way(ask.database, planned(record), ask.runtime.policies, ask.now)
    items = [shown(each, record) for each in found]
    return Response(msgspec.json.encode({"items": items, "complete": complete}), media_type=JSON)


def shown(each: Collision, change: Change) -> dict[str, object]:
    return {
        "id": each.id,
        "kind": each.kind,
        "overlap_start": each.overlap_start,
        "overlap_end": each.overlap_end,
        "other": each.other,
        "other_number": each.other_number,
        "with_what": each.with_what,
        "path": each.path,
        "acknowledged": change.acknowledged.get(str(each.id)),
    }


def would_be(change: Change, order: Order, now: datetime) -> Plan | None:
    """What the change plans once the order is carried out. One that is started is done from then on, planned or not."""
    if isinstance(order, Start):
        at = order.started_at or now
        return planned(change, planned_start=at, planned_end=max(change.planned_end or at, at + timedelta(seconds=1)))
    if not isinstance(order, Edit | Schedule):
        return planned(change)
    fields = {"items", "service", "planned_start", "planned_end"} & order.model_fields_set
    sent = {name: getattr(order, name) for name in fields}
    if sent.get("items", ()) is None:
        del sent["items"]
    return planned(change, **sent)


async def locked(ask: Ask, id: UUID, verb: Verb, order: Order, expected: int | None) -> Response:
    """A verb that looks around: decided while the record is locked, so that what it saw of approvals still holds when
    it is written, and nobody changes the scope between the two."""

    async def work(transaction: Transaction) -> Settled:
        change = (await transaction.load_many(Change, [id])).get(id)
        if change is None or ask.scope not in (None, change.organisation):
            raise NotFound(f"no change {id}")
        if expected is not None and change.version != expected:
            raise Stale(f"{change.number} is at version {change.version} by now", version=change.version)
        found, _ = await in_the_way(transaction, would_be(change, order, ask.now), ask.runtime.policies, ask.now)
        whom = order.for_whom if isinstance(order, Approve) else None
        at = desk(
            ask,
            collisions=found,
            given=await given(transaction, change),
            delegated=await delegated(transaction, whom, ask.caller.subject, ask.now) if whom else None,
        )
        events = decide(verb, change, order, at)
        for event in events:
            if isinstance(event, ApprovalGiven):
                await keep(transaction, change, event, ask.now)
        if events:
            transaction.record(change, events, ask.cause())
        return Settled(VIEW.text(change, ask.caller), headers={"ETag": f'"{change.version}"'})

    return await ask.settle(work)


def verb_route(action: Action, verb: Verb) -> Callable[..., Any]:
    """The route of one verb: its body is the verb's order."""

    async def route(id: UUID, body: Order, ask: Asked) -> Response:
        ask.require(f"change:{action}")
        if isinstance(body, Edit):
            await known(ask.database, body.items or ())
        if action in AROUND:
            return await locked(ask, id, verb, body, ask.expected(required=action is Action.EDIT))
        at = desk(ask)
        return await ask.change(Change, id, lambda change: decide(verb, change, body, at), VIEW)

    route.__annotations__["body"] = verb.order
    route.__name__ = f"{action.replace('-', '_')}_change"
    return route


for action, verb in VERBS.items():
    if action is Action.EDIT:
        declare = router.command("/changes/{id}", method="PATCH", match=True, shows=ChangeView, summary=verb.summary)
    else:
        declare = router.command(f"/changes/{{id}}/{action}", shows=ChangeView, summary=verb.summary)
    declare(verb_route(action, verb))
