"""Who did something, when and why it happened, and the answer that a repeated request gets again."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.envelope import Event


@dataclass(frozen=True, slots=True)
class Cause:
    """What the event log keeps beside each event.

    `occurred` is when it happened, `recorded` when it was written down (they differ for history and for deadlines
    found late). `correlation` is shared by everything one first cause led to; `causation` is the event that led here.
    """

    actor: str
    occurred: datetime
    recorded: datetime
    correlation: UUID
    causation: UUID | None = None
    traceparent: str | None = None
    historical: bool = False


@dataclass(frozen=True, slots=True)
class Answer:
    """The stored answer of a request with an Idempotency-Key. `fingerprint` tells whether it is the same request."""

    caller: str
    key: str
    fingerprint: bytes
    status: int
    body: str


@dataclass(frozen=True, slots=True)
class Fact:
    """One event on its way into the log, with the record it belongs to."""

    event: Event
    cause: Cause


def texts(events: Sequence[Event]) -> list[str]:
    """The bodies as JSON text, as they are recorded and sent."""
    return [event.model_dump_json() for event in events]
