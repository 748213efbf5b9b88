"""Tells the topic `steward.<service>.dead` of each message that could not be taken in: as it came, and why.

The table of parked messages is the outbox. The service's leader sends what the topic does not have, and marks it after
the acknowledgement; a process that dies in between sends it again, so the topic has every letter at least once. One
that fails once more, for another reason perhaps, is told again.
"""

from collections.abc import Sequence

import structlog
from sqlalchemy import text

from shared.bus import BusDown, MessageRefused, Publisher
from shared.database import Database
from shared.events.inbox import MARK
from shared.events.parking import BLOCKING, COLUMNS, Parked

BATCH = 100
REASONS = sorted(BLOCKING | {"unreadable"})
# How far the topic has got is kept where everything is kept of how far something has got: by letter and try.
UNTOLD = text(
    f"SELECT {COLUMNS} FROM parked WHERE reason = ANY(:reasons) AND NOT EXISTS (SELECT FROM stream "
    "WHERE stream.topic = :dead AND stream.aggregate_id = parked.id AND stream.sequence >= parked.tries) "
    "ORDER BY id LIMIT :limit"
)
log = structlog.get_logger(__name__)


def dead(topic: str) -> str:
    """The name of the topic of what the service of this topic could not take in."""
    return f"{topic}.dead"


def headers(letter: Parked, **more: str) -> Sequence[tuple[str, bytes]]:
    """The message's own headers, and the reason, the fault, and the topic, partition and offset it was found at."""
    added = {"dead_reason": letter.reason, "dead_fault": letter.fault, "dead_topic": letter.topic, **more}
    return [*letter.given(), *((name, value.encode()) for name, value in added.items())]


class DeadLetters:
    """One service's letters on their way to their topic."""

    def __init__(self, topic: str, database: Database, publisher: Publisher) -> None:
        self.topic = dead(topic)
        self.database = database
        self.publisher = publisher

    async def tell(self) -> int:
        """Send one batch of what the topic does not have; how many that was. A bus that is away is tried later."""
        rows = await self.database.rows(UNTOLD, {"reasons": REASONS, "dead": self.topic, "limit": BATCH})
        letters = [Parked(**row._mapping) for row in rows]
        told: dict[str, list[object]] = {"ids": [], "sequences": []}
        try:
            for letter in letters:
                await self._send(letter)
                told["ids"].append(letter.id)
                told["sequences"].append(letter.tries)
        except BusDown as error:
            log.warning("dead-letters.interrupted", topic=self.topic, error=str(error))
        if told["ids"]:
            await self.database.rows(MARK, {"topic": self.topic, **told})
        return len(told["ids"])

    async def _send(self, letter: Parked) -> None:
        try:
            await self.publisher.publish_raw(self.topic, letter.key, headers(letter), letter.value)
        except MessageRefused:
            # It fitted without the headers that say why. The value stays in the table.
            omitted = headers(letter, dead_omitted=f"{len(letter.value or b'')} bytes")
            await self.publisher.publish_raw(self.topic, letter.key, omitted, None)
