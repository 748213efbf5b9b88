"""What every event carries, and the two forms it travels in.

An `Event` is the body: a fact in the past tense, one class per name and version. A `Message` is a recorded event: the
body's JSON text with its CloudEvents 1.0 attributes, as the event log stores it and as the buses hand it on.
"""

import importlib
import pkgutil
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from types import MappingProxyType
from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """A fact. Subclasses set `topic`, `name` and `version`: the identity on the wire, whatever the class is called.

    Fields are only ever added, with a default; anything else is a new class with the next version. Readers ignore
    fields they do not know.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    topic: ClassVar[str]
    name: ClassVar[str]
    version: ClassVar[int] = 1

    @classmethod
    def wire_type(cls) -> str:
        """The CloudEvents `type`, for instance `steward.incident.closed.v1`."""
        return f"steward.{cls.name}.v{cls.version}"


@dataclass(frozen=True, slots=True)
class Message:
    """One recorded event.

    `data` is the body as JSON text, exactly as it was recorded. `sequence` counts the events of one aggregate from 1
    without gaps. `position` is the place in the producer's log, from 1 without gaps, in commit order. Instants are
    aware UTC. `historical` marks facts that were played in from another system's past.
    """

    id: UUID
    source: str
    type: str
    subject: str
    aggregate_id: UUID
    sequence: int
    occurred: datetime
    recorded: datetime
    actor: str
    correlation: UUID
    causation: UUID | None
    traceparent: str | None
    organisation: str | None
    historical: bool
    position: int
    data: str

    def headers(self) -> list[tuple[str, bytes]]:
        """The attributes as Kafka headers, CloudEvents Kafka binding 1.0.2, binary content mode."""
        attributes = {
            "specversion": "1.0",
            "id": str(self.id),
            "source": self.source,
            "type": self.type,
            "subject": self.subject,
            "time": instant_text(self.occurred),
            "partitionkey": str(self.aggregate_id),
            "sequence": str(self.sequence),
            "recordedtime": instant_text(self.recorded),
            "actor": self.actor,
            "correlationid": str(self.correlation),
            "causationid": str(self.causation) if self.causation else None,
            "traceparent": self.traceparent,
            "organisation": self.organisation,
            "historical": "true" if self.historical else None,
            "logposition": str(self.position),
        }
        named = [(f"ce_{name}", value.encode()) for name, value in attributes.items() if value is not None]
        return [("content-type", b"application/json"), *named]

    @classmethod
    def from_headers(cls, headers: dict[str, bytes], value: bytes) -> "Message":
        """The reverse of `headers`. Raises ValueError that names the attribute which is absent or unreadable."""

        def attribute(name: str) -> str:
            try:
                return headers[f"ce_{name}"].decode()
            except KeyError:
                raise ValueError(f"no attribute {name!r}") from None

        def optional(name: str) -> str | None:
            found = headers.get(f"ce_{name}")
            return found.decode() if found is not None else None

        causation = optional("causationid")
        return cls(
            id=UUID(attribute("id")),
            source=attribute("source"),
            type=attribute("type"),
            subject=attribute("subject"),
            aggregate_id=UUID(attribute("partitionkey")),
            sequence=int(attribute("sequence")),
            occurred=datetime.fromisoformat(attribute("time")),
            recorded=datetime.fromisoformat(attribute("recordedtime")),
            actor=attribute("actor"),
            correlation=UUID(attribute("correlationid")),
            causation=UUID(causation) if causation else None,
            traceparent=optional("traceparent"),
            organisation=optional("organisation"),
            historical=optional("historical") == "true",
            position=int(attribute("logposition")),
            data=value.decode(),
        )


def instant_text(instant: datetime) -> str:
    """RFC 3339 in UTC with the suffix Z and microseconds only where there are any."""
    return instant.astimezone(UTC).isoformat().replace("+00:00", "Z")


@cache
def registry() -> MappingProxyType[str, type[Event]]:
    """Every event class of `contracts`, by its wire type. Raises ValueError where two classes claim one type.

    A class without a `name` is what several events have in common, not an event.
    """
    package = importlib.import_module("contracts")
    for module in pkgutil.iter_modules(package.__path__):
        importlib.import_module(f"contracts.{module.name}")
    classes: dict[str, type[Event]] = {}
    for cls in _subclasses(Event):
        if not cls.__module__.startswith("contracts.") or not hasattr(cls, "name"):
            continue
        if cls.wire_type() in classes:
            raise ValueError(f"{cls.__name__} and {classes[cls.wire_type()].__name__} are both {cls.wire_type()}")
        classes[cls.wire_type()] = cls
    return MappingProxyType(dict(sorted(classes.items())))


def events_of(fact: type[Event]) -> tuple[type[Event], ...]:
    """Every event class that carries these facts, by wire type."""
    return tuple(cls for cls in registry().values() if issubclass(cls, fact))


def _subclasses(cls: type[Event]) -> Iterator[type[Event]]:
    for child in cls.__subclasses__():
        yield child
        yield from _subclasses(child)
