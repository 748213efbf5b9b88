"""The reference: as quick as honest hand-written code gets with FastAPI, asyncpg and msgspec.

Three routes of an incident desk. A write is a row, a history row and an outbox row in one transaction, three
statements. There is no sign-in, no permission, no idempotency, no lifecycle and no event log: what Steward adds is
measured against this. Started by `python -m bench.bare` with BENCH_DATABASE_URL and BENCH_PORT.
"""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Annotated, Literal
from uuid import UUID

import asyncpg
import msgspec
import uvicorn
from fastapi import FastAPI, Request, Response
from uuid_utils.compat import uuid7

from bench import statements

Text = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Level = Annotated[int, msgspec.Meta(ge=1, le=3)]
PRIORITY = {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 3, (3, 1): 3, (2, 3): 4, (1, 3): 3, (3, 2): 4, (3, 3): 4}
EDITED = (
    "assign", "prioritise", "classify", "escalate", "acknowledge", "link", "unlink", "edit", "comment", "inform",
    "apply-workaround", "log-effort", "record-outage", "end-outage", "withdraw-outage", "suspect-change",
    "confirm-change", "dismiss-change",
)  # fmt: skip
ACTIONS = {
    "new": ("start", "wait", "resolve", "close", "cancel", *EDITED),
    "active": ("wait", "resolve", "close", "cancel", *EDITED),
    "waiting": ("wait", "resume", "resolve", "close", "cancel", *EDITED),
    "closed": ("reopen", "link", "comment", "end-outage", "suspect-change", "confirm-change", "dismiss-change"),
}


class Opening(msgspec.Struct, forbid_unknown_fields=True):
    """What a caller tells about a new incident."""

    title: Text
    impact: Level
    urgency: Level
    organisation: Text
    description: Annotated[str, msgspec.Meta(max_length=20_000)] = ""
    kind: Literal["incident", "request"] = "incident"
    service: Text | None = None
    ci: Text | None = None
    category: Text | None = None
    subcategory: Text | None = None
    symptom: Text | None = None
    caller: Text | None = None
    channel: Text | None = None


class Classification(msgspec.Struct, forbid_unknown_fields=True):
    """What the incident turned out to be about; what is absent stays."""

    service: Text | None = None
    ci: Text | None = None
    category: Text | None = None
    subcategory: Text | None = None
    symptom: Text | None = None


class Incident(msgspec.Struct):
    """One incident as it is answered, in the order of the table's columns."""

    id: UUID
    number: str
    version: int
    kind: str
    state: str
    waiting_reason: str | None
    title: str
    description: str
    impact: int
    urgency: int
    priority: int
    priority_overridden: bool
    organisation: str
    service: str | None
    ci: str | None
    category: str | None
    subcategory: str | None
    symptom: str | None
    caller: str | None
    channel: str | None
    group: str | None
    assignee: str | None
    occurred_at: datetime | None
    detected_at: datetime | None
    opened_at: datetime
    recorded_at: datetime
    taken_up_at: datetime | None
    resolved_at: datetime | None
    closed_at: datetime | None
    close_due_at: datetime | None
    resolution_code: str | None
    resolution_note: str | None
    cause: str | None
    closure_code: str | None
    confirmed_by: str | None
    reopen_count: int
    reassignment_count: int
    parent: UUID | None
    problem: UUID | None
    duplicate_of: UUID | None
    escalation: str | None
    escalated_to: str | None
    escalated_at: datetime | None
    acknowledged_at: datetime | None
    cause_code: str | None
    effort_minutes: int
    informed_at: datetime | None
    next_update_due: datetime | None
    update_overdue_since: datetime | None
    sla_state: str | None
    sla_due_at: datetime | None
    cause_change: UUID | None
    outages: msgspec.Raw
    workarounds: msgspec.Raw
    suspects: msgspec.Raw
    origin: str | None
    reference: str | None
    allowed_actions: tuple[str, ...] = ()


class Page(msgspec.Struct):
    items: list[Incident]
    next: str | None


encode = msgspec.json.Encoder().encode
read_opening = msgspec.json.Decoder(Opening).decode
read_classification = msgspec.json.Decoder(Classification).decode
page = cache(statements.page)


def incident(row: asyncpg.Record) -> Incident:
    return Incident(*[*row, ACTIONS.get(row["state"], ())])


async def as_written(connection: asyncpg.Connection) -> None:
    """JSON is handed on as it is stored."""
    await connection.set_type_codec("jsonb", encoder=str, decoder=msgspec.Raw, schema="pg_catalog")


async def keep_session(_: object) -> None:
    """Nothing is set on a connection, so nothing is reset when it is given back: that saves a round trip."""


@asynccontextmanager
async def pooled(app: FastAPI) -> AsyncIterator[None]:
    url = os.environ["BENCH_DATABASE_URL"]
    async with asyncpg.create_pool(url, min_size=10, max_size=10, init=as_written, reset=keep_session) as pool:
        app.state.pool = pool
        yield


app = FastAPI(lifespan=pooled, openapi_url=None)


@app.exception_handler(msgspec.ValidationError)
async def refused(_: Request, error: Exception) -> Response:
    return answer(422, encode({"title": "The request's content is not valid", "detail": str(error)}))


def answer(status: int, body: bytes, version: int | None = None) -> Response:
    headers = {"etag": f'"{version}"'} if version is not None else None
    return Response(body, status_code=status, media_type="application/json", headers=headers)


@app.get("/readyz")
async def ready(request: Request) -> Response:
    await request.app.state.pool.fetchval("SELECT 1")
    return answer(200, b"{}")


@app.post("/incident/incidents")
async def create(request: Request) -> Response:
    given = read_opening(await request.body())
    now = datetime.now(UTC)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            statements.CREATE,
            uuid7(), given.kind, given.title, given.description, given.impact, given.urgency,
            PRIORITY[given.impact, given.urgency], given.organisation, given.service, given.ci, given.category,
            given.subcategory, given.symptom, given.caller, given.channel, now,
        )  # fmt: skip
        body, version = await recorded(connection, row, "incident.opened", now)
    return answer(201, body, version)


@app.post("/incident/incidents/{id}/classify")
async def classify(request: Request) -> Response:
    given = read_classification(await request.body())
    now = datetime.now(UTC)
    async with request.app.state.pool.acquire() as connection, connection.transaction():
        row = await connection.fetchrow(
            statements.UPDATE, UUID(request.path_params["id"]),
            given.service, given.ci, given.category, given.subcategory, given.symptom,
        )  # fmt: skip
        if row is None:
            return answer(404, b'{"title": "There is no such incident"}')
        body, version = await recorded(connection, row, "incident.classified", now)
    return answer(200, body, version)


async def recorded(connection: asyncpg.Connection, row: asyncpg.Record, type: str, now: datetime) -> tuple[bytes, int]:
    """Write history and outbox of a changed row. The answer and both bodies are encoded once."""
    body = encode(incident(row))
    text, event = body.decode(), uuid7()
    await connection.execute(statements.HISTORY, event, row["id"], row["version"], type, "alice", now, text)
    await connection.execute(statements.OUTBOX, event, row["id"], type, text)
    return body, row["version"]


@app.get("/incident/incidents")
async def listed(request: Request) -> Response:
    asked = request.query_params
    states = tuple(state for state in statements.STATES_OPEN if state in asked.getlist("state"))
    limit = min(int(asked.get("limit", "50")), 200)
    statement = page(states or statements.STATES_OPEN, asked.get("sort", "-opened_at").startswith("-"))
    rows = await request.app.state.pool.fetch(statement, limit)
    following = str(rows[-1]["id"]) if len(rows) == limit else None
    return answer(200, encode(Page([incident(row) for row in rows], following)))


if __name__ == "__main__":
    uvicorn.run(
        app, port=int(os.environ["BENCH_PORT"]), loop="uvloop", http="httptools", access_log=False, log_level="warning"
    )
