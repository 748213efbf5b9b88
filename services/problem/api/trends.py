"""The routes of trends: what was found, and the problem that is opened from it (PRB-6)."""

from typing import Annotated
from uuid import UUID

from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel
from starlette.responses import Response

from services.problem.api.problems import VIEW, ProblemView, desk
from services.problem.domain.orders import OpenFromTrend
from services.problem.domain.trends import open_from
from services.problem.queries.trends import TRENDS, loaded
from services.problem.rules.trends import Dimension
from services.problem.tables import Trend
from shared.database import Transaction
from shared.errors import NotFound
from shared.http.ask import Asked, Query, Settled
from shared.http.route import Room
from shared.orders import Instant, Word

router = Room(tags=["trends"])


class TrendView(BaseModel):
    """In the `days` up to `until` there were `count` incidents of this item, service or category, where as long a time
    before had `expected` on average. `probability`: of so many or more by chance.

    `comparisons` were looked at together: about threshold × comparisons of them are found by chance alone. `problem`:
    the one that was opened from it.
    """

    id: UUID
    dimension: Dimension
    value: str
    days: int
    until: AwareDatetime
    count: int
    expected: float
    probability: float
    threshold: float
    comparisons: int
    rule: str | None
    rule_version: int | None
    incidents: list[UUID]
    found_at: AwareDatetime
    problem: UUID | None


class Trends(BaseModel):
    items: list[TrendView]
    next: str | None


class TrendQuery(Query):
    """`open`: no problem was opened from it yet. `after`: windows that ended after this instant."""

    dimension: list[Dimension] | None = None
    value: Word | None = None
    open: bool | None = None
    problem: UUID | None = None
    after: Instant | None = None


@router.reading("/trends", shows=Trends, summary="Where incidents are more than chance explains")
async def trends(ask: Asked, query: Annotated[TrendQuery, InQuery()]) -> Response:
    ask.require("trend:read")
    return await ask.page(TRENDS, query)


@router.command("/trends/{id}/open-problem", shows=ProblemView, summary="Look for the cause behind what was found")
async def open_problem_from(id: UUID, body: OpenFromTrend, ask: Asked) -> Response:
    ask.require("trend:open-problem")

    async def act(transaction: Transaction) -> Settled:
        trend = await loaded(transaction, id)
        if trend is None:
            raise NotFound(f"no trend {id}")
        problem, events = open_from(trend, body, desk(ask))
        transaction.record(problem, events, ask.cause())
        await transaction.flush()
        await transaction.write(Trend, [trend])
        return Settled(VIEW.text(problem, ask.caller), headers={"ETag": f'"{problem.version}"'})

    return await ask.settle(act)
