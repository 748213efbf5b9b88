"""The routes that every service has: its stream, its log, its dead letters, its policies, how far it has got."""

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel, ConfigDict, Field
from starlette.responses import Response, StreamingResponse

from contracts.envelope import Message, instant_text
from shared.database.faults import passing
from shared.errors import Conflict, Invalid, NotFound
from shared.events.log import Log
from shared.events.parking import Parked
from shared.events.reading import NotFirst, Unread
from shared.http.ask import JSON, Ask, Asked
from shared.http.query import PagesById, Parameters
from shared.http.route import Room

LARGEST_BODY = 8 * 1024 * 1024
KEEP_ALIVE = 15.0
FIRST = UUID(int=0)
LAST = 2**63 - 1
LAST_EVENT_ID = {"name": "Last-Event-ID", "in": "header", "required": False,
                 "schema": {"type": "string", "pattern": "^[0-9]{1,18}$"},
                 "description": "The log position to go on from; browsers send it when they connect again"}  # fmt: skip


class StreamQuery(Parameters):
    """`after`: the log position to go on from, for clients that cannot send Last-Event-ID."""

    largest = LAST

    after: Annotated[int, Field(ge=0)] | None = None


class DeadLetterQuery(PagesById):
    settled: bool = False


class DeadLetter(BaseModel):
    """A message that could not be taken in, or waits behind one. `reason`: poison (its handler failed), invalid (its
    body does not fit its class), unknown-type, unreadable (no CloudEvent), gap (an earlier one is missing), behind."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    topic: str
    aggregate_id: UUID | None
    sequence: int | None
    reason: str
    fault: str
    tries: int
    parked_at: datetime
    settled_at: datetime | None
    settled_by: str | None
    outcome: str | None


class DeadLetters(BaseModel):
    items: list[DeadLetter]
    next: UUID | None


class Consumption(BaseModel):
    """`drained`: everything known is taken in, everything recorded is sequenced and published."""

    drained: bool
    lag: int
    unsequenced: int
    unpublished: int


class Verification(BaseModel):
    """`verified` events fit their hashes; `broken_at` is the first log position that does not, None where all do."""

    verified: int
    broken_at: int | None
    head: str | None
    started_at: datetime


def router() -> Room:
    """The common routes."""
    room = Room(tags=["platform"])

    @room.reading(
        "/stream", summary="What happens here, as server-sent events by log position", shows=None,
        response_class=StreamingResponse,
        responses={200: {"content": {"text/event-stream": {"schema": {"type": "string"}}}}},
        openapi_extra={"parameters": [LAST_EVENT_ID]},
    )  # fmt: skip
    async def stream(ask: Asked, query: Annotated[StreamQuery, InQuery()]) -> Response:
        ask.require("log:follow")
        given = ask.request.headers.get("last-event-id")
        if given is not None and not (given.isascii() and given.isdigit() and len(given) < 19):
            raise Invalid.field("Last-Event-ID", "a log position")
        after = int(given) if given is not None else query.after
        if after is None:
            after = await ask.runtime.log.head()
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(followed(ask, after), 200, headers, media_type="text/event-stream")

    @room.reading("/log/verification", shows=Verification, summary="Recompute the hash chain of the event log")
    async def verification(ask: Asked) -> Response:
        ask.require("log:verify")
        outcome = await ask.runtime.log.verify() | {"started_at": ask.now}
        return Response(msgspec.json.encode(outcome), media_type=JSON)

    @room.reading("/consumption", shows=Consumption, summary="How far this service has taken in what it follows")
    async def consumption(ask: Asked) -> Response:
        ask.require("log:follow")
        return Response(msgspec.json.encode(await ask.runtime.consumption()), media_type=JSON)

    @room.reading("/dead-letters", shows=DeadLetters, summary="Messages that could not be taken in")
    async def dead_letters(ask: Asked, query: Annotated[DeadLetterQuery, InQuery()]) -> Response:
        ask.require("dead-letter:read")
        after = query.cursor or FIRST
        found = await ask.runtime.inbox.parking.list(settled=query.settled, after=after, limit=query.limit)
        items = [DeadLetter.model_validate(each) for each in found]
        following = items[-1].id if len(items) == query.limit else None
        return Response(DeadLetters(items=items, next=following).model_dump_json(), media_type=JSON)

    @room.command("/dead-letters/{id}/replay", shows=DeadLetter, summary="Take it in now, and what waits behind it")
    async def replay(id: UUID, ask: Asked) -> Response:
        ask.require("dead-letter:settle")
        parked = await waiting(ask, id)
        try:
            await ask.runtime.inbox.replay(parked, ask.caller.subject)
        except Unread as unread:
            raise Conflict(f"it still cannot be taken in: {unread.fault}") from unread
        except Exception as error:
            if passing(error):
                raise
            raise Conflict(f"its handler failed again: {error!r}") from error
        return await shown(ask, id)

    @room.command(
        "/dead-letters/{id}/discard", shows=DeadLetter, summary="Give it up: it counts as seen, without effect"
    )
    async def discard(id: UUID, ask: Asked) -> Response:
        ask.require("dead-letter:settle")
        try:
            await ask.runtime.inbox.discard(await waiting(ask, id), ask.caller.subject)
        except NotFirst as earlier:
            raise Conflict(f"{earlier}: settle that first") from earlier
        return await shown(ask, id)

    return room


async def waiting(ask: Ask, id: UUID) -> Parked:
    parked = await ask.runtime.inbox.parking.one(id)
    if parked is None:
        raise NotFound(f"no dead letter {id}")
    if parked.settled_at is not None:
        raise Conflict(f"it was {parked.outcome} by {parked.settled_by} already", allowed=())
    return parked


async def shown(ask: Ask, id: UUID) -> Response:
    parked = await ask.runtime.inbox.parking.one(id)
    return Response(DeadLetter.model_validate(parked).model_dump_json(), media_type=JSON)


async def followed(ask: Ask, after: int) -> AsyncIterator[bytes]:
    """The log from a position on, until the client goes; a comment now and then, so that proxies keep it open."""
    log, organisation, told = ask.runtime.log, ask.scope, ask.runtime.service.told
    quiet = asyncio.get_running_loop().time()
    yield b": the log of this service; id is the log position\n\n"
    while not ask.runtime.stopping.is_set():
        messages = await log.read(after, 200)
        for message in messages:
            after = message.position
            if organisation is None or (message.organisation == organisation and told(message)):
                yield sent(message, whole=organisation is None)
                quiet = asyncio.get_running_loop().time()
        if not messages:
            await Log.growth([(log, after)], 0.5)
        if asyncio.get_running_loop().time() - quiet > KEEP_ALIVE:
            yield b": still here\n\n"
            quiet = asyncio.get_running_loop().time()


def sent(message: Message, *, whole: bool) -> bytes:
    """One event of the stream. A customer's contact is told that a record changed, never what staff wrote about it."""
    content: dict[str, Any] = {
        "id": str(message.id),
        "type": message.type,
        "subject": message.subject,
        "record": str(message.aggregate_id),
        "sequence": message.sequence,
        "time": instant_text(message.occurred),
    }
    if whole:
        content |= {
            "actor": message.actor,
            "correlation": str(message.correlation),
            "data": msgspec.Raw(message.data.encode()),
        }
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (message.position, message.type.encode(), msgspec.json.encode(content))
