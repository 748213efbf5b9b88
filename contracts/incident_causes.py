"""Topic `steward.incident`: what helps to find out why: known errors that were tried, changes that are suspected."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import Field

from contracts.incident import IncidentFact
from contracts.terms import Name, Number, Text


class WorkaroundApplied(IncidentFact):
    """The workaround of a known error was used on this record. `helped`: whether it restored the service."""

    name: ClassVar[str] = "workaround.applied"

    known_error: UUID
    known_error_number: Number
    helped: bool
    note: Text = ""


class ChangeSuspected(IncidentFact):
    """A change may have caused this: a person says so, or it fits by time and by the items between the two.

    `path` are the items from one that the change altered to the one that this record is about.
    """

    name: ClassVar[str] = "cause.change_suspected"

    change: UUID
    change_number: Number
    by: Literal["hand", "proposal"]
    path: tuple[Name, ...] = ()
    minutes_after: int | None = Field(default=None, ge=0)
    reason: Text = ""


class ChangeConfirmed(IncidentFact):
    """It is certain that the change caused this. Change and release management count it against the change."""

    name: ClassVar[str] = "cause.change_confirmed"

    change: UUID
    change_number: Number
    reason: Text = ""


class ChangeDismissed(IncidentFact):
    """The change that was suspected did not cause this."""

    name: ClassVar[str] = "cause.change_dismissed"

    change: UUID
    change_number: Number
    reason: Text
