"""The routes of reviews and of the actions that are agreed on."""

from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from functools import lru_cache
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel
from starlette.responses import Response

from services.sla.api.room import permissions
from services.sla.domain.orders import Agreed, CancelReview, Complete, Drop, Hold, Revise
from services.sla.domain.reviews import agree, call_off, complete, drop, hold, revise
from services.sla.lifecycle import REVIEWS as REVIEW_MOVES
from services.sla.lifecycle import TASKS as TASK_MOVES
from services.sla.lifecycle import ReviewState, ReviewVerb, TaskState, TaskVerb
from services.sla.queries.reviews import REVIEWS, TASKS
from services.sla.tables import Review, Task
from shared.auth import Caller
from shared.database import Transaction
from shared.database.page import page_text
from shared.errors import NotFound
from shared.http.ask import JSON, Ask, Asked, Query, Settled, View
from shared.http.route import Room
from shared.http.timeline import Timeline, TimelineQuery, timeline_of
from shared.orders import Order, Word

router = Room(tags=["reviews and actions"])


class ReviewView(BaseModel):
    """A review of an agreement. `allowed_actions`: the verbs this caller may use on it now."""

    id: UUID
    number: str
    version: int
    state: ReviewState
    organisation: str | None
    agreement: str
    agreement_version: int
    due_on: date
    held_on: date | None
    participants: list[str]
    notes: str
    reason: str | None
    overdue: bool
    allowed_actions: list[ReviewVerb]


class Reviews(BaseModel):
    items: list[ReviewView]
    next: str | None


class TaskView(BaseModel):
    """An action that a review or the explanation of a breach (`source`) agreed on. `result`: what was done, or why it
    was dropped. `allowed_actions`: the verbs this caller may use on it now."""

    id: UUID
    number: str
    version: int
    state: TaskState
    organisation: str | None
    source: Literal["review", "breach"]
    source_id: UUID
    source_number: str
    agreement: str
    title: str
    owner: str
    due_on: date
    raised_at: datetime
    settled_at: datetime | None
    result: str | None
    overdue: bool
    allowed_actions: list[TaskVerb]


class Tasks(BaseModel):
    items: list[TaskView]
    next: str | None


class ReviewQuery(Query):
    """`overdue`: planned, and its day has passed."""

    agreement: Word | None = None
    state: list[ReviewState] | None = None
    overdue: bool | None = None
    due_after: date | None = None
    due_before: date | None = None


class TaskQuery(Query):
    """`overdue`: open, and its day has passed. `source_id`: the review or explanation that it comes from."""

    agreement: Word | None = None
    owner: Word | None = None
    state: list[TaskState] | None = None
    source: Literal["review", "breach"] | None = None
    source_id: UUID | None = None
    overdue: bool | None = None


@lru_cache(maxsize=256)
def review_verbs(roles: frozenset[str]) -> Mapping[str, Sequence[ReviewVerb]]:
    """The verbs these roles may use on a review, by state."""
    may = {verb for verb in ReviewVerb if not permissions.table[f"review:{verb}"].isdisjoint(roles)}
    return {state: [verb for verb in REVIEW_MOVES.allowed(state) if verb in may] for state in ReviewState}


@lru_cache(maxsize=256)
def task_verbs(roles: frozenset[str]) -> Mapping[str, Sequence[TaskVerb]]:
    """The verbs these roles may use on an action, by state."""
    may = {verb for verb in TaskVerb if not permissions.table[f"action:{verb}"].isdisjoint(roles)}
    return {state: [verb for verb in TASK_MOVES.allowed(state) if verb in may] for state in TaskState}


def texts(verbs: Mapping[str, Sequence[str]]) -> dict[str, str]:
    return {state: msgspec.json.encode(allowed).decode() for state, allowed in verbs.items()}


def review_view(ask: Ask) -> View:
    today = ask.now.date()

    def computed(row: Review, caller: Caller) -> Mapping[str, object]:
        late = row.state == ReviewState.PLANNED and row.due_on < today
        return {"overdue": late, "allowed_actions": review_verbs(caller.roles)[row.state]}

    return View(ReviewView, computed)


def task_view(ask: Ask) -> View:
    today = ask.now.date()

    def computed(row: Task, caller: Caller) -> Mapping[str, object]:
        late = row.state == TaskState.OPEN and row.due_on < today
        return {"overdue": late, "allowed_actions": task_verbs(caller.roles)[row.state]}

    return View(TaskView, computed)


@router.reading("/reviews", shows=Reviews, summary="Reviews of agreements, planned, held and cancelled, by keyset")
async def reviews(ask: Asked, query: Annotated[ReviewQuery, InQuery()]) -> Response:
    ask.require("review:read")
    rows, order = await ask.found(REVIEWS, query, {"today": ask.now.date().isoformat()})
    chosen = {"allowed_actions": texts(review_verbs(ask.caller.roles))}
    return Response(page_text(REVIEWS, rows, query.limit, order, chosen), media_type=JSON)


@router.reading("/reviews/{id}", shows=ReviewView, summary="One review")
async def review(id: UUID, ask: Asked) -> Response:
    ask.require("review:read")
    return await ask.show(Review, id, review_view(ask))


@router.reading("/reviews/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def review_timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    ask.require("review:read")
    return await timeline_of(ask, Review, id, query)


async def locked(transaction: Transaction, id: UUID) -> Review:
    row = (await transaction.load_many(Review, [id])).get(id)
    if row is None:
        raise NotFound(f"no review {id}")
    return row


@router.command("/reviews/{id}/hold", shows=ReviewView, summary="It was held: who was there, and what was agreed on")
async def hold_review(id: UUID, body: Hold, ask: Asked) -> Response:
    ask.require("review:hold")

    async def act(transaction: Transaction) -> Settled:
        row = await locked(transaction, id)
        transaction.record(row, hold(row, body, ask.now), ask.cause())
        for each in body.actions:
            task, events = agree(row, each, ask.now)
            transaction.record(task, events, ask.cause())
        return Settled(review_view(ask).text(row, ask.caller), headers={"ETag": f'"{row.version}"'})

    return await ask.settle(act)


@router.command("/reviews/{id}/cancel", shows=ReviewView, summary="It will not be held, and the reason says why")
async def cancel_review(id: UUID, body: CancelReview, ask: Asked) -> Response:
    ask.require("review:cancel")
    return await ask.change(Review, id, lambda row: call_off(row, body.reason), review_view(ask))


@router.command(
    "/reviews/{id}/raise-action", shows=TaskView, status=201, summary="Somebody has to do something because of it"
)
async def raise_action(id: UUID, body: Agreed, ask: Asked) -> Response:
    ask.require("review:raise-action")

    async def act(transaction: Transaction) -> Settled:
        task, events = agree(await locked(transaction, id), body, ask.now)
        transaction.record(task, events, ask.cause())
        await transaction.flush()
        return Settled(task_view(ask).text(task, ask.caller), 201, {"ETag": f'"{task.version}"'})

    return await ask.settle(act)


@router.reading("/actions", shows=Tasks, summary="What was agreed on, by whom and when it is to be done, by keyset")
async def tasks(ask: Asked, query: Annotated[TaskQuery, InQuery()]) -> Response:
    ask.require("action:read")
    rows, order = await ask.found(TASKS, query, {"today": ask.now.date().isoformat()})
    chosen = {"allowed_actions": texts(task_verbs(ask.caller.roles))}
    return Response(page_text(TASKS, rows, query.limit, order, chosen), media_type=JSON)


@router.reading("/actions/{id}", shows=TaskView, summary="One agreed action")
async def task(id: UUID, ask: Asked) -> Response:
    ask.require("action:read")
    return await ask.show(Task, id, task_view(ask))


@router.reading("/actions/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def task_timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    ask.require("action:read")
    return await timeline_of(ask, Task, id, query)


def task_route(verb: TaskVerb, order: type[Order], decide: Callable[[Task, Any, datetime], Any]) -> Callable[..., Any]:
    """The route of one verb of an action."""

    async def route(id: UUID, body: Order, ask: Asked) -> Response:
        ask.require(f"action:{verb}")
        return await ask.change(Task, id, lambda row: decide(row, body, ask.now), task_view(ask))

    route.__annotations__["body"] = order
    route.__name__ = f"{verb}_action"
    return route


for verb, order, decide, summary in (
    (TaskVerb.REVISE, Revise, revise, "Another owner or day was agreed on"),
    (TaskVerb.COMPLETE, Complete, complete, "It is done"),
    (TaskVerb.DROP, Drop, drop, "It will not be done, and the reason says why"),
):
    router.command(f"/actions/{{id}}/{verb}", shows=TaskView, summary=summary)(task_route(verb, order, decide))
