"""What few records have, as lists in one column each: the shape of their items, and how a list becomes another one.

A list is never changed in place: whoever refuses a command half way puts the record's old values back.
"""

from collections.abc import Sequence
from typing import Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict

Item = dict[str, Any]
# More of one kind on one record is no work of people.
MOST = 200


class Particular(BaseModel):
    model_config = ConfigDict(frozen=True)


class Outage(Particular):
    """When a service could not be used, half open; without `ended_at` it goes on."""

    outage: UUID
    service: str
    ci: str | None
    began_at: AwareDatetime
    ended_at: AwareDatetime | None
    degree: Literal["down", "degraded"]
    planned: bool


class AppliedWorkaround(Particular):
    """A known error whose workaround was used, and whether it helped."""

    known_error: UUID
    number: str
    helped: bool
    at: AwareDatetime


class Suspect(Particular):
    """A change that may have caused the incident, did, or did not; `path` are the items from one to the other."""

    change: UUID
    number: str
    status: Literal["suspected", "confirmed", "dismissed"]
    by: Literal["hand", "proposal"]
    path: tuple[str, ...]
    minutes_after: int | None


def item(particular: Particular) -> Item:
    return particular.model_dump(mode="json")


def found(items: Sequence[Item] | None, key: str, value: UUID) -> Item | None:
    return next((each for each in items or () if each[key] == str(value)), None)


def put(items: Sequence[Item] | None, key: str, new: Item) -> list[Item]:
    """The list with this item in the place of the one of the same key, or at its end."""
    kept = list(items or ())
    places = [place for place, each in enumerate(kept) if each[key] == new[key]]
    if not places:
        return [*kept, new]
    kept[places[0]] = new
    return kept


def without(items: Sequence[Item] | None, key: str, value: UUID) -> list[Item] | None:
    return [each for each in items or () if each[key] != str(value)] or None
