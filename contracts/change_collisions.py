"""Topic `steward.change`, keyed by change id: what else is planned or forbidden where a change is."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime

from contracts.change import ChangeFact
from contracts.terms import Name, Number, Text

Collision = Literal["same-item", "dependent-item", "same-team", "freeze", "major-incident", "outside-window"]


class CollisionFact(ChangeFact):
    """A collision of this change. Not an event itself.

    `collision` identifies it, with its instants: another window makes another collision. `other` and `other_number` are
    the other change; `items` of the message are this change's, `path` the items from one of them to the other's.
    `with_what` names the freeze, major incident, team or agreed window, where it is one.
    """

    collision: UUID | None = None
    kind: Collision
    other: UUID | None = None
    other_number: Number | None = None
    with_what: Name | None = None
    path: tuple[Name, ...] = ()
    overlap_start: AwareDatetime
    overlap_end: AwareDatetime


class CollisionFound(CollisionFact):
    """Something else is planned, or forbidden, where and when this change is planned."""

    name: ClassVar[str] = "collision.found"


class CollisionAcknowledged(CollisionFact):
    """Somebody who answers for changes knows of the collision and says why the change may stay where it is."""

    name: ClassVar[str] = "collision.acknowledged"

    reason: Text
