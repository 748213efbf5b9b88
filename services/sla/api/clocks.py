"""The clocks: lists, one of them, its timeline. All are judged at the instant of the request."""

from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel
from starlette.responses import Response

from services.sla.domain.clocks import view_of
from services.sla.domain.policies import book_of
from services.sla.lifecycle import Outcome, State
from services.sla.queries.lists import CLOCKS
from services.sla.rules.agreements import Book
from services.sla.tables import Clock
from shared.database.page import cursor
from shared.http.ask import JSON, Ask, Asked, Query
from shared.http.route import Room

router = Room(tags=["clocks"])


class ClockView(BaseModel):
    """A clock as it stands now. Lengths are working time in microseconds.

    `outcome` is missed from `late_from` on, whether or not that was told already. `due_at` and `late_from` are empty
    while it is paused; of a stopped clock they say what would have been. `warned` are the fractions of the limit that
    were warned of. `trace` are its starts, stops, pauses, and each change of its terms with the rule that was applied.
    """

    id: UUID
    number: str
    version: int
    record: UUID
    record_number: str
    record_kind: str
    organisation: str | None
    service: str | None
    group: str | None
    assignee: str | None
    priority: int
    agreement: str
    agreement_version: int
    target: str
    measure: str
    calendar: str
    calendar_version: int
    state: State
    outcome: Outcome
    limit_microseconds: int
    elapsed_microseconds: int
    remaining_microseconds: int
    started_at: AwareDatetime
    due_at: AwareDatetime | None
    late_from: AwareDatetime | None
    breached_at: AwareDatetime | None
    breach_reason: str | None
    paused_at: AwareDatetime | None
    pause_reason: str | None
    stopped_at: AwareDatetime | None
    cancelled_at: AwareDatetime | None
    cancel_reason: str | None
    time_went_back: bool
    warned: list[float]
    historical: bool
    origin: str | None
    next_tick_at: AwareDatetime | None
    trace: list[dict[str, Any]]


class Clocks(BaseModel):
    items: list[ClockView]
    next: str | None


class ClockQuery(Query):
    """`target` is a target's name, `measure` what it measures: respond, resolve, close, fulfil or start>stop."""

    record: UUID | None = None
    state: list[State] | None = None
    outcome: list[Outcome] | None = None
    breached: bool | None = None
    service: str | None = None
    priority: list[int] | None = None
    agreement: str | None = None
    target: str | None = None
    measure: str | None = None
    organisation: str | None = None
    group: str | None = None
    assignee: str | None = None
    origin: str | None = None
    due_after: AwareDatetime | None = None
    due_before: AwareDatetime | None = None


def book_at_hand(ask: Ask) -> Book:
    return book_of(ask.runtime.policies.found)


@router.reading("/clocks", shows=Clocks, summary="Clocks, by keyset; a customer's contact sees its own organisation's")
async def clocks(ask: Asked, query: Annotated[ClockQuery, InQuery()]) -> Response:
    ask.require("clock:read")
    rows, order = await ask.found(CLOCKS, query, {"now": ask.now})
    shown = rows[: query.limit]
    book = book_at_hand(ask)
    folded = [{**row, "folded": msgspec.json.decode(row.folded)} for row in shown]
    items = [view_of(row, book, ask.now) for row in folded]
    following = cursor(order, shown[-1].x_sort, shown[-1].id) if len(rows) > query.limit else None
    return Response(msgspec.json.encode({"items": items, "next": following}), media_type=JSON)


@router.reading("/clocks/{id}", shows=ClockView, summary="One clock, judged now")
async def clock(id: UUID, ask: Asked) -> Response:
    ask.require("clock:read")
    found = await ask.load(Clock, id)
    content = view_of(vars(found), book_at_hand(ask), ask.now)
    return Response(msgspec.json.encode(content), 200, {"ETag": f'"{found.version}"'}, media_type=JSON)


class Entry(BaseModel):
    """What became true of a clock, when, and by whom; `data` is the event's body."""

    sequence: int
    type: str
    time: datetime
    recorded: datetime
    actor: str
    causation: UUID | None
    data: dict[str, Any]


class Timeline(BaseModel):
    items: list[Entry]


@router.reading("/clocks/{id}/timeline", shows=Timeline, summary="Everything that was told of a clock, in order")
async def timeline(id: UUID, ask: Asked) -> Response:
    ask.require("clock:read")
    await ask.load(Clock, id)
    items = [
        {
            "sequence": each.sequence,
            "type": each.type,
            "time": each.occurred,
            "recorded": each.recorded,
            "actor": each.actor,
            "causation": each.causation,
            "data": msgspec.Raw(each.data.encode()),
        }
        for each in await ask.runtime.log.timeline(id)
    ]
    return Response(msgspec.json.encode({"items": items}), media_type=JSON)
