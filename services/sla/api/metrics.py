"""How well targets are met: by service, priority, measure and month of the stop, from the clocks as they are."""

from datetime import UTC, datetime
from typing import Annotated

import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.sla.queries.lists import METRICS, TOTALS
from shared.http.ask import JSON, Asked
from shared.http.query import Parameters
from shared.http.route import Room

router = Room(tags=["metrics"])


class Metric(BaseModel):
    """The stopped clocks of one service, priority, measure and month. Lengths are working time in microseconds.

    `met_rate` is met ÷ count. Percentiles are interpolated between neighbours. `service` is null where the records
    name none.
    """

    service: str | None
    priority: int
    measure: str
    period: str
    count: int
    met: int
    missed: int
    met_rate: float
    p50: int
    p90: int
    p95: int
    p99: int
    longest: int


class Metrics(BaseModel):
    items: list[Metric]


class Totals(BaseModel):
    """Clocks by outcome, judged now: also a clock that still runs is missed once it is late. Cancelled ones have no
    outcome and are left out."""

    met: int
    missed: int
    pending: int


class MetricQuery(Parameters):
    """`period` is a month in UTC, 2016-03; `target` a target's name or measure."""

    service: str | None = None
    priority: int | None = None
    target: str | None = None
    organisation: str | None = None
    agreement: str | None = None
    origin: str | None = None
    period: Annotated[str, Field(pattern=r"^(19|20|21)\d\d-(0[1-9]|1[0-2])$")] | None = None


class TotalQuery(Parameters):
    origin: str | None = None
    organisation: str | None = None


def month(period: str) -> tuple[datetime, datetime]:
    """The first instant of the month and of the next one."""
    year, number = map(int, period.split("-"))
    following = (year, number + 1) if number < 12 else (year + 1, 1)
    return datetime(year, number, 1, tzinfo=UTC), datetime(*following, 1, tzinfo=UTC)


@router.reading("/metrics", shows=Metrics, summary="How many targets were met, and how long it took, by month")
async def metrics(ask: Asked, query: Annotated[MetricQuery, InQuery()]) -> Response:
    ask.require("metrics:read")
    begins, ends = month(query.period) if query.period else (None, None)
    names = ("service", "priority", "target", "organisation", "agreement", "origin")
    parameters = {name: getattr(query, name) for name in names} | {"begins": begins, "ends": ends}
    items = []
    for row in await ask.database.rows(METRICS, parameters):
        p50, p90, p95, p99 = (round(each) for each in row.percentiles)
        items.append(
            {
                "service": row.service,
                "priority": row.priority,
                "measure": row.measure,
                "period": row.period,
                "count": row.count,
                "met": row.met,
                "missed": row.missed,
                "met_rate": row.met / row.count,
                "p50": p50,
                "p90": p90,
                "p95": p95,
                "p99": p99,
                "longest": row.longest,
            }
        )
    return Response(msgspec.json.encode({"items": items}), media_type=JSON)


@router.reading("/metrics/totals", shows=Totals, summary="Clocks by outcome, judged now")
async def totals(ask: Asked, query: Annotated[TotalQuery, InQuery()]) -> Response:
    ask.require("metrics:read")
    parameters = {"origin": query.origin, "organisation": query.organisation, "now": ask.now}
    row = (await ask.database.rows(TOTALS, parameters))[0]
    return Response(msgspec.json.encode(dict(row._mapping)), media_type=JSON)
