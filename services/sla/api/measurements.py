"""What promises about months came to, and how those of the month that goes on stand now."""

from datetime import datetime
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel
from starlette.responses import Response

from services.sla.api.agreements import versions
from services.sla.domain.measuring import described, figures
from services.sla.domain.policies import AGREEMENT, book_of
from services.sla.lifecycle import MeasurementState
from services.sla.queries.levels import APPLIED, MEASUREMENTS, found_for
from services.sla.rules.durations import MICROSECOND
from services.sla.rules.periods import months
from services.sla.tables import Measurement
from shared.database.page import page_parameters, page_text
from shared.errors import NotFound
from shared.http.ask import JSON, Ask, Asked, Query, View
from shared.http.route import Room
from shared.http.timeline import EVENTS, Timeline, TimelineQuery, entry, following
from shared.orders import Word

router = Room(tags=["measurements"])
Kind = Literal["availability", "throughput", "closed_within"]


class Figures(BaseModel):
    """`value` and `at_least` are percentages, or numbers of records for a throughput; a null value: nothing was to be
    measured, and the level is met. An availability has service time in microseconds: what was agreed, what was lost of
    it, and how much more may be lost until the end, or was lost too much, below zero."""

    organisation: str | None
    agreement: str
    agreement_version: int
    level: str
    measure: Kind
    service: str | None
    period: str
    begins_at: datetime
    ends_at: datetime
    outcome: Literal["met", "missed"]
    at_least: float
    value: float | None
    agreed_microseconds: int | None
    lost_microseconds: int | None
    budget_microseconds: int | None
    records: int | None
    counted: int | None
    measured_at: datetime


class MeasurementView(Figures):
    """A month that is over, measured. It is never edited: where late facts correct it, another one replaces it."""

    id: UUID
    number: str
    version: int
    state: MeasurementState
    replaces: UUID | None
    replaced_by: UUID | None


class Measurements(BaseModel):
    items: list[MeasurementView]
    next: str | None


class Running(BaseModel):
    """`outcome` is how it would be if nothing else happened until the end."""

    items: list[Figures]


class MeasurementQuery(Query):
    """`period` is a month of the calendar's zone, 2026-03. Those that were replaced come only where `state` asks."""

    agreement: Word | None = None
    level: Word | None = None
    measure: list[Kind] | None = None
    service: Word | None = None
    period: Word | None = None
    outcome: list[Literal["met", "missed"]] | None = None
    state: list[MeasurementState] = [MeasurementState.FINAL]  # noqa: RUF012 - pydantic copies it


class RunningQuery(Query):
    agreement: Word | None = None
    service: Word | None = None


def renamed(row: Any) -> dict[str, object]:
    return {f"{name}_microseconds": getattr(row, name) for name in ("agreed", "lost", "budget")}


VIEW = View(MeasurementView, lambda row, caller: renamed(row))


def visible(ask: Ask) -> list[str] | None:
    """The agreements whose measurements this caller may see; None: all."""
    return None if ask.scope is None else sorted(versions(ask, AGREEMENT))


@router.reading("/measurements", shows=Measurements, summary="What promises about months came to, by keyset")
async def measurements(ask: Asked, query: Annotated[MeasurementQuery, InQuery()]) -> Response:
    ask.require("measurement:read")
    filters = {**query.filters(), "visible": visible(ask)}
    # Whose agreement it is decides, not the row's organisation: an agreement with several customers has none.
    statement, parameters, order = page_parameters(
        MEASUREMENTS, filters, query.sort, query.cursor, query.limit, organisation=None
    )
    rows = await ask.database.rows(statement, parameters)
    return Response(page_text(MEASUREMENTS, rows, query.limit, order, {}), media_type=JSON)


@router.reading("/measurements/running", shows=Running, summary="How the levels of the month that goes on stand now")
async def running(ask: Asked, query: Annotated[RunningQuery, InQuery()]) -> Response:
    ask.require("measurement:read")
    book, seen = book_of(ask.runtime.policies.found), visible(ask)
    since = {each.name: each.at for each in await ask.database.rows(APPLIED, {})}
    items: list[dict[str, Any]] = []
    for name in sorted(book.agreements):
        if (seen is not None and name not in seen) or query.agreement not in (None, name) or name not in since:
            continue
        # Half open: the month that begins just now goes on already.
        for measured in months(book, name, max(since[name], ask.now), ask.now + MICROSECOND):
            known = described(measured)
            if not measured.begins <= ask.now < measured.ends or query.service not in (None, known["service"]):
                continue
            found = await found_for(ask.database, measured, ask.now)
            result = {"records": None, "counted": None, "agreed": None, "lost": None, "budget": None}
            result |= figures(measured, book, found, ask.now)
            lengths = {f"{each}_microseconds": result.pop(each) for each in ("agreed", "lost", "budget")}
            items.append({**known, **result, **lengths, "measured_at": ask.now})
    return Response(msgspec.json.encode({"items": items}), media_type=JSON)


async def load(ask: Ask, id: UUID) -> Measurement:
    """The measurement, if this caller may see its agreement."""
    row = await ask.database.load(Measurement, id)
    seen = visible(ask)
    if row is None or (seen is not None and row.agreement not in seen):
        raise NotFound(f"no measurement {id}")
    return row


@router.reading("/measurements/{id}", shows=MeasurementView, summary="One measurement")
async def measurement(id: UUID, ask: Asked) -> Response:
    ask.require("measurement:read")
    row = await load(ask, id)
    return Response(VIEW.text(row, ask.caller), 200, {"ETag": f'"{row.version}"'}, media_type=JSON)


@router.reading("/measurements/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    ask.require("measurement:read")
    await load(ask, id)
    rows = await ask.database.rows(EVENTS, {"id": id, "after": query.after, "limit": query.limit + 1})
    return following([entry(row) for row in rows], query.limit)
