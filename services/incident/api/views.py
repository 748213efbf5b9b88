"""How incidents are shown and asked for: the model of a record and of a list's parameters, and who sees what."""

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Annotated, Literal
from uuid import UUID

import msgspec
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from services.incident.domain.particulars import AppliedWorkaround, Outage, Suspect
from services.incident.lifecycle import LIFECYCLE, PERMISSIONS, Action, State
from services.incident.queries.lists import STAFFS
from services.incident.tables import Incident
from shared.auth import Caller, Permissions
from shared.http.ask import View
from shared.http.query import OpenQuery
from shared.orders import Instant, Word

permissions = Permissions(PERMISSIONS, everything=frozenset({"administrator"}))


class IncidentView(BaseModel):
    """An incident or service request as it is now. `allowed_actions`: the verbs this caller may use on it now.

    The customer is to be told by `next_update_due`; `update_overdue_since` is when that was missed (INC-7).
    To a customer's contact, what staff tie it to, whom they escalate it to and what they suspect is null.
    """

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    number: str
    version: int
    kind: str
    state: State
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
    occurred_at: AwareDatetime | None
    detected_at: AwareDatetime | None
    recorded_at: AwareDatetime
    opened_at: AwareDatetime
    taken_up_at: AwareDatetime | None
    resolved_at: AwareDatetime | None
    closed_at: AwareDatetime | None
    close_due_at: AwareDatetime | None
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
    escalated_at: AwareDatetime | None
    acknowledged_at: AwareDatetime | None
    cause_code: str | None
    effort_minutes: int | None
    informed_at: AwareDatetime | None
    next_update_due: AwareDatetime | None
    update_overdue_since: AwareDatetime | None
    sla_state: Literal["at_risk", "breached"] | None
    sla_due_at: AwareDatetime | None
    cause_change: UUID | None
    outages: list[Outage]
    workarounds: list[AppliedWorkaround] | None
    suspects: list[Suspect] | None
    origin: str | None
    reference: str | None
    allowed_actions: list[Action]


class Incidents(BaseModel):
    items: list[IncidentView]
    next: str | None


class IncidentQuery(OpenQuery):
    """`escalated=true&acknowledged=false` are those that wait for somebody to take note (INC-5).

    `suspected`: a change is, or was, suspected as the cause; `cause_change` is the one confirmed. `major`: a major
    incident is declared and goes on.
    """

    over = frozenset({State.CLOSED, State.CANCELLED})

    state: Annotated[list[State], Field(max_length=20)] | None = None
    kind: Literal["incident", "request"] | None = None
    priority: Annotated[list[Annotated[int, Field(ge=1, le=5)]], Field(max_length=20)] | None = None
    service: Word | None = None
    ci: Word | None = None
    category: Word | None = None
    group: Word | None = None
    assignee: Word | None = None
    organisation: Word | None = None
    problem: UUID | None = None
    parent: UUID | None = None
    duplicate_of: UUID | None = None
    escalated: bool | None = None
    acknowledged: bool | None = None
    update_overdue: bool | None = None
    sla: Annotated[list[Literal["at_risk", "breached"]], Field(max_length=2)] | None = None
    cause_code: Word | None = None
    cause_change: UUID | None = None
    suspected: bool | None = None
    major: bool | None = None
    origin: Word | None = None
    opened_after: Instant | None = None
    opened_before: Instant | None = None
    q: Word | None = None


# The filters that would tell a customer's contact what is not shown to it.
STAFF_FILTERS = (
    "problem", "parent", "duplicate_of", "escalated", "acknowledged", "update_overdue", "sla", "cause_change",
    "suspected", "major",
)  # fmt: skip


@lru_cache(maxsize=256)
def actions(roles: frozenset[str]) -> Mapping[str, Sequence[Action]]:
    """The verbs these roles may use, by state."""
    may = {action for action in Action if not permissions.table[f"incident:{action}"].isdisjoint(roles)}
    return {state: [action for action in LIFECYCLE.allowed(state) if action in may] for state in State}


@lru_cache(maxsize=256)
def actions_texts(roles: frozenset[str]) -> Mapping[str, str]:
    """The same as JSON text."""
    return {state: msgspec.json.encode(allowed).decode() for state, allowed in actions(roles).items()}


HIDDEN = dict.fromkeys(STAFFS)


def computed(incident: Incident, caller: Caller) -> Mapping[str, object]:
    allowed = {"allowed_actions": actions(caller.roles)[incident.state], "outages": incident.outages or []}
    if caller.is_customer:
        return HIDDEN | allowed
    return allowed | {"workarounds": incident.workarounds or [], "suspects": incident.suspects or []}


VIEW = View(IncidentView, computed)
