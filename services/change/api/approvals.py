"""The routes of approving: what the policy asks for and who has agreed, delegations, questions, and emergencies."""

from typing import Annotated
from uuid import UUID

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field
from starlette.responses import Response

from services.change.api.view import desk
from services.change.domain.delegations import end, grant
from services.change.domain.orders import End, Grant
from services.change.queries.approvals import DELEGATIONS, all_given
from services.change.queries.lists import EMERGENCIES
from services.change.rules.approval import Given, missing
from services.change.tables import Change, Delegation
from shared.http.ask import JSON, Asked, Query, View
from shared.http.route import Room

router = Room(tags=["approvals"])


class GivenView(BaseModel):
    step: str
    by: str
    for_whom: str | None
    given_at: AwareDatetime
    note: str


class StepView(BaseModel):
    """A step of the policy: how many people of which role, who has agreed, how many are missing."""

    step: str
    role: str
    count: int
    given: list[GivenView]
    missing: int


class Approvals(BaseModel):
    """The steps in their order, by the policy in force now (none named: the usual one). `void` are approvals that no
    longer count."""

    policy: str | None
    policy_version: int | None
    steps: list[StepView]
    void: list[GivenView]


class DelegationView(BaseModel):
    """`roles`: the approver's when it was granted. `ended_at`: taken back before its end."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    version: int
    approver: str
    delegate: str
    roles: list[str]
    begins: AwareDatetime
    ends: AwareDatetime
    granted_at: AwareDatetime
    ended_at: AwareDatetime | None


class Delegations(BaseModel):
    items: list[DelegationView]
    next: str | None


class DelegationQuery(Query):
    """`at`: those in force at this instant."""

    approver: str | None = None
    delegate: str | None = None
    at: AwareDatetime | None = None


class QuestionView(BaseModel):
    question: str
    text: str
    options: dict[str, int]


class RiskRuleView(BaseModel):
    """The risk rule in force now (none named: the usual one): what a request answers."""

    rule: str | None
    rule_version: int | None
    questions: list[QuestionView]
    medium_from: int
    high_from: int


class EmergencyMonth(BaseModel):
    """Emergencies authorised in a month, among all the changes asked for in it. `late`: paperwork that came after it
    was due; `overdue`: paperwork that is due and not there."""

    month: str
    changes: int
    authorised: int
    documented: int
    late: int
    overdue: int
    justified: int
    unjustified: int
    unsuccessful: int


class Emergencies(BaseModel):
    items: list[EmergencyMonth]


class EmergencyQuery(Query):
    """The months up to now, the newest first."""

    limit: None = None  # type: ignore[assignment]  # no pages
    cursor: None = None
    sort: None = None
    months: Annotated[int, Field(ge=1, le=120)] = 12


VIEW = View(DelegationView)


@router.reading("/changes/{id}/approvals", shows=Approvals, summary="Who has to approve it, and who has")
async def approvals(id: UUID, ask: Asked) -> Response:
    ask.require("change:read")
    change = await ask.load(Change, id)
    rows = await all_given(ask.database, id)
    views = [(row.round, Given(row.step, row.by, row.for_whom, row.given_at, row.note)) for row in rows]
    now = [each for round, each in views if round == change.round]
    at = desk(ask)
    steps = [
        StepView(
            step=step.step,
            role=step.role,
            count=step.count,
            given=[view(each) for each in now if each.step == step.step],
            missing=missing(step, now),
        )
        for step in at.policy.steps(change.change_class or "")
    ]
    void = [view(each) for round, each in views if round != change.round]
    found = Approvals(policy=at.approval.name, policy_version=at.approval.version, steps=steps, void=void)
    return Response(found.model_dump_json(), media_type=JSON)


def view(each: Given) -> GivenView:
    return GivenView(step=each.step, by=each.by, for_whom=each.for_whom, given_at=each.given_at, note=each.note)


@router.command("/delegations", shows=DelegationView, status=201, summary="Let somebody approve in one's place")
async def grant_delegation(body: Grant, ask: Asked) -> Response:
    ask.require("delegation:grant")
    delegation, events = grant(body, desk(ask))
    return await ask.create(delegation, events, VIEW)


@router.command("/delegations/{id}/end", shows=DelegationView, summary="Take a delegation back before its end")
async def end_delegation(id: UUID, body: End, ask: Asked) -> Response:
    ask.require("delegation:end")
    at = desk(ask)
    return await ask.change(Delegation, id, lambda delegation: end(delegation, body, at), VIEW)


@router.reading("/delegations", shows=Delegations, summary="Who approves in whose place")
async def delegations(ask: Asked, query: Annotated[DelegationQuery, InQuery()]) -> Response:
    ask.require("change:read")
    return await ask.page(DELEGATIONS, query)


@router.reading("/delegations/{id}", shows=DelegationView, summary="One delegation")
async def delegation(id: UUID, ask: Asked) -> Response:
    ask.require("change:read")
    return await ask.show(Delegation, id, VIEW)


@router.reading("/risk-rule", shows=RiskRuleView, summary="The questions that give a change its risk and class")
async def risk_rule(ask: Asked) -> Response:
    ask.require("change:read")
    at = desk(ask)
    rule = at.risk_rule
    questions = [
        QuestionView(question=name, text=question.text, options=question.options)
        for name, question in rule.questions.items()
    ]
    found = RiskRuleView(
        rule=at.risk.name, rule_version=at.risk.version, questions=questions, medium_from=rule.medium_from,
        high_from=rule.high_from,
    )  # fmt: skip
    return Response(found.model_dump_json(), media_type=JSON)


@router.reading("/emergencies", shows=Emergencies, summary="Emergency changes by month: how many, documented, late")
async def emergencies(ask: Asked, query: Annotated[EmergencyQuery, InQuery()]) -> Response:
    ask.require("change:read")
    rows = await ask.database.rows(EMERGENCIES, {"now": ask.now, "months": query.months})
    return Response(msgspec.json.encode({"items": [dict(row._mapping) for row in rows]}), media_type=JSON)
