"""The page of events for people, docs/guide/events.md, made from the event classes."""

from collections.abc import Iterator
from typing import Any

from contracts.attributes import ATTRIBUTES
from contracts.envelope import Event, registry
from contracts.schema import Untitled
from contracts.terms import Change

_INTRODUCTION = """# Events

<!-- Made by `make schemas` from contracts/; a test compares them. -->

What Steward's services tell each other and every other subscriber. Each topic belongs to one service and keeps
everything, so a subscriber that comes later starts at the beginning. Messages are CloudEvents 1.0 on Kafka in binary
mode: the body is JSON, the attributes are headers. The key is the record's id, so the events of one record keep their
order. Schemas are in [contracts/schemas](../../contracts/schemas), one real message of each event in
[contracts/examples](../../contracts/examples), and all of it as one AsyncAPI 3 document at `/asyncapi.json`.

Fields are only ever added, and readers ignore those that they do not know; anything else is the event's next version.
A `?` marks a field that may be absent or null.
"""


def catalogue() -> str:
    """The page as Markdown."""
    return "\n".join(_lines()) + "\n"


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## Attributes\n"
    yield "| header | meaning |\n| --- | --- |"
    for name, attribute in ATTRIBUTES.items():
        yield f"| `ce_{name}`{'' if attribute.required else '?'} | {attribute.meaning} |"
    topics: dict[str, list[type[Event]]] = {}
    for event in registry().values():
        topics.setdefault(event.topic, []).append(event)
    for topic, events in sorted(topics.items()):
        yield f"\n## Topic `{topic}`\n"
        for fact in _facts(events):
            heirs = ", ".join(f"`{event.name}`" for event in events if issubclass(event, fact))
            yield f"{_words(fact)}\n\nThese fields are in {heirs}: {_fields(fact)}\n"
        yield "| event | when it is true, and who cares | fields |\n| --- | --- | --- |"
        for event in events:
            yield f"| `{event.wire_type()}` | {_words(event)} | {_fields(event, _shared(event))} |"


def _facts(events: list[type[Event]]) -> list[type[Event]]:
    """The classes that several of these events have in common."""
    return sorted({fact for event in events if (fact := _shared(event)) is not Event}, key=lambda fact: fact.__name__)


def _shared(event: type[Event]) -> type[Event]:
    return next(base for base in event.__mro__[1:] if issubclass(base, Event) and not hasattr(base, "name"))


def _words(event: type[Event]) -> str:
    return " ".join((event.__doc__ or "").split()).replace("|", "\\|")


def _fields(event: type[Event], without: type[Event] = Event) -> str:
    schema = event.model_json_schema(schema_generator=Untitled)
    required = schema.get("required", [])
    told = [
        f"`{name}`{'' if name in required else '?'} {_form(field, schema)}"
        for name, field in schema.get("properties", {}).items()
        if name not in without.model_fields
    ]
    return "; ".join(told) or "–"


def _form(field: dict[str, Any], document: dict[str, Any]) -> str:
    """A field's form in a word or two."""
    if "$ref" in field:
        name = field["$ref"].removeprefix("#/$defs/")
        if name == Change.__name__:
            return "before and after"
        parts = document["$defs"][name]["properties"]
        return "{" + ", ".join(f"{part} {_form(form, document)}" for part, form in parts.items()) + "}"
    if "anyOf" in field:
        return " or ".join(_form(each, document) for each in field["anyOf"] if each.get("type") != "null")
    if "const" in field or "enum" in field:
        return " \\| ".join(str(value) for value in field.get("enum", [field.get("const")]))
    if field["type"] == "array":
        return f"list of {_form(field['items'], document)}"
    if field["type"] == "object":
        return f"by {_keys(field)}: {_form(field['additionalProperties'], document)}"
    if "minimum" in field and "maximum" in field:
        return f"{field['minimum']} to {field['maximum']}"
    formats = {"date-time": "instant", "uuid": "id", "date": "date"}
    words = {"string": "text", "integer": "whole number", "number": "number", "boolean": "yes or no"}
    return formats.get(field.get("format", ""), words[field["type"]])


def _keys(field: dict[str, Any]) -> str:
    return " \\| ".join(field.get("propertyNames", {}).get("enum", ["name"]))
