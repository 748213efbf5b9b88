"""How a change is shown, and what this caller may do with it."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict

from services.change.domain import Desk, Ruled
from services.change.lifecycle import LIFECYCLE, MANAGERS, PERMISSIONS, Action, State
from services.change.rules import approval, risk
from services.change.tables import Change
from shared.auth import Caller, Permissions
from shared.http.ask import Ask, View

permissions = Permissions(PERMISSIONS, everything=frozenset({"administrator"}))
# One's own request is nobody's to approve; another's is not one's own to move.
NEVER_OWN = frozenset({Action.APPROVE, Action.AUTHORISE})
OWN_ONLY = frozenset({Action.SCHEDULE, Action.EDIT, Action.CANCEL})
EMERGENCY = {Action.AUTHORISE: True, Action.DOCUMENT: True, Action.APPROVE: False}


class AnswerView(BaseModel):
    question: str
    answer: str
    points: int


class ChangeView(BaseModel):
    """A change as it is now. `allowed_actions`: the verbs this caller may use on it now; whether an approval is this
    caller's to give is the policy's word, see /approvals. `acknowledged`: by collision, why it may stay."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    version: int
    state: State
    title: str
    description: str
    reason: str
    benefit: str
    impact: str
    resources: str
    requester: str
    requested_at: AwareDatetime
    organisation: str | None
    service: str | None
    items: list[str]
    group: str | None
    assignee: str | None
    planned_start: AwareDatetime | None
    planned_end: AwareDatetime | None
    outage_minutes: int | None
    plan: str
    backout: str
    remedy: str
    backout_minutes: int | None
    backout_tested: bool | None
    change_class: str | None
    risk: str | None
    points: int
    answers: list[AnswerView]
    rule: str | None
    rule_version: int | None
    model: str | None
    model_version: int | None
    problem: UUID | None
    request: UUID | None
    incident: UUID | None
    approvers: list[str]
    policy: str | None
    policy_version: int | None
    acknowledged: dict[UUID, str]
    authorised_by: str | None
    authorised_at: AwareDatetime | None
    paperwork_due: AwareDatetime | None
    documented_at: AwareDatetime | None
    overdue: bool
    justified: bool | None
    review: str | None
    started_at: AwareDatetime | None
    decide_by: AwareDatetime | None
    ended_at: AwareDatetime | None
    outcome: str | None
    restored: bool | None
    closed_at: AwareDatetime | None
    allowed_actions: list[Action]


class Changes(BaseModel):
    items: list[ChangeView]
    next: str | None


@lru_cache(maxsize=256)
def actions(roles: frozenset[str]) -> Mapping[str, Sequence[Action]]:
    """The verbs these roles may use, by situation: state, whether it is an emergency, whether it is one's own."""
    may = [action for action in Action if not permissions.table[f"change:{action}"].isdisjoint(roles)]
    manages = not MANAGERS.isdisjoint(roles)

    def fits(action: Action, emergency: bool, own: bool) -> bool:
        if own and action in NEVER_OWN:
            return False
        if not own and not manages and action in OWN_ONLY:
            return False
        return EMERGENCY.get(action, emergency) == emergency

    return {
        situation(state, emergency, own): [
            action for action in LIFECYCLE.allowed(state) if action in may and fits(action, emergency, own)
        ]
        for state in State
        for emergency in (False, True)
        for own in (False, True)
    }


def situation(state: str, emergency: bool, own: bool) -> str:
    """As the list's SQL puts it together."""
    return f"{state}/{'t' if emergency else 'f'}/{'t' if own else 'f'}"


@lru_cache(maxsize=256)
def actions_text(roles: frozenset[str]) -> str:
    """The same as JSON text."""
    return msgspec.json.encode(actions(roles)).decode()


def computed(change: Change, caller: Caller) -> Mapping[str, object]:
    here = situation(change.state, change.change_class == "emergency", change.requester == caller.subject)
    return {"allowed_actions": actions(caller.roles)[here]}


VIEW = View(ChangeView, computed)


def desk(ask: Ask, **more: Any) -> Desk:
    """The time, the actor and the rules in force at that time."""
    at = ask.runtime.policies
    models = {name: at.of(risk.MODEL, name, ask.now) for name in at.names(risk.MODEL)}
    return Desk(
        now=ask.now,
        actor=ask.caller.subject,
        roles=ask.caller.roles,
        risk=ruled(ask, risk.RISK_RULE, risk.USUAL),
        approval=ruled(ask, approval.APPROVAL, approval.USUAL),
        models={name: Ruled(each.spec, each.name, each.version) for name, each in models.items() if each is not None},
        **more,
    )


def ruled(ask: Ask, kind: str, usual: BaseModel) -> Ruled:
    """The document of a kind of which there is one, or the usual rule."""
    policy = ask.runtime.policies.of(kind, None, ask.now)
    return Ruled(policy.spec, policy.name, policy.version) if policy else Ruled(usual)
