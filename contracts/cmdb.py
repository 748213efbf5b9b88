"""Topic `steward.cmdb`, keyed by item or relationship: what there is and what depends on what, ISO/IEC 20000-2 9.1.

An item's name is its identity for people: unique, never changed, and what other services' records call it by (`ci`).
Every event repeats the item or relationship as it is after the event, so that a reader can keep its own copy of the
graph. The message's time is the instant from which it holds.
"""

from typing import Annotated, ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from contracts.envelope import Event
from contracts.terms import Degree, Name, Number, Text, Title, Version

TOPIC = "steward.cmdb"
Status = Literal["planned", "test", "live", "maintenance", "retired"]
Nature = Literal["service", "component", "team"]
RelationshipKind = Literal["runs-on", "depends-on", "part-of", "supports", "owned-by"]
Control = Literal["free", "flag", "refuse"]
Value = str | int | float | bool | None
"""What an attribute of an item may hold."""
Attributes = dict[Annotated[str, Field(max_length=100)], Value]


class ItemFact(Event):
    """What every event of a configuration item carries: the item after the event. Not an event itself.

    `nature` says whether it is a service, a component of one, or the people who run it. `attributes` are those that the
    item's type declares beside the fields here. The item's number, for instance CI-1042, is the message's subject.
    """

    topic: ClassVar[str] = TOPIC

    ci: Name
    type: Name
    type_version: Version
    nature: Nature
    status: Status
    title: Title | None = None
    owner: Name | None = None
    supplier: Name | None = None
    location: Name | None = None
    item_version: Name | None = None
    criticality: Degree | None = None
    source: Name
    links: tuple[Annotated[str, Field(max_length=2000)], ...] = ()
    attributes: Attributes = Field(default_factory=dict)


class ItemRegistered(ItemFact):
    """A configuration item is under control from now on; records may name it."""

    name: ClassVar[str] = "ci.registered"


class FieldChange(BaseModel):
    """One field or attribute (`attributes.<name>`) before and after; several values are a text, one a line."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    before: Value = None
    after: Value = None


class ItemChanged(ItemFact):
    """Fields or attributes of an item are others than before. `change` is the change that allowed it, if one did."""

    name: ClassVar[str] = "ci.changed"

    changes: dict[str, FieldChange] = Field(min_length=1)
    change: Number | None = None


class ItemStatusChanged(ItemFact):
    """An item went on in its life: taken into service, into maintenance, retired."""

    name: ClassVar[str] = "ci.status_changed"

    previous_status: Status
    change: Number | None = None
    reason: Text = ""


class UnauthorisedChangeFound(ItemFact):
    """A controlled item was changed although no approved change covers it; somebody has to answer for it."""

    name: ClassVar[str] = "ci.unauthorised_change"

    fields: tuple[Name, ...] = Field(min_length=1)


class RelationshipFact(Event):
    """A directed relationship between two items. Not an event itself.

    `source` stands in the relationship `kind` to `target` (source runs-on target). Whatever the kind, a failure of
    `provider` is felt by `dependent`: that is the direction in which impact is followed. `origin` is the estate that it
    was imported with; `change` is the change that allowed what this event tells, if one did.
    """

    topic: ClassVar[str] = TOPIC

    kind: RelationshipKind
    source: UUID
    source_ci: Name
    target: UUID
    target_ci: Name
    provider: UUID
    dependent: UUID
    valid_from: AwareDatetime
    valid_to: AwareDatetime | None = None
    origin: Name | None = None
    change: Number | None = None


class RelationshipAdded(RelationshipFact):
    """The relationship holds from `valid_from` on."""

    name: ClassVar[str] = "relationship.added"


class RelationshipRemoved(RelationshipFact):
    """The relationship held until `valid_to`, and does not hold from that instant on."""

    name: ClassVar[str] = "relationship.removed"

    reason: Text = ""


class AttributeTerms(BaseModel):
    """What a type says of one of its attributes. `choices` are the values it may have; none: any of its kind."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    attribute: Name
    kind: Literal["text", "integer", "number", "boolean"]
    required: bool = False
    choices: tuple[Name, ...] = ()


class ItemTypeVersioned(Event):
    """A version of a type of configuration items was applied; items that are written from `effective_from` on obey it.

    `control`: whether a change of a live item needs an approved change: not, is flagged without one, or is refused.
    `required` are the fields of every item that this type makes mandatory.
    """

    topic: ClassVar[str] = TOPIC
    name: ClassVar[str] = "ci_type.versioned"

    type: Name
    type_version: Version
    effective_from: AwareDatetime
    nature: Nature
    control: Control
    required: tuple[Name, ...] = ()
    attributes: tuple[AttributeTerms, ...] = ()
