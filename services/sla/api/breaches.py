"""Promises that were not kept: which have no cause yet, and the verb that gives one with what is done about it."""

from datetime import datetime
from typing import Annotated, Literal, TypeVar
from uuid import UUID

from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel
from starlette.responses import Response

from services.sla.domain.breaches import explain, unexplained
from services.sla.domain.clocks import view_of
from services.sla.domain.orders import Explain
from services.sla.domain.policies import book_of
from services.sla.lifecycle import Outcome
from services.sla.queries.reviews import BREACHES, EXPLANATION
from services.sla.tables import Clock, Explanation, Measurement
from shared.database import Transaction
from shared.database.records import noun
from shared.errors import Conflict, NotFound
from shared.http.ask import Ask, Asked, Query, Settled, View
from shared.http.route import Room
from shared.orders import Word

router = Room(tags=["breaches"])
Missed = TypeVar("Missed", Clock, Measurement)


class Breach(BaseModel):
    """A missed clock, or a missed month (`of`); `id` and `number` are its own, `at` is since when. `explanation` is the
    id of what was said of it: null while nobody has."""

    id: UUID
    of: Literal["clock", "measurement"]
    number: str
    organisation: str | None
    agreement: str
    target: str
    service: str | None
    at: datetime
    explanation: UUID | None
    cause: str | None
    corrective_action: str | None
    action: UUID | None
    explained_by: str | None
    explained_at: datetime | None


class Breaches(BaseModel):
    items: list[Breach]
    next: str | None


class ExplanationView(BaseModel):
    """What was said of a breach. `action` is the agreed action that is tracked, where there is one."""

    id: UUID
    number: str
    version: int
    of: Literal["clock", "measurement"]
    missed: UUID
    missed_number: str
    organisation: str | None
    agreement: str
    target: str
    service: str | None
    cause: str
    corrective_action: str
    action: UUID | None
    explained_by: str
    explained_at: datetime


class BreachQuery(Query):
    """`explained`: whether a cause was given. `after` and `before`: when it was missed."""

    explained: bool | None = None
    of: Literal["clock", "measurement"] | None = None
    agreement: Word | None = None
    target: Word | None = None
    service: Word | None = None
    after: AwareDatetime | None = None
    before: AwareDatetime | None = None


VIEW = View(ExplanationView)


@router.reading("/breaches", shows=Breaches, summary="Promises that were not kept, with and without a cause, by keyset")
async def breaches(ask: Asked, query: Annotated[BreachQuery, InQuery()]) -> Response:
    ask.require("breach:read")
    return await ask.page(BREACHES, query)


@router.command("/clocks/{id}/explain", shows=ExplanationView, summary="Why it was missed, and what is done about it")
async def explain_clock(id: UUID, body: Explain, ask: Asked) -> Response:
    return await explained(ask, Clock, id, body)


@router.command(
    "/measurements/{id}/explain", shows=ExplanationView, summary="Why the month was missed, and what is done about it"
)
async def explain_measurement(id: UUID, body: Explain, ask: Asked) -> Response:
    return await explained(ask, Measurement, id, body)


async def explained(ask: Ask, cls: type[Missed], id: UUID, order: Explain) -> Response:
    """Settle it; what was missed is locked, so that two people do not begin the same explanation."""
    ask.require("breach:explain")

    async def act(transaction: Transaction) -> Settled:
        missed = (await transaction.load_many(cls, [id])).get(id)
        if missed is None:
            raise NotFound(f"no {noun(cls)} {id}")
        must_be_missed(ask, missed)
        known = (await transaction.execute(EXPLANATION, {"missed": id})).scalars().all()
        rows = await transaction.load_many(Explanation, known)
        row = rows[known[0]] if known else unexplained(missed)
        if not known:
            await transaction.number(Explanation, [row])
        events, task = explain(row, order, ask.caller.subject, ask.now)
        transaction.record(row, events, ask.cause())
        if task is not None:
            transaction.record(task[0], task[1], ask.cause())
        return Settled(VIEW.text(row, ask.caller), headers={"ETag": f'"{row.version}"'})

    return await ask.settle(act)


def must_be_missed(ask: Ask, missed: Clock | Measurement) -> None:
    """Raises Conflict where there is nothing to explain. A clock is judged now, whether or not its breach was told."""
    if isinstance(missed, Clock):
        outcome = view_of(vars(missed), book_of(ask.runtime.policies.found), ask.now)["outcome"]
        state = missed.state
    else:
        outcome, state = missed.outcome, missed.state
    if outcome != Outcome.MISSED or state == "replaced":
        raise Conflict(f"{missed.number} is {state} and {outcome}: only what is missed has a cause to be explained")
