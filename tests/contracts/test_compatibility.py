"""What breaks a reader: each kind of difference between two schemas of one event, by example."""

import json
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal
from uuid import UUID

import pytest
from pydantic import BaseModel, Field, create_model

from contracts.envelope import Event, registry
from contracts.publish import RELEASED, SCHEMAS, release, schemas
from contracts.schema import breaking, differences, schema_of
from tests.contracts.specifications import PROJECT


class Dropped(Event):
    """An event for comparisons."""

    topic: ClassVar[str] = "steward.test"
    name: ClassVar[str] = "event.dropped"


class Part(BaseModel):
    """A part of a body."""

    one: int


class LongerPart(BaseModel):
    """A part of a body, with a field more."""

    one: int
    two: int = 0


class OtherPart(BaseModel):
    """A part of a body, with another field."""

    one: str


class Two(StrEnum):
    """Two words, as a class instead of a Literal."""

    A = "a"
    B = "b"


def schema(**fields: Any) -> dict[str, Any]:
    """The schema of an event with these fields: a type, or a type and its default."""
    declared: dict[str, Any] = {
        name: field if isinstance(field, tuple) else (field, ...) for name, field in fields.items()
    }
    event: type[Event] = create_model("Dropped", __base__=Dropped, **declared)
    return schema_of(event)


def bounded(**bounds: int) -> Any:
    return Annotated[int, Field(**bounds)]  # type: ignore[call-overload]  # chosen at run time


def sized(**bounds: int) -> Any:
    return Annotated[list[int], Field(**bounds)]  # type: ignore[call-overload]  # chosen at run time


HARMLESS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "nothing": ({"a": int}, {"a": int}),
    "a new field with a default": ({"a": int}, {"a": int, "b": (str, "")}),
    "a new field that may be null": ({"a": int}, {"a": int, "b": (UUID | None, None)}),
    "a new field with a default inside a part": ({"a": Part}, {"a": LongerPart}),
    "a new field with a default inside the parts of a list": ({"a": list[Part]}, {"a": list[LongerPart]}),
    "another description": ({"a": int}, {"a": Annotated[int, Field(description="told")]}),
    "the same words from another class": ({"a": Literal["a", "b"]}, {"a": Two}),
    "the order of alternatives": ({"a": str | int}, {"a": int | str}),
}

BREAKING: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a removed field": ({"a": int, "b": int}, {"a": int}, "b is gone"),
    "a removed optional field": ({"a": int, "b": (int, 0)}, {"a": int}, "b is gone"),
    "a new required field": ({"a": int}, {"a": int, "b": int}, "b is new and required"),
    "a field that became required": ({"a": (int, 0)}, {"a": int}, "a is now required"),
    "a field that became optional": ({"a": int}, {"a": (int, 0)}, "a may now be absent"),
    "a renamed field": ({"a": (int, 0)}, {"b": (int, 0)}, "a is gone"),
    "another default": ({"a": (int, 0)}, {"a": (int, 1)}, "default of a is 1, was 0"),
    "another type": ({"a": int}, {"a": str}, "type of a is 'string', was 'integer'"),
    "a type that was narrowed": ({"a": float}, {"a": int}, "type of a is 'integer', was 'number'"),
    "another format": ({"a": str}, {"a": UUID}, "format of a is 'uuid', was absent"),
    "null no longer allowed": ({"a": int | None}, {"a": int}, "may no longer be null"),
    "null allowed": ({"a": int}, {"a": int | None}, "may now be null"),
    "an alternative less": ({"a": int | str | None}, {"a": int | None}, "a may no longer be string"),
    "an alternative more": ({"a": int | None}, {"a": int | str | None}, "a may now be string"),
    "another bound of an alternative": ({"a": bounded(le=3) | None}, {"a": bounded(le=2) | None}, "maximum of a is 2"),
    "a word less": ({"a": Literal["x", "y"]}, {"a": Literal["x"]}, "a may no longer be 'y'"),
    "a word more": ({"a": Literal["x"]}, {"a": Literal["x", "y"]}, "a may now be 'y'"),
    "words instead of any text": ({"a": str}, {"a": Literal["x", "y"]}, "a is ['x', 'y'], was any value"),
    "any text instead of words": ({"a": Literal["x", "y"]}, {"a": str}, "a is any value, was ['x', 'y']"),
    "a higher minimum": ({"a": bounded(ge=1)}, {"a": bounded(ge=2)}, "minimum of a is 2, was 1, and recorded"),
    "a lower minimum": ({"a": bounded(ge=1)}, {"a": bounded(ge=0)}, "minimum of a is 0, was 1, and readers refuse"),
    "a new minimum": ({"a": int}, {"a": bounded(gt=0)}, "exclusiveMinimum of a is 0, was None, and recorded"),
    "no minimum any more": ({"a": bounded(ge=1)}, {"a": int}, "minimum of a is None, was 1, and readers refuse"),
    "a lower maximum": ({"a": bounded(le=5)}, {"a": bounded(le=4)}, "maximum of a is 4, was 5, and recorded"),
    "a higher maximum": ({"a": bounded(le=5)}, {"a": bounded(le=6)}, "maximum of a is 6, was 5, and readers refuse"),
    "a new maximum": ({"a": int}, {"a": bounded(le=6)}, "maximum of a is 6, was None, and recorded"),
    "a shorter text": (
        {"a": Annotated[str, Field(max_length=9)]}, {"a": Annotated[str, Field(max_length=8)]}, "maxLength of a is 8",
    ),
    "another pattern": (
        {"a": Annotated[str, Field(pattern="^a")]}, {"a": Annotated[str, Field(pattern="^b")]}, "pattern of a is '^b'",
    ),
    "a longer list demanded": ({"a": sized(min_length=1)}, {"a": sized(min_length=2)}, "minItems of a is 2"),
    "another type in a list": ({"a": list[int]}, {"a": list[str]}, "type of items of a is 'string'"),
    "another type in a mapping": ({"a": dict[str, int]}, {"a": dict[str, str]}, "type of additionalProperties of a"),
    "a key less in a mapping": (
        {"a": dict[Literal["x", "y"], int]}, {"a": dict[Literal["x"], int]}, "propertyNames of a may no longer be 'y'",
    ),
    "a difference inside a part": ({"a": Part}, {"a": OtherPart}, "type of a.one is 'string'"),
    "a part instead of a number": ({"a": int}, {"a": Part}, "type of a is 'object', was 'integer'"),
}  # fmt: skip


@pytest.mark.parametrize(("old", "new"), HARMLESS.values(), ids=HARMLESS.keys())
def test_a_harmless_difference_is_none(old: dict[str, Any], new: dict[str, Any]) -> None:
    assert differences(schema(**old), schema(**new)) == []


@pytest.mark.parametrize(("old", "new", "sentence"), BREAKING.values(), ids=BREAKING.keys())
def test_a_breaking_difference_is_named(old: dict[str, Any], new: dict[str, Any], sentence: str) -> None:
    found = differences(schema(**old), schema(**new))
    assert any(sentence in each for each in found), found


def test_a_keyword_that_the_comparison_does_not_know_counts_as_breaking() -> None:
    assert differences({"type": "integer"}, {"type": "integer", "multipleOf": 5}) != []


def test_an_event_that_is_gone_breaks_its_readers_and_a_new_one_breaks_nobody() -> None:
    one, other = schema(a=int), schema(b=int)
    assert breaking({"steward.a.b.v1": one}, {"steward.a.b.v1": one, "steward.a.b.v2": other}) == []
    assert breaking({"steward.a.b.v1": one}, {"steward.a.b.v2": other}) == ["steward.a.b.v1: the event is gone"]


def test_the_current_events_do_not_break_readers_of_the_last_release() -> None:
    released = schemas(PROJECT / RELEASED)
    assert released, "contracts/released holds the schemas of the last release"
    assert breaking(released, {wire: schema_of(event) for wire, event in registry().items()}) == []


def test_a_release_keeps_the_schemas_of_that_day(tmp_path: Path) -> None:
    _put(tmp_path / SCHEMAS, {"steward.a.b.v1": schema(a=int)})
    release(tmp_path)
    _put(tmp_path / SCHEMAS, {"steward.a.b.v1": schema(a=int, b=(int, 0)), "steward.a.c.v1": schema()})
    release(tmp_path)
    assert schemas(tmp_path / RELEASED) == schemas(tmp_path / SCHEMAS)


def test_a_release_that_breaks_the_last_one_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    _put(tmp_path / SCHEMAS, {"steward.a.b.v1": schema(a=int)})
    release(tmp_path)
    before = schemas(tmp_path / RELEASED)
    _put(tmp_path / SCHEMAS, {"steward.a.b.v1": schema(a=str), "steward.a.c.v1": schema()})
    with pytest.raises(SystemExit, match="type of a is 'string'"):
        release(tmp_path)
    assert schemas(tmp_path / RELEASED) == before


def _put(folder: Path, documents: dict[str, dict[str, Any]]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for wire, document in documents.items():
        (folder / f"{wire}.json").write_text(json.dumps(document))
