"""What each verb needs to be told: the bodies of the API's commands, with their bounds."""

from typing import Annotated, Literal

from pydantic import Field

from services.cmdb.rules.relationships import Kind
from shared.orders import Degree, Name, Order, Text, Title, Words

Number = Annotated[str, Field(pattern=r"^[A-Z]{2,5}-[1-9][0-9]*$", max_length=24)]
Label = Annotated[str, Field(min_length=1, max_length=100)]
Value = str | int | float | bool | None
Attributes = Annotated[dict[Label, Value], Field(max_length=100)]
Links = Annotated[tuple[Annotated[str, Field(min_length=1, max_length=2000)], ...], Field(max_length=50)]
Present = Literal["planned", "test", "live", "maintenance"]

FIELDS = ("title", "owner", "supplier", "location", "item_version", "criticality", "links")
"""What every item may say beside its type's attributes."""


class Fields(Order):
    """What an item says of itself; which of it is needed, and which attributes there are, is its type's to say."""

    title: Title | None = None
    owner: Name | None = None
    supplier: Name | None = None
    location: Name | None = None
    item_version: Name | None = None
    criticality: Degree | None = None
    links: Links = ()
    attributes: Attributes = Field(default_factory=dict)


class Register(Fields):
    """A new item. Its name is what everybody calls it by from now on; it cannot be changed."""

    name: Name
    type: Name
    status: Present = "planned"
    source: Name = "manual"


class Controlled(Order):
    """`change`: the approved change that allows this, for instance CHG-17. Items in service may need one."""

    change: Number | None = None


class Move(Controlled):
    reason: Text = ""


class Retire(Controlled):
    """`force`: why it is retired although items in service still depend on it."""

    reason: Text = ""
    force: Words | None = None


class Edit(Controlled):
    """A field or attribute that is not sent stays as it is; null takes it away."""

    title: Title | None = None
    owner: Name | None = None
    supplier: Name | None = None
    location: Name | None = None
    item_version: Name | None = None
    criticality: Degree | None = None
    links: Links | None = None
    attributes: Attributes | None = None


class Add(Controlled):
    """`source` and `target` are the names of items: source runs-on target."""

    source: Name
    kind: Kind
    target: Name


class Remove(Controlled):
    reason: Text = ""


class EstateItem(Fields):
    """An item as the estate has it. A new one is live unless it says otherwise; of one that is there already, what is
    not sent stays as it is, and null takes away."""

    name: Name
    type: Name
    status: Present | None = None


class EstateRelationship(Order):
    source: Name
    kind: Kind
    target: Name


class Estate(Controlled):
    """What a source knows. With `prune` it is all that the source knows: what came from it before and is not here any
    more is retired and ended, with `force` even where items in service depend on it. `change` allows altering items
    that are under change control; an estate is held to it like everybody."""

    source: Name
    items: Annotated[tuple[EstateItem, ...], Field(max_length=20_000)] = ()
    relationships: Annotated[tuple[EstateRelationship, ...], Field(max_length=60_000)] = ()
    prune: bool = False
    force: Words | None = None
