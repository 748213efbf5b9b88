"""Topic `steward.problem`, keyed by known error id: what the incident desk may use meanwhile, ISO/IEC 20000-2 8.3."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.envelope import Event
from contracts.terms import Name, Number, Text, Title


class KnownErrorFact(Event):
    """What every event of a known error carries: the record after the event. Not an event itself.

    The incident desk offers it where an incident is about one of `items` or of `service`, or where its words match.
    Valid from `valid_from`, half open, until `valid_to`. Its number, for instance KE-7, is the message's subject.
    """

    topic: ClassVar[str] = "steward.problem"

    state: Literal["published", "retired"]
    problem: UUID
    problem_number: Number
    title: Title
    symptom: Text
    workaround: Text
    items: tuple[Name, ...] = ()
    service: Name | None = None
    category: Name | None = None
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None = None
    review_at: AwareDatetime


class KnownErrorPublished(KnownErrorFact):
    """A known error can be used from `valid_from` on."""

    name: ClassVar[str] = "known_error.published"


class KnownErrorRevised(KnownErrorFact):
    """A known error says something else than before, or is valid for another time."""

    name: ClassVar[str] = "known_error.revised"

    fields: tuple[Name, ...] = Field(min_length=1)


class KnownErrorRetired(KnownErrorFact):
    """A known error is not to be used any more."""

    name: ClassVar[str] = "known_error.retired"

    reason: Text


class KnownErrorReviewOverdue(KnownErrorFact):
    """The date on which somebody was to look at it again has passed."""

    name: ClassVar[str] = "known_error.review_overdue"
