"""What both buses look like to the code that uses them: `shared.memory` in one process, `shared.kafka` between many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from contracts.envelope import Message


class BusDown(Exception):
    """The bus did not answer in time. What was handed over may or may not have arrived: hand it over again."""


class MessageRefused(Exception):
    """The bus will never take this message as it is (it is larger than the cluster's bound)."""


@dataclass(frozen=True, slots=True)
class Arrival:
    """One message as it came in.

    `message` is None where it cannot be read as a CloudEvent; `fault` then says why, and the raw parts are kept for
    the dead letter. A bus that hands messages on as they are leaves the raw parts out.
    """

    topic: str
    partition: int
    offset: int
    message: Message | None
    fault: str | None
    key: bytes | None
    headers: tuple[tuple[str, bytes], ...]
    value: bytes | None


class Subscription(Protocol):
    """One consumer group's share of some topics."""

    async def batch(self, limit: int, wait: float) -> list[Arrival]:
        """Up to `limit` arrivals, in order per key; empty after `wait` seconds without any. Raises BusDown."""

    async def done(self, arrivals: Sequence[Arrival]) -> None:
        """The effects of these are committed: never hand them out again to this group. Raises BusDown."""

    async def close(self) -> None:
        """Leave, within five seconds, whatever the bus does."""

    def lag(self) -> int:
        """Messages known to exist and not yet handed out."""

    def healthy(self) -> bool:
        """Whether what is there also comes: assigned, and not silent while behind."""


class Publisher(Protocol):
    """The sending side, for one process."""

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when every message is acknowledged, in this order. Raises BusDown; then send them all again."""

    async def publish_raw(
        self, topic: str, key: bytes | None, headers: Sequence[tuple[str, bytes]], value: bytes | None
    ) -> None:
        """Send one record as it is. Raises BusDown, and MessageRefused where it is too large."""

    async def close(self) -> None:
        """Let go, within five seconds, whatever the bus does."""


class Bus(Protocol):
    """A way for events to get from one service to another.

    `publishes`: messages are sent to it; otherwise followers read the producers' logs in place.
    """

    publishes: bool

    async def start(self) -> None:
        """Connect. Raises BusDown."""

    async def close(self) -> None:
        """Let go of everything, within five seconds."""

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        """Make the topics that are not there. Raises BusDown."""

    def publisher(self) -> Publisher:
        """A sender of its own."""

    async def subscribe(self, group: str, topics: Sequence[str], *, from_start: bool = False) -> Subscription:
        """Join a consumer group. `from_start` forgets what the group has done before (rebuilding a projection)."""
