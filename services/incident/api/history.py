"""The routes that take another system's past in."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel
from sqlalchemy import text
from starlette.responses import Response

from services.incident.api.desk import desk
from services.incident.domain import Desk
from services.incident.domain.history import History, Past, Played, Step, complete, people, play
from services.incident.rules import UNDECLARED
from services.incident.tables import Incident
from shared.database import Cause, Transaction
from shared.http.ask import JSON, Ask, Asked
from shared.http.query import Parameters
from shared.http.route import Room
from shared.orders import Name, Order

router = Room(tags=["history"])

# Two importers of the same records take turns; the order of the references keeps them from deadlock.
LOCK = text(
    "SELECT pg_advisory_xact_lock(hashtextextended(:origin || ' ' || reference, 0)) "
    "FROM (SELECT reference FROM unnest(CAST(:references AS text[])) AS given (reference) ORDER BY 1) AS given"
)
KNOWN = text("SELECT id FROM incident WHERE origin = :origin AND reference = ANY(CAST(:references AS text[]))")
GROUPS = text(
    "INSERT INTO support_group (name, origin) SELECT name, :origin FROM unnest(CAST(:names AS text[])) AS given (name) "
    "ORDER BY name ON CONFLICT DO NOTHING"
)
PERSONS = text(
    'INSERT INTO person (name, "group", origin) SELECT name, "group", :origin '
    'FROM unnest(CAST(:names AS text[]), CAST(:groups AS text[])) AS given (name, "group") '
    "ORDER BY name ON CONFLICT DO NOTHING"
)
REJECT = text(
    'INSERT INTO history_reject (origin, reference, "row", reason) SELECT :origin, given.* '
    "FROM unnest(CAST(:references AS text[]), CAST(:rows AS int[]), CAST(:reasons AS text[])) AS given "
    "ON CONFLICT DO NOTHING"
)
REJECTED = text(
    'SELECT reference, "row", reason FROM history_reject '
    "WHERE origin = :origin AND reference = ANY(CAST(:references AS text[]))"
)
WAITING = text(
    "SELECT id FROM incident WHERE origin = :origin AND in_history AND open ORDER BY id LIMIT :limit FOR UPDATE"
)
# What is over needs no deadline any more: that its import is complete is no fact of the record's life.
SETTLE = text("UPDATE incident SET in_history = false WHERE origin = :origin AND in_history AND NOT open")
SUMMARY = text(
    "SELECT count(*) AS incidents, count(*) FILTER (WHERE state = 'closed') AS closed, "
    "count(*) FILTER (WHERE reopen_count > 0) AS reopened, "
    "count(*) FILTER (WHERE reassignment_count > 0) AS reassigned FROM incident "
    "WHERE CAST(:origin AS text) IS NULL OR origin = :origin"
)


class Reject(BaseModel):
    row: int
    reason: str


class Taken(BaseModel):
    """What became of one record's rows; `rejected` are all that ever were, also by an earlier request."""

    reference: str
    id: UUID | None
    number: str | None
    applied: int
    skipped: int
    rejected: list[Reject]


class TakenIn(BaseModel):
    records: list[Taken]


class Origin(Order):
    origin: Name


class Completed(BaseModel):
    """How many records were still open; they join the ticking now."""

    joined: int


class Summary(BaseModel):
    incidents: int
    closed: int
    reopened: int
    reassigned: int


class SummaryQuery(Parameters):
    origin: str | None = None


@router.command("/history", shows=TakenIn, summary="Play in records' past, each logged update at its own time")
async def import_history(body: History, ask: Asked) -> Response:
    """Safe to repeat: rows that a record has had are skipped."""
    ask.require("incident:import")
    desks = Desks(ask)
    references = [past.reference for past in body.records]
    async with ask.database.transaction() as transaction:
        await transaction.execute(LOCK, {"origin": body.origin, "references": references})
        known = await transaction.execute(KNOWN, {"origin": body.origin, "references": references})
        incidents = await transaction.load_many(Incident, [row.id for row in known])
        present = {incident.reference: incident for incident in incidents.values()}
        played = [(past, play(past, present.get(past.reference), body.origin, desks.at)) for past in body.records]
        await directory(transaction, body)
        for _, each in played:
            note(transaction, each, desks)
        await transaction.flush()
        rejected = await rejects(transaction, body.origin, played)
    ask.runtime.saved()
    return Response(
        msgspec.json.encode({"records": [taken(past, each, rejected) for past, each in played]}), media_type=JSON
    )


class Desks:
    """The desk and the cause of each step, the rules in force looked up once per instant's policies."""

    def __init__(self, ask: Ask) -> None:
        self.ask = ask
        self.cause = ask.cause()
        self.now = desk(ask)

    def at(self, step: Step) -> Desk:
        """In the past nobody can be informed any more, and what another desk asked of a resolution was its business."""
        at = desk(self.ask, step.at, step.actor)
        closure = at.closure.model_copy(update={"cause_codes": (), "cause_code_required": False})
        return replace(at, closure=closure, inform=UNDECLARED)

    def of(self, step: Step) -> Cause:
        return replace(self.cause, actor=step.actor or self.cause.actor, occurred=step.at, historical=True)


def note(transaction: Transaction, played: Played, desks: Desks) -> None:
    if played.incident is None:
        return
    for step, events in played.facts:
        transaction.record(played.incident, events, desks.of(step))
    # A row that changed nothing is remembered as taken in all the same.
    if played.applied or played.rejected:
        transaction.touch(played.incident)


async def directory(transaction: Transaction, body: History) -> None:
    """Groups and people that the log names are there from now on."""
    groups, persons = people(body.records)
    if groups:
        await transaction.execute(GROUPS, {"origin": body.origin, "names": sorted(groups)})
    if persons:
        names = sorted(persons)
        parameters: dict[str, Any] = {"origin": body.origin, "names": names, "groups": [persons[n] for n in names]}
        await transaction.execute(PERSONS, parameters)


async def rejects(
    transaction: Transaction, origin: str, played: Sequence[tuple[Past, Played]]
) -> dict[str, list[dict[str, object]]]:
    """Keep what was rejected now; all that ever was, by reference."""
    fresh = [(past.reference, row, reason) for past, each in played for row, reason in each.rejected]
    if fresh:
        references, numbers, reasons = zip(*fresh, strict=True)
        parameters = {"origin": origin, "references": list(references), "rows": list(numbers), "reasons": list(reasons)}
        await transaction.execute(REJECT, parameters)
    found: dict[str, list[dict[str, object]]] = {}
    names = [past.reference for past, _ in played]
    for row in await transaction.execute(REJECTED, {"origin": origin, "references": names}):
        found.setdefault(row.reference, []).append({"row": row.row, "reason": row.reason})
    return found


def taken(past: Past, played: Played, rejected: dict[str, list[dict[str, object]]]) -> dict[str, object]:
    incident = played.incident
    return {
        "reference": past.reference,
        "id": incident.id if incident else None,
        "number": incident.number if incident else None,
        "applied": played.applied,
        "skipped": played.skipped,
        "rejected": rejected.get(past.reference, []),
    }


@router.command("/history/complete", shows=Completed, summary="The import is over: what is open counts from now on")
async def completed(body: Origin, ask: Asked) -> Response:
    ask.require("incident:import")
    joined = 0
    while True:
        async with ask.database.transaction() as transaction:
            waiting = await transaction.execute(WAITING, {"origin": body.origin, "limit": 1000})
            found = await transaction.load_many(Incident, [row.id for row in waiting])
            if not found:
                await transaction.execute(SETTLE, {"origin": body.origin})
                break
            for incident in found.values():
                transaction.record(incident, complete(incident), ask.cause())
            await transaction.flush()
        joined += len(found)
    ask.runtime.saved()
    return Response(msgspec.json.encode({"joined": joined}), media_type=JSON)


@router.reading("/history/summary", shows=Summary, summary="What was taken in, counted")
async def summary(ask: Asked, query: Annotated[SummaryQuery, InQuery()]) -> Response:
    ask.require("incident:import")
    (row,) = await ask.database.rows(SUMMARY, {"origin": query.origin})
    return Response(msgspec.json.encode(dict(row._mapping)), media_type=JSON)
