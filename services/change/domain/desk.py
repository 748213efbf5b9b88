"""What a verb knows beside the record: the time, who acts, the rules in force, and what is in the way."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NoReturn

from services.change.lifecycle import MANAGERS
from services.change.rules.approval import ApprovalPolicy, Given
from services.change.rules.collisions import Collision
from services.change.rules.risk import Model, RiskRule
from services.change.tables import Change
from shared.errors import Conflict, Forbidden


@dataclass(frozen=True, slots=True)
class Ruled:
    """A rule with the name and version it was applied as; None while the usual one counts."""

    spec: Any
    name: str | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class Desk:
    """`models` has each model of a standard change that is in force. `given` are the approvals that count so far, and
    `delegated` the roles that the person named by an approval gave this actor, None where there is no such delegation
    now. `collisions` are those of the change as the order would have it."""

    now: datetime
    actor: str
    roles: frozenset[str]
    risk: Ruled
    approval: Ruled
    models: dict[str, Ruled]
    given: Sequence[Given] = ()
    delegated: frozenset[str] | None = None
    collisions: Sequence[Collision] = ()

    @property
    def manages(self) -> bool:
        return not MANAGERS.isdisjoint(self.roles)

    @property
    def risk_rule(self) -> RiskRule:
        return self.risk.spec  # type: ignore[no-any-return]  # a policy's spec is of its kind's model

    @property
    def policy(self) -> ApprovalPolicy:
        return self.approval.spec  # type: ignore[no-any-return]  # as above

    def model(self, name: str) -> Model:
        return self.models[name].spec  # type: ignore[no-any-return]  # as above


def figures(change: Change) -> dict[str, Any]:
    """The record's key figures, which each of its events repeats."""
    return {
        "state": change.state,
        "title": change.title,
        "requester": change.requester,
        "requested_at": change.requested_at,
        "organisation": change.organisation,
        "change_class": change.change_class,
        "risk": change.risk,
        "model": change.model,
        "service": change.service,
        "items": tuple(change.items),
        "group": change.group,
        "assignee": change.assignee,
        "planned_start": change.planned_start,
        "planned_end": change.planned_end,
        "problem": change.problem,
        "request": change.request,
        "incident": change.incident,
    }


def plans(change: Change) -> dict[str, Any]:
    """How it is done and undone, as the events that tell it have it."""
    return {
        "plan": change.plan,
        "backout": change.backout,
        "remedy": change.remedy,
        "backout_minutes": change.backout_minutes,
        "backout_tested": change.backout_tested,
    }


def conflict(rule: str, detail: str, **members: Any) -> NoReturn:
    """Refuse by a named rule what the record's state or time does not permit."""
    raise Conflict(detail, rule=rule, **members)


def forbidden(rule: str, detail: str, **members: Any) -> NoReturn:
    """Refuse by a named rule what this person may not do."""
    raise Forbidden(detail, rule=rule, **members)


def own(change: Change, desk: Desk, rule: str) -> None:
    """Whoever asks for changes moves their own; change management moves all."""
    if change.requester != desk.actor and not desk.manages:
        forbidden(rule, f"{change.number} was asked for by {change.requester}: they or change management may do this")
