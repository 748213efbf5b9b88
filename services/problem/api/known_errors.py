"""The routes of known errors: publish, search, read, revise, retire (PRB-4)."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, ConfigDict
from starlette.responses import Response

from services.problem.api.problems import desk, permissions
from services.problem.domain.known_errors import publish, retire, revise
from services.problem.domain.orders import KnownErrorOrder, PublishKnownError, RetireKnownError, ReviseKnownError
from services.problem.lifecycle import KNOWN_ERROR, KnownAction, KnownState
from services.problem.queries.known_errors import KNOWN_ERRORS
from services.problem.tables import KnownError, Problem
from shared.auth import Caller
from shared.errors import Invalid, NotFound
from shared.http.ask import Asked, Query, View
from shared.http.route import Room
from shared.http.timeline import Timeline, TimelineQuery, timeline_of
from shared.orders import Instant, Word

router = Room(tags=["known errors"])


class KnownErrorView(BaseModel):
    """A known error as it is now: what the desk sees, and what it may do while the cause is there.

    Valid from `valid_from` until `valid_to`, half open. `overdue_since`: the date of its review has passed.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    version: int
    state: KnownState
    problem: UUID
    problem_number: str
    title: str
    symptom: str
    workaround: str
    items: list[str]
    service: str | None
    category: str | None
    organisation: str | None
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None
    review_at: AwareDatetime
    overdue_since: AwareDatetime | None
    published_at: AwareDatetime
    retired_at: AwareDatetime | None
    retired_because: str | None
    allowed_actions: list[KnownAction]


class KnownErrors(BaseModel):
    items: list[KnownErrorView]
    next: str | None


class KnownErrorQuery(Query):
    """`q`: words of number, title, symptom or workaround. `valid_at`: those that could be used at this instant."""

    q: Word | None = None
    state: list[KnownState] | None = None
    problem: UUID | None = None
    ci: Word | None = None
    service: Word | None = None
    category: Word | None = None
    valid_at: Instant | None = None
    review_overdue: bool | None = None


@lru_cache(maxsize=256)
def actions(roles: frozenset[str]) -> Mapping[str, Sequence[KnownAction]]:
    """What these roles may do, by state."""
    may = {action for action in KnownAction if not permissions.table[f"known-error:{action}"].isdisjoint(roles)}
    return {state: [action for action in KNOWN_ERROR.allowed(state) if action in may] for state in KnownState}


def computed(known: KnownError, caller: Caller) -> Mapping[str, object]:
    return {"allowed_actions": actions(caller.roles)[known.state]}


VIEW = View(KnownErrorView, computed)


@router.command(
    "/known-errors",
    shows=KnownErrorView,
    status=201,
    summary="Tell the desk what to do until the cause is gone",
)
async def publish_new(body: PublishKnownError, ask: Asked) -> Response:
    ask.require("known-error:publish")
    try:
        problem = await ask.load(Problem, body.problem)
    except NotFound as missing:
        raise Invalid.field("problem", missing.detail) from missing
    known, events = publish(body, problem, desk(ask))
    return await ask.create(known, events, VIEW)


@router.reading("/known-errors", shows=KnownErrors, summary="Known errors, searched by words, item, service and time")
async def known_errors(ask: Asked, query: Annotated[KnownErrorQuery, InQuery()]) -> Response:
    ask.require("known-error:read")
    texts = {state: msgspec.json.encode(allowed).decode() for state, allowed in actions(ask.caller.roles).items()}
    return await ask.page(KNOWN_ERRORS, query, {"allowed_actions": texts})


@router.reading("/known-errors/{id}", shows=KnownErrorView, summary="One known error")
async def known_error(id: UUID, ask: Asked) -> Response:
    ask.require("known-error:read")
    return await ask.show(KnownError, id, VIEW)


@router.reading("/known-errors/{id}/timeline", shows=Timeline, summary="What happened to it, from its events")
async def timeline(id: UUID, ask: Asked, query: Annotated[TimelineQuery, InQuery()]) -> Response:
    ask.require("known-error:read")
    return await timeline_of(ask, KnownError, id, query)


VERBS: Mapping[KnownAction, tuple[type[KnownErrorOrder], Callable[..., Any], str]] = {
    KnownAction.REVISE: (ReviseKnownError, revise, "Say it better, or for another time"),
    KnownAction.RETIRE: (RetireKnownError, retire, "It is not to be used any more"),
}


def verb_route(action: KnownAction) -> Callable[..., Any]:
    """The route of one verb: its body is the verb's order."""
    order, act, _ = VERBS[action]

    async def route(id: UUID, body: KnownErrorOrder, ask: Asked) -> Response:
        ask.require(f"known-error:{action}")
        at = desk(ask)
        return await ask.change(KnownError, id, lambda known: act(known, body, at), VIEW)

    route.__annotations__["body"] = order
    route.__name__ = f"{action}_known_error"
    return route


for action, (*_, summary) in VERBS.items():
    router.command(f"/known-errors/{{id}}/{action}", shows=KnownErrorView, summary=summary)(verb_route(action))
