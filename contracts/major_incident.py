"""Topic `steward.incident`, keyed by major incident id: the record beside an incident that strikes many.

ISO/IEC 20000-2 asks for a procedure of its own: who may declare one, who leads it, who is told and when, and a review.
"""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.envelope import Event
from contracts.terms import Name, Number, Text, Title, Version

State = Literal["declared", "stood_down", "reviewed"]
Role = Literal["manager", "communications", "technical_lead", "scribe"]


class MajorIncidentFact(Event):
    """What every event of a major incident carries: the record after the event. Not an event itself.

    It is a record of its own beside the incident: one named manager at any time, a timetable of updates, a review. Its
    number, for instance MAJ-7, is the message's subject.
    """

    topic: ClassVar[str] = "steward.incident"

    incident: UUID
    incident_number: Number
    state: State
    title: Title
    organisation: Name | None = None
    service: Name | None = None
    ci: Name | None = None
    manager: Name
    declared_at: AwareDatetime
    next_update_due: AwareDatetime | None = None


class MajorIncidentDeclared(MajorIncidentFact):
    """An authorised person declared it under a stated criterion. Changes of what it concerns are frozen.

    `policy` and `policy_version` name the policy that states the criterion; without them it was the usual one.
    """

    name: ClassVar[str] = "major_incident.declared"

    criterion: Name
    reason: Text
    update_every_minutes: int = Field(ge=1)
    policy: Name | None = None
    policy_version: Version | None = None


class MajorRoleAssigned(MajorIncidentFact):
    """Somebody has a role in it from now on, in place of `previous`."""

    name: ClassVar[str] = "major_incident.role_assigned"

    role: Role
    person: Name
    previous: Name | None = None


class MajorUpdateSent(MajorIncidentFact):
    """Those concerned were told how it stands. `late`: after the update was due."""

    name: ClassVar[str] = "major_incident.update_sent"

    text: Text
    audience: Literal["internal", "customers", "public"]
    due: AwareDatetime | None = None
    late: bool = False


class MajorUpdateMissed(MajorIncidentFact):
    """An update was due and nobody has sent it; the manager is asked for it."""

    name: ClassVar[str] = "major_incident.update_missed"

    due: AwareDatetime


class MajorIncidentStoodDown(MajorIncidentFact):
    """Its manager ended it. The freeze of changes is over; a review is due."""

    name: ClassVar[str] = "major_incident.stood_down"

    reason: Text
    stood_down_at: AwareDatetime


class MajorIncidentReviewed(MajorIncidentFact):
    """What is learned from it is written down, apart from the work on the incident itself."""

    name: ClassVar[str] = "major_incident.reviewed"

    went_well: Text
    to_improve: Text
    actions: tuple[Text, ...] = ()
