"""Topic `steward.problem`, keyed by problem id: the life of a problem and its workarounds, ISO/IEC 20000-2 8.3.

Every event of a record repeats what the others need of it (`ProblemFact`), as it is after the event. When it became
true and who did it are attributes of the message.
"""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.envelope import Event
from contracts.terms import Change, Degree, Name, Number, Priority, Text, Title, Version

State = Literal["new", "active", "waiting", "resolved", "closed", "cancelled"]
Source = Literal["incident", "trend", "supplier", "test"]
WaitingReason = Literal["change", "vendor", "evidence"]
Verdict = Literal["effective", "ineffective", "undecided"]


class ProblemFact(Event):
    """What every event of a problem carries: the record's key figures after the event. Not an event itself.

    `change` is the one that is to remove the cause. The record's number, PRB-17, is the message's subject.
    """

    topic: ClassVar[str] = "steward.problem"

    state: State
    opened_at: AwareDatetime
    priority: Priority | None = None
    organisation: Name | None = None
    service: Name | None = None
    ci: Name | None = None
    category: Name | None = None
    group: Name | None = None
    assignee: Name | None = None
    change: UUID | None = None


class ProblemOpened(ProblemFact):
    """A cause behind incidents is looked for. `incidents` are the ids of those that it was opened from."""

    name: ClassVar[str] = "problem.opened"

    title: Title
    description: Text = ""
    source: Source
    incidents: tuple[UUID, ...] = ()


class ProblemAssigned(ProblemFact):
    """A group or person is responsible from now on. `reassignment` when somebody else was before."""

    name: ClassVar[str] = "problem.assigned"

    previous_group: Name | None = None
    previous_assignee: Name | None = None
    reason: Text = ""
    reassignment: bool


class ProblemPrioritised(ProblemFact):
    """The priority was computed by problem management's own rule, frequency × impact × cost, or set by hand.

    `overridden`: a person set another priority than the rule gives, and `reason` says why. `rule` and `rule_version`
    name the rule; without them it was the one that counts while none is applied.
    """

    name: ClassVar[str] = "problem.prioritised"

    frequency: Degree
    impact: Degree
    cost: Degree
    previous_priority: Priority | None = None
    overridden: bool = False
    reason: Text = ""
    rule: Name | None = None
    rule_version: Version | None = None


class ProblemClassified(ProblemFact):
    """What it is about is known, or better known: service, configuration item, category."""

    name: ClassVar[str] = "problem.classified"

    previous_service: Name | None = None
    previous_ci: Name | None = None
    previous_category: Name | None = None


class ProblemIncidentLinked(ProblemFact):
    """An incident is taken for an effect of this problem. Whoever counts effects per problem adds it."""

    name: ClassVar[str] = "problem.incident_linked"

    incident: UUID
    incident_number: Number | None = None
    incidents_count: int = Field(ge=1)


class ProblemIncidentUnlinked(ProblemFact):
    """An incident turned out to have another cause. Whoever counts effects per problem removes it."""

    name: ClassVar[str] = "problem.incident_unlinked"

    incident: UUID
    incident_number: Number | None = None
    incidents_count: int = Field(ge=0)


class ProblemStarted(ProblemFact):
    """Somebody investigates the cause."""

    name: ClassVar[str] = "problem.started"


class WorkaroundRecorded(ProblemFact):
    """A way to restore the service without removing the cause is known. The incident desk applies it from now on.

    A later one replaces it.
    """

    name: ClassVar[str] = "workaround.recorded"

    title: Title
    workaround: Text
    incidents: tuple[UUID, ...] = ()


class ChangeRequested(ProblemFact):
    """The correction needs a change. Change management opens a request for it and names the problem there.

    `request` identifies the wish, so that the change that answers it can be found.
    """

    name: ClassVar[str] = "problem.change_requested"

    request: UUID
    title: Title
    reason: Text
    description: Text = ""


class ChangeFollowed(ProblemFact):
    """The change that is to remove the cause is known, or has another state than before; `change` is its id.

    `fixed_at` is since when it is carried out; empty where it is not, or was taken back.
    """

    name: ClassVar[str] = "problem.change_followed"

    change_number: Number
    change_state: Name
    fixed_at: AwareDatetime | None = None
    note: Text = ""


class ProblemWaiting(ProblemFact):
    """Work cannot go on until somebody else has acted. `change` is the change waited for, once it is known."""

    name: ClassVar[str] = "problem.waiting"

    reason: WaitingReason
    change: UUID | None = None
    note: Text = ""


class ProblemResumed(ProblemFact):
    """What was waited for has come and work goes on."""

    name: ClassVar[str] = "problem.resumed"

    waited_for: WaitingReason
    note: Text = ""


class ProblemResolved(ProblemFact):
    """The cause is removed, since `fixed_at`; it is still to be proved that incidents stop."""

    name: ClassVar[str] = "problem.resolved"

    resolution_code: Name
    note: Text = ""
    cause: Text | None = None
    fixed_at: AwareDatetime | None = None


class ProblemClosed(ProblemFact):
    """The problem is over. `recurrences` counts the closings of its incidents up to now.

    What proves it: `verdict` is that of the count after the fix, `proof` the words of whoever closed it. `review` says
    why it has to be looked back on, one word for each condition of the rule that it meets.
    """

    name: ClassVar[str] = "problem.closed"

    closure_code: Name | None = None
    resolution_code: Name | None = None
    note: Text = ""
    resolved_at: AwareDatetime | None = None
    incidents: tuple[UUID, ...] = ()
    recurrences: int = Field(default=0, ge=0)
    verdict: Verdict | None = None
    proof: Text = ""
    review: tuple[Name, ...] = ()


class ProblemReopened(ProblemFact):
    """The cause was not removed after all."""

    name: ClassVar[str] = "problem.reopened"

    reason: Text
    reopened_from: Literal["resolved", "closed"]


class ProblemCancelled(ProblemFact):
    """There is no problem here, or another record has it already."""

    name: ClassVar[str] = "problem.cancelled"

    reason: Text


class ProblemRecurred(ProblemFact):
    """An incident of this problem was closed: the cause struck once more. Priority and reports count it.

    `recurrences` is the count with this one. The same incident, reopened and closed again, is counted again and
    has the next `closing`.
    """

    name: ClassVar[str] = "problem.recurred"

    incident: UUID
    incident_number: Number
    closed_at: AwareDatetime
    closing: int = Field(default=1, ge=1)
    recurrences: int = Field(ge=1)


class ProblemStatusChanged(ProblemFact):
    """The state or the workaround is another one. The incident desk shows it on each of `incidents`, unasked."""

    name: ClassVar[str] = "problem.status_changed"

    title: Title
    previous_state: State | None = None
    workaround: Text | None = None
    incidents: tuple[UUID, ...] = ()


class ProblemCommented(ProblemFact):
    """Somebody wrote on the record. Where `internal`, customers must not see it."""

    name: ClassVar[str] = "problem.commented"

    text: Text
    internal: bool


class ProblemEdited(ProblemFact):
    """Descriptive fields were corrected. Nothing moves by it; copies for people and the timeline show it."""

    name: ClassVar[str] = "problem.edited"

    changes: dict[str, Change] = Field(min_length=1)


class CauseIdentified(ProblemFact):
    """The root cause is known, by a named method and with evidence; or somebody accepted that it stays unknown.

    `accepted_by` is the person who did, where `known` is false. A later one replaces it.
    """

    name: ClassVar[str] = "cause.identified"

    known: bool
    cause: Text
    cause_code: Name | None = None
    method: Name | None = None
    evidence: tuple[Text, ...] = ()
    accepted_by: Name | None = None
