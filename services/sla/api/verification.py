"""Proof that the clocks are what the facts make of them, by a second implementation."""

import asyncio
from datetime import datetime
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel
from starlette.responses import Response

from services.sla.domain.proof import both, facts_shown, unequal
from services.sla.queries.proof import moment, page, seen
from services.sla.tables import Clock
from shared.http.ask import JSON, Asked
from shared.http.query import PagesById
from shared.http.route import Room

router = Room(tags=["verification"])
START = UUID(int=0)


class TimeOfFact(BaseModel):
    """A fact of the record, as it was taken in. `event` is the id of the message that brought it."""

    sequence: int
    at: datetime
    kind: str
    reason: str | None
    priority: int
    service: str | None
    organisation: str | None
    historical: bool
    event: UUID


class ClockProof(BaseModel):
    """One clock as it is stored and as the record's facts give it once more, judged at the same instant (null: at its
    last fact, while the record is history)."""

    clock: UUID
    number: str
    judged_at: datetime | None
    equal: bool
    stored: dict[str, Any]
    recomputed: dict[str, Any] | None
    differences: list[dict[str, Any]]
    facts: list[TimeOfFact]


class Proof(BaseModel):
    """`checked` records with their `clocks` were computed once more; `different` are the fields that came out
    otherwise. `next` continues; null: that was all of them."""

    checked: int
    clocks: int
    different: list[dict[str, Any]]
    next: UUID | None


@router.reading("/clocks/{id}/verification", shows=ClockProof, summary="Recompute one clock from its record's facts")
async def verification(id: UUID, ask: Asked) -> Response:
    ask.require("clock:read")
    row = await ask.load(Clock, id)
    async with moment(ask.database) as transaction:
        docket, facts = await seen(transaction, [row.record], ask.now)
    entries = facts[row.record]
    row = next(each for each in docket.rows.values() if each.id == id)
    judged_at = None if docket.records[row.record].historical else ask.now
    stored, recomputed = both(row, entries, docket.book, judged_at)
    found = [each._asdict() for each in unequal(docket, row.record, entries) if each.clock == id]
    content = {
        "clock": id,
        "number": row.number,
        "judged_at": judged_at,
        "equal": stored == recomputed and not found,
        "stored": stored,
        "recomputed": recomputed,
        "differences": found,
        "facts": facts_shown(entries),
    }
    return Response(msgspec.json.encode(content), media_type=JSON)


@router.reading("/verification", shows=Proof, summary="Recompute the clocks of all records, page by page")
async def verifications(ask: Asked, query: Annotated[PagesById, InQuery()]) -> Response:
    ask.require("clock:verify")
    after = query.cursor or START
    async with moment(ask.database) as transaction:
        ids = await page(transaction, after, query.limit)
        docket, facts = await seen(transaction, ids, ask.now)
    different = []
    for id in ids:
        different += [{"record": id, **each._asdict()} for each in unequal(docket, id, facts.get(id, []))]
        # Other requests are answered between two records.
        await asyncio.sleep(0)
    following = ids[-1] if len(ids) == query.limit else None
    content = {"checked": len(ids), "clocks": len(docket.rows), "different": different, "next": following}
    return Response(msgspec.json.encode(content), media_type=JSON)
