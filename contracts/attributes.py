"""The CloudEvents attributes of every message, as readers see them: names, forms and meanings."""

from types import MappingProxyType
from typing import Any, NamedTuple

_INSTANT = {"type": "string", "format": "date-time"}
_ID = {"type": "string", "format": "uuid"}
_COUNT = {"type": "string", "pattern": "^[1-9][0-9]*$"}
_WORDS = {"type": "string", "minLength": 1}


class Attribute(NamedTuple):
    """`schema` is that of the text in the header `ce_<name>`."""

    schema: dict[str, Any]
    meaning: str
    required: bool = True


ATTRIBUTES = MappingProxyType({
    "specversion": Attribute({"const": "1.0"}, "The version of CloudEvents."),
    "id": Attribute(_ID, "The event's id, a UUIDv7. The same event sent again has the same one."),
    "source": Attribute({"type": "string", "format": "uri-reference"}, "The service that says so: /steward/incident."),
    "type": Attribute({"type": "string", "pattern": r"^steward\.[a-z_]+\.[a-z_]+\.v[1-9][0-9]*$"},
                      "Which event of this catalogue it is, with its version."),
    "subject": Attribute(_WORDS, "The record's number for people: INC-1042; a policy's name."),
    "time": Attribute(_INSTANT, "When it became true."),
    "partitionkey": Attribute(_ID, "The record's id, also the message key: events of one record keep their order."),
    "sequence": Attribute(_COUNT, "Counts the events of one record from 1 without gaps."),
    "recordedtime": Attribute(_INSTANT, "When Steward recorded it."),
    "actor": Attribute(_WORDS, "Who did it: the subject of a token, or a service."),
    "correlationid": Attribute(_ID, "The same for everything that follows from one command."),
    "causationid": Attribute(_ID, "The event that this one follows from directly.", required=False),
    "traceparent": Attribute(_WORDS, "The W3C trace context of the command.", required=False),
    "organisation": Attribute(_WORDS, "The customer whose record it is.", required=False),
    "historical": Attribute({"const": "true"}, "A fact of another system's past that was played in.", required=False),
    "logposition": Attribute(_COUNT, "The place in the service's event log, from 1 without gaps, in commit order."),
})  # fmt: skip
