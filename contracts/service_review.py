"""Topic `steward.sla`: reviews of agreements, what they agree on, and what is said of breaches, ISO/IEC 20000-2 6.1."""

from datetime import date
from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.envelope import Event
from contracts.terms import Name, Number, Text, Title, Version


class ServiceReviewFact(Event):
    """What every event of a review carries, keyed by review id: the review after the event. Not an event itself.

    Its number, for instance REV-7, is the message's subject.
    """

    topic: ClassVar[str] = "steward.sla"

    state: Literal["planned", "held", "cancelled"]
    agreement: Name
    agreement_version: Version
    due_on: date


class ServiceReviewPlanned(ServiceReviewFact):
    """The agreement's parties are to review it on `due_on`, as it says itself."""

    name: ClassVar[str] = "service_review.planned"


class ServiceReviewHeld(ServiceReviewFact):
    """It was reviewed. What was agreed is told as `agreed_action.raised`."""

    name: ClassVar[str] = "service_review.held"

    held_on: date
    participants: tuple[Name, ...] = Field(min_length=1)
    notes: Text = ""


class ServiceReviewCancelled(ServiceReviewFact):
    """It will not be held: the agreement has other dates now or is over, or somebody says why."""

    name: ClassVar[str] = "service_review.cancelled"

    reason: Text


class AgreedActionFact(Event):
    """What every event of an action carries, keyed by action id: the action after the event. Not an event itself.

    `source` is the review or the breach that it comes from. Its number, for instance ACT-7, is the message's subject.
    """

    topic: ClassVar[str] = "steward.sla"

    state: Literal["open", "done", "dropped"]
    source: Literal["review", "breach"]
    source_id: UUID
    source_number: Number
    agreement: Name
    title: Title
    owner: Name
    due_on: date


class AgreedActionRaised(AgreedActionFact):
    """Somebody has to do this by `due_on`."""

    name: ClassVar[str] = "agreed_action.raised"


class AgreedActionRevised(AgreedActionFact):
    """Another owner or day was agreed on."""

    name: ClassVar[str] = "agreed_action.revised"

    previous_owner: Name
    previous_due_on: date
    reason: Text


class AgreedActionOverdue(AgreedActionFact):
    """The day by which it was to be done has passed."""

    name: ClassVar[str] = "agreed_action.overdue"


class AgreedActionCompleted(AgreedActionFact):
    """It is done."""

    name: ClassVar[str] = "agreed_action.completed"

    result: Text


class AgreedActionDropped(AgreedActionFact):
    """It will not be done, and the reason says why."""

    name: ClassVar[str] = "agreed_action.dropped"

    reason: Text


class BreachExplained(Event):
    """Why a promise was not kept, and what is done so that it does not happen again. A later one replaces it.

    `of` says whether a clock was missed or a measurement; `missed` is its id, `missed_number` what people call it.
    """

    topic: ClassVar[str] = "steward.sla"
    name: ClassVar[str] = "breach.explained"

    of: Literal["clock", "measurement"]
    missed: UUID
    missed_number: Name
    agreement: Name
    target: Name
    service: Name | None = None
    cause: Text
    corrective_action: Text
    action: UUID | None = None
