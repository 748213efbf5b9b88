"""Types of configuration items as versioned documents: what an item of a type must say, and may say (CFG-1)."""

import math
from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

ITEM_TYPE = "cmdb/ItemType"
Nature = Literal["service", "component", "team"]
Control = Literal["free", "flag", "refuse"]
Kind = Literal["text", "integer", "number", "boolean"]
Value = str | int | float | bool | None
Name = Annotated[str, Field(min_length=1, max_length=200)]
Label = Annotated[str, Field(pattern=r"^[A-Za-z][A-Za-z0-9_-]{0,99}$")]
LONGEST = 2000
# What JSON's readers agree on (RFC 8259, 6): beyond it a number is another one for some of them.
LARGEST = 2**53 - 1


class Attribute(BaseModel):
    """What a type says of one of its attributes. `choices`, of a text: the values it may have; none: any."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    kind: Kind
    required: bool = False
    choices: Annotated[tuple[Name, ...], Field(max_length=200)] = ()

    @model_validator(mode="after")
    def of_texts(self) -> "Attribute":
        if self.choices and self.kind != "text":
            raise ValueError("only a text has choices")
        return self


class ItemType(BaseModel):
    """One type. `nature`: a service, a component of one, or the people who run it. `required`: the fields that every
    item of it has. `control`: whether a change of an item in service needs an approved change: not (free), is flagged
    without one (flag), or is refused (refuse)."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    nature: Nature
    control: Control = "free"
    required: tuple[Literal["title", "owner", "supplier", "location", "item_version", "criticality", "links"], ...] = ()
    attributes: Annotated[dict[Label, Attribute], Field(max_length=100)] = Field(default_factory=dict)


def faults(terms: ItemType, fields: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(field, message) for everything in which an item with these fields does not obey its type."""
    found: list[tuple[str, str]] = [
        (name, "items of this type need it") for name in terms.required if fields.get(name) in (None, (), [])
    ]
    attributes: Mapping[str, Value] = fields["attributes"]
    found += [(f"attributes.{name}", message) for name, value in attributes.items()
              if (message := fault(terms.attributes.get(name), value))]  # fmt: skip
    found += [(f"attributes.{name}", "items of this type need it") for name, each in terms.attributes.items()
              if each.required and attributes.get(name) is None]  # fmt: skip
    return found


def fault(terms: Attribute | None, value: Value) -> str | None:
    """What is wrong with one attribute's value."""
    if terms is None:
        return "this type has no such attribute"
    if not of_kind(terms.kind, value):
        return f"this is a value of the kind {terms.kind}"
    if isinstance(value, str) and len(value) > LONGEST:
        return f"at most {LONGEST} characters"
    if terms.choices and value not in terms.choices:
        return f"one of {', '.join(terms.choices)}"
    return None


def of_kind(kind: Kind, value: Value) -> bool:
    match kind:
        case "text":
            return isinstance(value, str)
        case "boolean":
            return isinstance(value, bool)
        case "integer":
            return isinstance(value, int) and not isinstance(value, bool) and abs(value) <= LARGEST
        case "number":
            # An integer is a number too, a boolean is Python's idea of one.
            plain = isinstance(value, int | float) and not isinstance(value, bool)
            return plain and math.isfinite(value) and abs(value) <= LARGEST  # type: ignore[arg-type]
    raise AssertionError(kind)
