"""Topic `steward.incident`, keyed by incident id: the life of an incident or service request, ISO/IEC 20000-2 8.2.

Every event of a record repeats what the others need of it (`IncidentFact`), as it is after the event, so that a
reader can keep its own copy and never calls back. When it became true and who did it are attributes of the message.
"""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.envelope import Event
from contracts.terms import Change, Degree, Name, Number, Priority, Text, Title, Version

Kind = Literal["incident", "request"]
State = Literal["new", "active", "waiting", "resolved", "closed", "cancelled"]
WaitingReason = Literal["user", "vendor", "problem", "evidence"]
Escalation = Literal["functional", "hierarchic"]
ConfirmedBy = Literal["user", "silence", "staff"]
Relation = Literal["parent", "child", "problem", "duplicate_of"]


class IncidentFact(Event):
    """What every event of an incident carries: the record's key figures after the event. Not an event itself.

    The record's number, for instance INC-1042, is the message's subject.
    """

    topic: ClassVar[str] = "steward.incident"

    kind: Kind
    organisation: Name
    state: State
    priority: Priority
    opened_at: AwareDatetime
    service: Name | None = None
    ci: Name | None = None
    category: Name | None = None
    group: Name | None = None
    assignee: Name | None = None


class IncidentOpened(IncidentFact):
    """A contact or alert was recorded and has a number. SLA clocks start; problem management looks for matches.

    `matrix` and `matrix_version` name the priority matrix that gave the priority. `origin` and `reference` are set on
    a record that was imported: the system it comes from and its number there. `proposed_impact` is set where the impact
    was taken from the graph of configuration items; `next_update_due` where the customer is to be told by then.
    """

    name: ClassVar[str] = "incident.opened"

    title: Title
    description: Text = ""
    impact: Degree
    urgency: Degree
    matrix: Name | None = None
    matrix_version: Version | None = None
    channel: Name | None = None
    caller: Name | None = None
    occurred_at: AwareDatetime | None = None
    detected_at: AwareDatetime | None = None
    recorded_at: AwareDatetime
    subcategory: Name | None = None
    symptom: Name | None = None
    origin: Name | None = None
    reference: Name | None = None
    proposed_impact: Degree | None = None
    next_update_due: AwareDatetime | None = None


class IncidentAssigned(IncidentFact):
    """A group or person is responsible from now on. `reassignment` where the group is another one; reports count it."""

    name: ClassVar[str] = "incident.assigned"

    previous_group: Name | None = None
    previous_assignee: Name | None = None
    reason: Text = ""
    reassignment: bool


class IncidentStarted(IncidentFact):
    """Somebody took the record up and works on it. It stops the clock of the response target."""

    name: ClassVar[str] = "incident.started"


class IncidentWaiting(IncidentFact):
    """Work cannot go on until somebody else has acted. SLA clocks pause where the agreement names this reason."""

    name: ClassVar[str] = "incident.waiting"

    reason: WaitingReason
    note: Text = ""


class IncidentResumed(IncidentFact):
    """What was waited for has come and work goes on. Paused SLA clocks run again."""

    name: ClassVar[str] = "incident.resumed"

    waited_for: WaitingReason
    note: Text = ""


class IncidentResolved(IncidentFact):
    """Staff say that the service is restored; the user has not yet confirmed it. It stops the resolution clock.

    `with_parent` is the parent that this record followed, where it was resolved together with it. `close_due_at` is
    when silence closes it, unless the user speaks before.
    """

    name: ClassVar[str] = "incident.resolved"

    resolution_code: Name
    note: Text = ""
    cause: Text | None = None
    with_parent: UUID | None = None
    close_due_at: AwareDatetime | None = None
    cause_code: Name | None = None


class IncidentConfirmed(IncidentFact):
    """The user says that the service is restored. `incident.closed` of the same command follows it."""

    name: ClassVar[str] = "incident.confirmed"


class IncidentReopened(IncidentFact):
    """A resolution did not hold or the user refused it. The agreement's rule says what its stopped clocks do now."""

    name: ClassVar[str] = "incident.reopened"

    reason: Text
    reopened_from: Literal["resolved", "closed"]
    reopen_count: int = Field(ge=1)
    next_update_due: AwareDatetime | None = None


class IncidentClosed(IncidentFact):
    """The record's work is over: by the user's confirmation, by declared silence, or by staff.

    The problem it is linked to counts a recurrence; SLA metrics are final unless it is reopened.
    """

    name: ClassVar[str] = "incident.closed"

    confirmed_by: ConfirmedBy
    closure_code: Name | None = None
    resolution_code: Name | None = None
    note: Text = ""
    resolved_at: AwareDatetime | None = None
    parent: UUID | None = None
    problem: UUID | None = None
    duplicate_of: UUID | None = None
    reopen_count: int = Field(default=0, ge=0)
    reassignment_count: int = Field(default=0, ge=0)
    cause_code: Name | None = None
    effort_minutes: int = Field(default=0, ge=0)


class IncidentCancelled(IncidentFact):
    """The record was withdrawn before anything was resolved. Its SLA clocks are cancelled without an outcome."""

    name: ClassVar[str] = "incident.cancelled"

    reason: Text


class IncidentPrioritised(IncidentFact):
    """The priority was computed anew or set by hand. SLA clocks change their limit by the agreement's rule.

    `overridden`: a person set another priority than the matrix gives, and `reason` says why.
    """

    name: ClassVar[str] = "incident.prioritised"

    impact: Degree
    urgency: Degree
    previous_priority: Priority
    overridden: bool = False
    reason: Text = ""
    matrix: Name | None = None
    matrix_version: Version | None = None
    next_update_due: AwareDatetime | None = None


class IncidentEscalated(IncidentFact):
    """More skill (functional) or more authority (hierarchic) is asked for. The target has to acknowledge it."""

    name: ClassVar[str] = "incident.escalated"

    to: Escalation
    target: Name
    reason: Text
    by: Literal["clock", "hand"]


class EscalationAcknowledged(IncidentFact):
    """The one whom an incident was escalated to has taken note of it; the actor of the message is who did."""

    name: ClassVar[str] = "escalation.acknowledged"

    to: Escalation
    target: Name
    escalated_at: AwareDatetime


class IncidentCommented(IncidentFact):
    """Somebody wrote on the record. Where `internal`, the customer must not see it."""

    name: ClassVar[str] = "incident.commented"

    text: Text
    internal: bool


class IncidentLinked(IncidentFact):
    """This record belongs to another: its parent, its problem, or the record that it repeats.

    `target` is that other record's id. Problem management keeps the list of its incidents from this. A parent tells the
    same of itself, with the relation `child`.
    """

    name: ClassVar[str] = "incident.linked"

    relation: Relation
    target: UUID
    target_number: Number | None = None
    previous: UUID | None = None


class IncidentUnlinked(IncidentFact):
    """A link was a mistake and is gone; `target` is what it led to."""

    name: ClassVar[str] = "incident.unlinked"

    relation: Relation
    target: UUID


class IncidentClassified(IncidentFact):
    """What it is about is known, or better known. SLA clocks follow to the agreement of another service."""

    name: ClassVar[str] = "incident.classified"

    subcategory: Name | None = None
    symptom: Name | None = None
    previous_service: Name | None = None
    previous_ci: Name | None = None
    previous_category: Name | None = None


class IncidentEdited(IncidentFact):
    """Descriptive fields were corrected. Nothing moves by it; copies for people and the timeline show it."""

    name: ClassVar[str] = "incident.edited"

    changes: dict[str, Change] = Field(min_length=1)


class IncidentHistoryCompleted(IncidentFact):
    """The import of this record's past is over. Deadlines of a record that is still open count from now on."""

    name: ClassVar[str] = "incident.history_completed"

    origin: Name
    reference: Name
