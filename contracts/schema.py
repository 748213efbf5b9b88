"""The JSON Schema of an event's body: what a reader may rely on, and whether a new one breaks what was promised.

Topics keep everything for ever, so both directions count: new readers meet old messages, old readers meet new ones.
A new optional field is the only difference that breaks neither; for anything else there is the event's next version.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic.json_schema import GenerateJsonSchema

from contracts.envelope import Event

DIALECT = "https://json-schema.org/draft/2020-12/schema"
HOME = "https://steward.example/schemas"
Schema = Mapping[str, Any]

_ANNOTATIONS = {"title", "description", "examples", "$comment", "$defs", "$id", "$schema", "deprecated"}
_FIELDS = {"properties", "required", "items", "additionalProperties", "propertyNames"}
_VALUES = {"$ref", "anyOf", "enum", "const"}
_LOWER = {"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"}
_UPPER = {"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"}


class Untitled(GenerateJsonSchema):
    """Without a `title` per field: it would only repeat the field's name."""

    def field_title_should_be_set(self, schema: Any) -> bool:
        return False


def schema_of(event: type[Event]) -> dict[str, Any]:
    """The JSON Schema 2020-12 of this event's body. Unknown fields are allowed: readers ignore them."""
    body = event.model_json_schema(schema_generator=Untitled)
    return {"$schema": DIALECT, "$id": f"{HOME}/{event.wire_type()}.json", **body}


def breaking(released: Mapping[str, Schema], current: Mapping[str, Schema]) -> list[str]:
    """What would break a reader of the released events: a sentence each, by wire type. Empty: all is well."""
    found: list[str] = []
    for wire, old in sorted(released.items()):
        if wire not in current:
            found.append(f"{wire}: the event is gone")
        else:
            found += [f"{wire}: {sentence}" for sentence in differences(old, current[wire])]
    return found


def differences(old: Schema, new: Schema) -> list[str]:
    """What is different between two schemas of one event, but for new optional fields and words for people."""
    return list(_compare(old, new, old, new, "the body"))


def _compare(old: Schema, new: Schema, olds: Schema, news: Schema, at: str) -> Iterator[str]:
    """`olds` and `news` are the whole documents, in which references are looked up; none refers to itself."""
    old, new = _resolved(old, olds), _resolved(new, news)
    yield from _fields(old, new, olds, news, at)
    yield from _values(old, new, at)
    yield from _bounds(old, new, at)
    yield from _alternatives(old, new, olds, news, at)
    for keyword in ("items", "additionalProperties", "propertyNames"):
        before, after = old.get(keyword, True), new.get(keyword, True)
        if isinstance(before, Mapping) and isinstance(after, Mapping):
            yield from _compare(before, after, olds, news, f"{keyword} of {at}")
        elif before != after:
            yield f"{keyword} of {at} is {_short(after)}, was {_short(before)}"
    for keyword in sorted((old.keys() | new.keys()) - _ANNOTATIONS - _FIELDS - _VALUES - _LOWER - _UPPER):
        if old.get(keyword) != new.get(keyword) or (keyword in old) != (keyword in new):
            yield f"{keyword} of {at} is {_short(new.get(keyword))}, was {_short(old.get(keyword))}"


def _fields(old: Schema, new: Schema, olds: Schema, news: Schema, at: str) -> Iterator[str]:
    before, after = old.get("properties", {}), new.get("properties", {})
    needed_before, needed_after = set(old.get("required", ())), set(new.get("required", ()))
    for name in before:
        path = name if at == "the body" else f"{at}.{name}"
        if name not in after:
            yield f"{path} is gone"
            continue
        if name in needed_after - needed_before:
            yield f"{path} is now required, and recorded messages may not have it"
        if name in needed_before - needed_after:
            yield f"{path} may now be absent, and readers rely on it"
        yield from _compare(before[name], after[name], olds, news, path)
    for name in sorted((after.keys() - before.keys()) & needed_after):
        path = name if at == "the body" else f"{at}.{name}"
        yield f"{path} is new and required, and recorded messages do not have it"


def _values(old: Schema, new: Schema, at: str) -> Iterator[str]:
    before, after = _allowed(old), _allowed(new)
    if before is None and after is None:
        return
    if before is None or after is None:
        yield f"{at} is {_short(after) if after else 'any value'}, was {_short(before) if before else 'any value'}"
        return
    for value in before:
        if value not in after:
            yield f"{at} may no longer be {value!r}, and recorded messages may have it"
    for value in after:
        if value not in before:
            yield f"{at} may now be {value!r}, and readers refuse it"


def _bounds(old: Schema, new: Schema, at: str) -> Iterator[str]:
    for keyword in sorted(_LOWER | _UPPER):
        before, after = old.get(keyword), new.get(keyword)
        if before == after:
            continue
        higher = after is not None and (before is None or after > before)
        tighter = higher if keyword in _LOWER else before is None or (after is not None and after < before)
        reason = "recorded messages may be outside" if tighter else "readers refuse what is outside the old one"
        yield f"{keyword} of {at} is {after}, was {before}, and {reason}"


def _alternatives(old: Schema, new: Schema, olds: Schema, news: Schema, at: str) -> Iterator[str]:
    before = {_kind(each, olds): each for each in old.get("anyOf", ())}
    after = {_kind(each, news): each for each in new.get("anyOf", ())}
    for kind in before:
        if kind in after:
            yield from _compare(before[kind], after[kind], olds, news, at)
        else:
            yield f"{at} may no longer be {kind}, and recorded messages may have it"
    for kind in after:
        if kind not in before:
            yield f"{at} may now be {kind}, and readers refuse it"


def _resolved(schema: Schema, document: Schema) -> Schema:
    """The schema behind a reference of the form #/$defs/Name, with what stands beside it."""
    if "$ref" not in schema:
        return schema
    target = document["$defs"][schema["$ref"].removeprefix("#/$defs/")]
    return {**target, **{keyword: value for keyword, value in schema.items() if keyword != "$ref"}}


def _allowed(schema: Schema) -> list[Any] | None:
    if "const" in schema:
        return [schema["const"]]
    return list(schema["enum"]) if "enum" in schema else None


def _kind(schema: Schema, document: Schema) -> str:
    """What tells one alternative from another: its type, and its format where it has one."""
    found = _resolved(schema, document)
    return " ".join(str(found[keyword]) for keyword in ("type", "format") if keyword in found)


def _short(value: Any) -> str:
    return "absent" if value is None else repr(value)
