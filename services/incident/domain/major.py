"""Major incidents (INC-6): the verbs of the record beside an incident that strikes many.

Declared under a stated criterion, it has one named manager at any time and a timetable of updates of its own. It ends
by its manager's word, whatever became of the incident, and is reviewed apart from the work on that.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from contracts.envelope import Event
from contracts.major_incident import (
    MajorIncidentDeclared,
    MajorIncidentReviewed,
    MajorIncidentStoodDown,
    MajorRoleAssigned,
    MajorUpdateMissed,
    MajorUpdateSent,
)
from services.incident.lifecycle import LIFECYCLE, MAJOR_LIFECYCLE, OPEN, MajorAction, MajorState, State
from services.incident.rules import MajorIncidentPolicy
from services.incident.tables import Incident, MajorIncident
from shared.database.records import new
from shared.errors import Conflict, Forbidden, Invalid
from shared.orders import Instant, Name, Order, Words

MANAGER = "manager"
# Everybody but the manager, whom `hand-over` changes.
ROLES = ("communications", "technical_lead", "scribe")


class DeclareMajor(Order):
    """`criterion` is one of the major incident policy's. Without `manager` the caller is it."""

    criterion: Name
    reason: Words
    manager: Name | None = None
    communications: Name | None = None
    technical_lead: Name | None = None
    scribe: Name | None = None
    update_every_minutes: Annotated[int, Field(ge=1, le=10_080)] | None = None


class HandOver(Order):
    """Somebody else is its manager from now on."""

    manager: Name
    reason: Words


class AssignRole(Order):
    role: Literal["communications", "technical_lead", "scribe"]
    person: Name


class SendUpdate(Order):
    """Without `next_update_due` the timetable says when the next one is."""

    text: Words
    audience: Literal["internal", "customers", "public"] = "internal"
    next_update_due: Instant | None = None


class StandDown(Order):
    reason: Words


class Review(Order):
    went_well: Words
    to_improve: Words
    actions: Annotated[tuple[Words, ...], Field(max_length=100)] = ()

    @model_validator(mode="after")
    def of_bounded_size(self) -> "Review":
        if sum(map(len, self.actions)) > 100_000:
            raise ValueError("the actions have at most 100000 characters together")
        return self


@dataclass(frozen=True, slots=True)
class Command:
    """What a verb knows beside the record. `overrules`: the caller may end it without being its manager."""

    now: datetime
    actor: str
    overrules: bool


def figures(major: MajorIncident) -> dict[str, Any]:
    """The record's key figures, which each of its events repeats."""
    return {
        "incident": major.incident,
        "incident_number": major.incident_number,
        "state": major.state,
        "title": major.title,
        "organisation": major.organisation,
        "service": major.service,
        "ci": major.ci,
        "manager": major.manager,
        "declared_at": major.declared_at,
        "next_update_due": major.next_update_due,
    }


def declare(
    incident: Incident,
    order: DeclareMajor,
    command: Command,
    policy: MajorIncidentPolicy,
    name: str | None,
    version: int | None,
) -> tuple[MajorIncident, list[Event]]:
    """A new record. Raises Conflict where the incident's work is over, Invalid for a criterion nobody has declared."""
    if incident.state not in OPEN:
        allowed = LIFECYCLE.allowed(State(incident.state))
        raise Conflict(f"{incident.number} is {incident.state}: it is no major incident any more", allowed=allowed)
    if order.criterion not in policy.criteria:
        raise Invalid.field("criterion", f"one of the policy's: {', '.join(policy.criteria)}")
    every = order.update_every_minutes or policy.update_every_minutes
    major = new(
        MajorIncident,
        organisation=incident.organisation,
        incident=incident.id,
        incident_number=incident.number,
        state=MajorState.DECLARED,
        title=incident.title,
        service=incident.service,
        ci=incident.ci,
        criterion=order.criterion,
        reason=order.reason,
        policy=name,
        policy_version=version,
        declared_by=command.actor,
        declared_at=command.now,
        manager=order.manager or command.actor,
        update_every_minutes=every,
        next_update_due=command.now + timedelta(minutes=every),
        updates_sent=0,
        updates_missed=0,
    )
    declared = MajorIncidentDeclared(
        **figures(major),
        criterion=order.criterion,
        reason=order.reason,
        update_every_minutes=every,
        policy=name,
        policy_version=version,
    )
    given = [(role, person) for role in ROLES if (person := getattr(order, role)) is not None]
    return major, [declared, *(assigned(major, role, person) for role, person in given)]


def assigned(major: MajorIncident, role: str, person: str) -> Event:
    previous = getattr(major, role)
    setattr(major, role, person)
    return MajorRoleAssigned(**figures(major), role=role, person=person, previous=previous)


def move(major: MajorIncident, action: MajorAction) -> None:
    major.state = MAJOR_LIFECYCLE.after(MajorState(major.state), action)


def hand_over(major: MajorIncident, order: HandOver, command: Command) -> list[Event]:
    """By whoever may command, for a manager who has fallen ill cannot do it."""
    move(major, MajorAction.HAND_OVER)
    return [] if major.manager == order.manager else [assigned(major, MANAGER, order.manager)]


def assign_role(major: MajorIncident, order: AssignRole, command: Command) -> list[Event]:
    move(major, MajorAction.ASSIGN_ROLE)
    return [] if getattr(major, order.role) == order.person else [assigned(major, order.role, order.person)]


def send_update(major: MajorIncident, order: SendUpdate, command: Command) -> list[Event]:
    move(major, MajorAction.SEND_UPDATE)
    if order.next_update_due is not None and order.next_update_due <= command.now:
        raise Invalid.field("next_update_due", "this is over already")
    due = major.update_overdue_since or major.next_update_due
    every = timedelta(minutes=major.update_every_minutes)
    major.next_update_due = order.next_update_due or command.now + every
    major.update_overdue_since, major.last_update_at = None, command.now
    major.updates_sent += 1
    late = due is not None and command.now > due
    return [MajorUpdateSent(**figures(major), text=order.text, audience=order.audience, due=due, late=late)]


def missed(major: MajorIncident, now: datetime) -> list[Event]:
    """An update was due by now and nobody has sent it. Told once: it is overdue from then on."""
    due = major.next_update_due
    if due is None or due > now or major.state != MajorState.DECLARED:
        return []
    major.next_update_due, major.update_overdue_since = None, due
    major.updates_missed += 1
    return [MajorUpdateMissed(**figures(major), due=due)]


def stand_down(major: MajorIncident, order: StandDown, command: Command) -> list[Event]:
    move(major, MajorAction.STAND_DOWN)
    if command.actor != major.manager and not command.overrules:
        raise Forbidden(f"it ends by its manager's word alone, who is {major.manager}")
    major.stood_down_at, major.stand_down_reason = command.now, order.reason
    major.next_update_due = major.update_overdue_since = None
    return [MajorIncidentStoodDown(**figures(major), reason=order.reason, stood_down_at=command.now)]


def review(major: MajorIncident, order: Review, command: Command) -> list[Event]:
    move(major, MajorAction.REVIEW)
    major.reviewed_at = command.now
    major.went_well, major.to_improve, major.actions = order.went_well, order.to_improve, list(order.actions)
    return [
        MajorIncidentReviewed(
            **figures(major), went_well=order.went_well, to_improve=order.to_improve, actions=order.actions
        )
    ]


@dataclass(frozen=True, slots=True)
class MajorVerb:
    order: type[Order]
    act: Callable[[MajorIncident, Any, Command], list[Event]]
    summary: str


MAJOR_VERBS: Mapping[MajorAction, MajorVerb] = {
    MajorAction.HAND_OVER: MajorVerb(HandOver, hand_over, "Make somebody else its manager"),
    MajorAction.ASSIGN_ROLE: MajorVerb(AssignRole, assign_role, "Give somebody one of the other roles in it"),
    MajorAction.SEND_UPDATE: MajorVerb(SendUpdate, send_update, "Tell those concerned how it stands"),
    MajorAction.STAND_DOWN: MajorVerb(StandDown, stand_down, "End it: its manager's word"),
    MajorAction.REVIEW: MajorVerb(Review, review, "Write down what is learned from it"),
}
