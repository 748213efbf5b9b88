"""All topics and events as one AsyncAPI 3.0 document, made from the event classes and from who subscribes to what."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from pydantic.json_schema import JsonSchemaMode, models_json_schema

from contracts.attributes import ATTRIBUTES
from contracts.envelope import Event, Message, registry
from contracts.schema import Untitled
from contracts.story import examples

_BINDING = "0.5.0"
_MODE: JsonSchemaMode = "validation"


def document(services: Mapping[str, Sequence[str]], version: str) -> dict[str, Any]:
    """The document for these services, by name, with the topics that each subscribes to. `version` is the product's.

    Each service sends the topic of its name, `steward.<service>`, where the catalogue has it. Raises KeyError for a
    subscription to a topic that the catalogue does not have.
    """
    events = registry()
    topics: dict[str, list[type[Event]]] = {}
    for event in events.values():
        topics.setdefault(event.topic, []).append(event)
    _, schemas = models_json_schema(
        [(event, _MODE) for event in events.values()],
        ref_template="#/components/schemas/{model}",
        schema_generator=Untitled,
    )
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Steward",
            "version": version,
            "description": (
                "What happened, as Steward's services tell each other and every other subscriber: CloudEvents 1.0 on "
                "Kafka in binary mode. Topics keep everything, so a new subscriber starts at the beginning."
            ),
            "license": {"name": "Apache-2.0", "url": "https://www.apache.org/licenses/LICENSE-2.0"},
            "tags": [{"name": topic} for topic in sorted(topics)],
        },
        "defaultContentType": "application/json",
        "channels": {topic: _channel(topic, topics[topic]) for topic in sorted(topics)},
        "operations": dict(_operations(services, topics)),
        "components": {
            "messages": {wire: _message(event) for wire, event in events.items()},
            "schemas": {"CloudEvent": _headers(), **dict(sorted(schemas["$defs"].items()))},
        },
    }


def _channel(topic: str, events: Sequence[type[Event]]) -> dict[str, Any]:
    return {
        "address": topic,
        "description": f"Everything that the service {topic.removeprefix('steward.')} makes known, in order per key.",
        "messages": {each.wire_type(): {"$ref": f"#/components/messages/{each.wire_type()}"} for each in events},
        "bindings": {
            "kafka": {
                "topic": topic,
                "topicConfiguration": {"cleanup.policy": ["delete"], "retention.ms": -1},
                "bindingVersion": _BINDING,
            }
        },
    }


def _operations(
    services: Mapping[str, Sequence[str]], topics: Mapping[str, Sequence[type[Event]]]
) -> list[tuple[str, dict[str, Any]]]:
    """By service: what it sends, then each topic it subscribes to."""
    operations = []
    for service, subscribed in sorted(services.items()):
        if f"steward.{service}" in topics:
            operations.append((f"{service}.send", _operation("send", f"steward.{service}", topics)))
        for topic in sorted(subscribed):
            receive = _operation("receive", topic, topics)
            group = {"groupId": {"type": "string", "enum": [service]}, "bindingVersion": _BINDING}
            operations.append((f"{service}.receive.{topic}", {**receive, "bindings": {"kafka": group}}))
    return operations


def _operation(action: str, topic: str, topics: Mapping[str, Sequence[type[Event]]]) -> dict[str, Any]:
    return {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic}"},
        "messages": [{"$ref": f"#/channels/{topic}/messages/{each.wire_type()}"} for each in topics[topic]],
    }


def _message(event: type[Event]) -> dict[str, Any]:
    wire = event.wire_type()
    summary, _, rest = (event.__doc__ or "").strip().partition("\n")
    example = examples().get(wire)
    return {
        "name": wire,
        "title": event.__name__,
        "summary": summary,
        **({"description": "\n".join(line.strip() for line in rest.strip().splitlines())} if rest.strip() else {}),
        "contentType": "application/json",
        "tags": [{"name": event.topic}],
        "headers": {
            "type": "object",
            "allOf": [{"$ref": "#/components/schemas/CloudEvent"}],
            "properties": {"ce_type": {"const": wire}},
        },
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "correlationId": {"location": "$message.header#/ce_correlationid"},
        "bindings": {"kafka": {"key": {"type": "string", "format": "uuid"}, "bindingVersion": _BINDING}},
        **({"examples": [_example(example)]} if example else {}),
    }


def _headers() -> dict[str, Any]:
    """The message headers, CloudEvents Kafka binding 1.0.2, 3.2.3; Kafka carries them as UTF-8."""
    properties = {f"ce_{name}": {**each.schema, "description": each.meaning} for name, each in ATTRIBUTES.items()}
    return {
        "type": "object",
        "description": "CloudEvents 1.0 attributes of a message, binary content mode",
        "properties": {"content-type": {"const": "application/json"}, **properties},
        "required": ["content-type", *(f"ce_{name}" for name, each in ATTRIBUTES.items() if each.required)],
    }


def _example(message: Message) -> dict[str, Any]:
    headers = {name: value.decode() for name, value in message.headers()}
    return {"name": message.subject, "headers": headers, "payload": json.loads(message.data)}
