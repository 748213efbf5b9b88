"""Topic `steward.change`, keyed by change id: requests for change and what became of them, ISO/IEC 20000-2 9.2.

Every event of a change repeats what the others need of it (`ChangeFact`), as it is after the event. When it became true
and who did it are attributes of the message.
"""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.envelope import Event
from contracts.terms import Change, Name, Number, Text, Title, Version

TOPIC = "steward.change"
State = Literal[
    "requested", "assessed", "approved", "rejected", "implementing", "implemented", "failed", "backed_out", "closed",
    "cancelled",
]  # fmt: skip
Class = Literal["standard", "normal", "major", "emergency"]
Risk = Literal["low", "medium", "high"]
Outcome = Literal["implemented", "failed", "backed_out"]


class ChangeFact(Event):
    """What every event of a change carries: the record's key figures after the event. Not an event itself.

    `items` are the names of the configuration items that it alters. `planned_start` and `planned_end` are its window,
    half open. `change_class` and `risk` are empty until it is classified. `problem` is the one it corrects, and
    `request` the wish of problem management that it answers. The record's number, CHG-17, is the message's subject.
    """

    topic: ClassVar[str] = TOPIC

    state: State
    title: Title
    requester: Name
    requested_at: AwareDatetime
    organisation: Name | None = None
    change_class: Class | None = None
    risk: Risk | None = None
    model: Name | None = None
    service: Name | None = None
    items: tuple[Name, ...] = ()
    group: Name | None = None
    assignee: Name | None = None
    planned_start: AwareDatetime | None = None
    planned_end: AwareDatetime | None = None
    problem: UUID | None = None
    request: UUID | None = None
    incident: UUID | None = None


class PlannedFact(ChangeFact):
    """How it is done, and what is done where it fails: reversed by its back-out plan, or repaired by its remedy plan.

    `backout_minutes` after its start the decision to back out is due. `backout_tested` is absent while nobody has said
    whether the plan was tried. Not an event itself.
    """

    plan: Text = ""
    backout: Text = ""
    remedy: Text = ""
    backout_minutes: int | None = Field(default=None, ge=0)
    backout_tested: bool | None = None


class ChangeSubmitted(PlannedFact):
    """A request for change was recorded, with its reason. Whoever assesses changes begins.

    `outage_minutes` is how long the services that it affects cannot be used; absent: for the whole window.
    """

    name: ClassVar[str] = "change.submitted"

    description: Text = ""
    reason: Text
    benefit: Text = ""
    impact: Text = ""
    resources: Text = ""
    outage_minutes: int | None = Field(default=None, ge=0)


class ChangeEdited(ChangeFact):
    """What it says is another text.

    `scope_changed` where items, plan or back-out are others: what was approved is not what would be done.
    """

    name: ClassVar[str] = "change.edited"

    changes: dict[str, Change] = Field(min_length=1)
    scope_changed: bool = False


class Answer(BaseModel):
    """One question of the risk rule and what was answered."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    question: Name
    answer: Name
    points: int


class ChangeClassified(PlannedFact):
    """Its class and risk follow from the declared rule, or from the pre-approved model of a standard change.

    `points` is the sum that the rule made a risk of. Plan and back-out are told again: a model brings its own.
    """

    name: ClassVar[str] = "change.classified"

    answers: tuple[Answer, ...] = ()
    points: int = 0
    rule: Name | None = None
    rule_version: Version | None = None
    previous_class: Class | None = None
    model_version: Version | None = None


class ChangeAssigned(ChangeFact):
    """A group or person carries it out from now on."""

    name: ClassVar[str] = "change.assigned"

    previous_group: Name | None = None
    previous_assignee: Name | None = None
    reason: Text = ""


class ChangeScheduled(ChangeFact):
    """It has a window, or another one than before."""

    name: ClassVar[str] = "change.scheduled"

    previous_start: AwareDatetime | None = None
    previous_end: AwareDatetime | None = None


class ApprovalGiven(ChangeFact):
    """One person agreed, for one step of the policy. `for_whom` is the approver who delegated, where somebody did."""

    name: ClassVar[str] = "change.approval_given"

    step: Name
    by: Name
    for_whom: Name | None = None
    note: Text = ""
    missing: int = Field(ge=0)


class ChangeApproved(ChangeFact):
    """Everybody whom the policy asks for has agreed: it may be carried out in its window.

    Controlled items may be changed by it. `approvers` are those who agreed.
    """

    name: ClassVar[str] = "change.approved"

    approvers: tuple[Name, ...]
    policy: Name | None = None
    policy_version: Version | None = None


class ChangeRejected(ChangeFact):
    """Somebody who is asked for approval refused it; the record is kept."""

    name: ClassVar[str] = "change.rejected"

    reason: Text
    step: Name | None = None


class ApprovalVoided(ChangeFact):
    """Approvals no longer count, because what was approved is not what would be done. It has to be approved anew."""

    name: ClassVar[str] = "change.approval_voided"

    reason: Text
    approvers: tuple[Name, ...] = ()


class EmergencyAuthorised(ChangeFact):
    """A named authoriser let an emergency change go ahead on the short path; paperwork is due by `paperwork_due`."""

    name: ClassVar[str] = "emergency.authorised"

    by: Name
    reason: Text
    paperwork_due: AwareDatetime


class ChangeStarted(ChangeFact):
    """Its items are being altered now. `decide_by` is the latest instant for the decision to back out."""

    name: ClassVar[str] = "change.started"

    started_at: AwareDatetime
    decide_by: AwareDatetime | None = None
    outside_window: bool = False
    reason: Text = ""


class ChangeImplemented(ChangeFact):
    """It was carried out. The incident desk knows it as a recent change of its items.

    `repaired`: it had failed, and was brought to its end by the remedy plan.
    """

    name: ClassVar[str] = "change.implemented"

    started_at: AwareDatetime
    ended_at: AwareDatetime
    note: Text = ""
    repaired: bool = False


class ChangeFailed(ChangeFact):
    """It did not succeed; it has to be backed out or repaired by its plan."""

    name: ClassVar[str] = "change.failed"

    started_at: AwareDatetime
    ended_at: AwareDatetime
    note: Text


class ChangeBackedOut(ChangeFact):
    """It was reversed by its back-out plan. `restored`: whether what was there before is there again."""

    name: ClassVar[str] = "change.backed_out"

    started_at: AwareDatetime
    ended_at: AwareDatetime
    restored: bool
    note: Text


class ChangeClosed(ChangeFact):
    """Nothing more is to be done on it. `outcome` says how it went; problem management looks whether it helped."""

    name: ClassVar[str] = "change.closed"

    outcome: Outcome
    started_at: AwareDatetime
    ended_at: AwareDatetime
    note: Text = ""


class ChangeCancelled(ChangeFact):
    """It was withdrawn before anything was altered."""

    name: ClassVar[str] = "change.cancelled"

    reason: Text


class ChangeCommented(ChangeFact):
    """Somebody wrote on the record."""

    name: ClassVar[str] = "change.commented"

    text: Text


class ScheduledChange(BaseModel):
    """One line of the forward schedule."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    change: UUID
    number: Number
    title: Title
    change_class: Class | None = None
    state: State
    service: Name | None = None
    items: tuple[Name, ...] = ()
    affected_services: tuple[Name, ...] = ()
    planned_start: AwareDatetime
    planned_end: AwareDatetime
    outage_minutes: int | None = Field(default=None, ge=0)


class SchedulePublished(Event):
    """The forward schedule of change as it is now: what is approved or asked for in the weeks ahead, in order.

    Affected services are those that depend on an item of the change. Each publication is a fact of its own.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "change_schedule.published"

    begins: AwareDatetime
    ends: AwareDatetime
    changes: tuple[ScheduledChange, ...] = ()
