"""The routes of problems: open, list, read, and a route for each verb."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, ConfigDict
from starlette.responses import Response

from services.problem.domain import VERBS, Desk, Open, Order, Verb, decide, open_problem
from services.problem.domain.orders import IdentifyCause
from services.problem.lifecycle import LIFECYCLE, PERMISSIONS, Action, State
from services.problem.queries.problems import PROBLEMS, numbers
from services.problem.rules import RULE, USUAL
from services.problem.rules.proof import REVIEW, USUAL_REVIEW, Verdict
from services.problem.tables import Problem
from shared.auth import Caller, Permissions
from shared.http.ask import Ask, Asked, View
from shared.http.query import OpenQuery
from shared.http.route import Room

router = Room(tags=["problems"])
permissions = Permissions(PERMISSIONS, everything=frozenset({"administrator"}))


class ProblemView(BaseModel):
    """A problem as it is now. `allowed_actions`: the verbs this caller may use on it now; `incidents_count`: how many
    incidents it is behind; `recurrences`: how often one of them was closed while it was linked.

    `fixed_at`: since when the fix is in place. `verdict`: what the incidents before and after that say. `needs_review`:
    it met one of the rule's conditions when it was closed, and nobody has looked back on it yet."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    version: int
    state: State
    waiting_reason: str | None
    source: str
    title: str
    description: str
    frequency: int | None
    impact: int | None
    cost: int | None
    priority: int | None
    priority_overridden: bool
    organisation: str | None
    service: str | None
    ci: str | None
    category: str | None
    group: str | None
    assignee: str | None
    incidents_count: int
    recurrences: int
    last_recurrence_at: AwareDatetime | None
    workaround: str | None
    workaround_at: AwareDatetime | None
    change_request: UUID | None
    change_requested_at: AwareDatetime | None
    opened_at: AwareDatetime
    taken_up_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    resolution_code: str | None
    resolution_note: str | None
    cause: str | None
    closure_code: str | None
    reopen_count: int
    reassignment_count: int
    cause_known: bool | None
    cause_code: str | None
    cause_method: str | None
    cause_evidence: list[str]
    cause_accepted_by: str | None
    cause_identified_at: AwareDatetime | None
    change: UUID | None
    change_number: str | None
    change_state: str | None
    fixed_at: AwareDatetime | None
    proof: str | None
    verdict: Verdict | None
    evaluated_at: AwareDatetime | None
    incidents_before: int | None
    incidents_after: int | None
    review_reasons: list[str]
    reviewed_at: AwareDatetime | None
    needs_review: bool
    allowed_actions: list[Action]


class Problems(BaseModel):
    items: list[ProblemView]
    next: str | None


class ProblemQuery(OpenQuery):
    """`incident`: the problems behind this incident. `change`: those that this change is to remove the cause of."""

    over = frozenset({State.CLOSED, State.CANCELLED})

    state: list[State] | None = None
    source: list[str] | None = None
    priority: list[int] | None = None
    service: str | None = None
    ci: str | None = None
    category: str | None = None
    group: str | None = None
    assignee: str | None = None
    organisation: str | None = None
    recurred: bool | None = None
    change: UUID | None = None
    cause_known: bool | None = None
    needs_review: bool | None = None
    verdict: list[Verdict] | None = None
    incident: UUID | None = None
    opened_after: AwareDatetime | None = None
    opened_before: AwareDatetime | None = None
    q: str | None = None


@lru_cache(maxsize=256)
def actions(roles: frozenset[str]) -> Mapping[str, Sequence[Action]]:
    """The verbs these roles may use, by state."""
    may = {action for action in Action if not permissions.table[f"problem:{action}"].isdisjoint(roles)}
    return {state: [action for action in LIFECYCLE.allowed(state) if action in may] for state in State}


@lru_cache(maxsize=256)
def actions_texts(roles: frozenset[str]) -> Mapping[str, str]:
    """The same as JSON text."""
    return {state: msgspec.json.encode(allowed).decode() for state, allowed in actions(roles).items()}


def computed(problem: Problem, caller: Caller) -> Mapping[str, object]:
    return {
        "allowed_actions": actions(caller.roles)[problem.state],
        "incidents_count": len(problem.incidents),
        "needs_review": bool(problem.review_reasons) and problem.reviewed_at is None,
    }


VIEW = View(ProblemView, computed)


def desk(ask: Ask, known: Mapping[UUID, str] | None = None) -> Desk:
    """The time, the actor and the rules in force at that time."""
    rule = ask.runtime.policies.of(RULE, None, ask.now)
    review = ask.runtime.policies.of(REVIEW, None, ask.now)
    return Desk(
        now=ask.now,
        actor=ask.caller.subject,
        rule=rule.spec if rule else USUAL,
        rule_name=rule.name if rule else None,
        rule_version=rule.version if rule else None,
        review=review.spec if review else USUAL_REVIEW,
        numbers=known or {},
    )


@router.command("/problems", shows=ProblemView, status=201, summary="Look for a cause behind incidents")
async def open_new(body: Open, ask: Asked) -> Response:
    ask.require("problem:open")
    problem, events = open_problem(body, desk(ask))
    return await ask.create(problem, events, VIEW)


@router.reading("/problems", shows=Problems, summary="Problems, by keyset")
async def problems(ask: Asked, query: Annotated[ProblemQuery, InQuery()]) -> Response:
    ask.require("problem:read")
    return await ask.page(PROBLEMS, query, {"allowed_actions": actions_texts(ask.caller.roles)})


@router.reading("/problems/{id}", shows=ProblemView, summary="One problem")
async def problem(id: UUID, ask: Asked) -> Response:
    ask.require("problem:read")
    return await ask.show(Problem, id, VIEW)


def verb_route(action: Action, verb: Verb) -> Callable[..., Any]:
    """The route of one verb: its body is the verb's order."""

    async def route(id: UUID, body: Order, ask: Asked) -> Response:
        ask.require(f"problem:{action}")
        if isinstance(body, IdentifyCause) and not body.known:
            ask.require("problem:accept-unknown-cause")
        at = desk(ask, await numbers(ask.database, body.mentioned()))
        return await ask.change(
            Problem, id, lambda problem: decide(verb, problem, body, at), VIEW, match=action is Action.EDIT
        )

    route.__annotations__["body"] = verb.order
    route.__name__ = f"{action.replace('-', '_')}_problem"
    return route


for action, verb in VERBS.items():
    if action is Action.EDIT:
        declare = router.command("/problems/{id}", method="PATCH", match=True, shows=ProblemView, summary=verb.summary)
    else:
        declare = router.command(f"/problems/{{id}}/{action}", shows=ProblemView, summary=verb.summary)
    declare(verb_route(action, verb))
