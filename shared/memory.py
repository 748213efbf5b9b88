"""The bus of the embedded system: each service's log is read by position, in the same process.

Nothing is published; a subscription follows the producers' logs and keeps its place in the consumer's own database.
"""

import asyncio
from collections.abc import Callable, Sequence

from sqlalchemy import text

from contracts.envelope import Message
from shared.bus import Arrival, Publisher, Subscription
from shared.database import Database
from shared.events.log import Log

PLACE = text("SELECT topic, position FROM cursor WHERE topic = ANY(CAST(:topics AS text[]))")
REMEMBER = text(
    "INSERT INTO cursor (topic, position) VALUES (:topic, :position) "
    "ON CONFLICT (topic) DO UPDATE SET position = greatest(cursor.position, excluded.position)"
)
FORGET = text("DELETE FROM cursor WHERE topic = ANY(CAST(:topics AS text[]))")


class MemoryBus:
    """`logs` gives the log of each topic in this process, `databases` the database of each group."""

    publishes = False

    def __init__(self, logs: Callable[[str], Log | None], databases: Callable[[str], Database]) -> None:
        self.logs = logs
        self.databases = databases

    async def start(self) -> None:
        """Nothing to connect to."""

    async def close(self) -> None:
        """Nothing to let go of."""

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        """A topic is a log, and is there."""

    def publisher(self) -> Publisher:
        return Unpublished()

    async def subscribe(self, group: str, topics: Sequence[str], *, from_start: bool = False) -> Subscription:
        database = self.databases(group)
        if from_start:
            async with database.transaction() as transaction:
                await transaction.execute(FORGET, {"topics": list(topics)})
        places = dict.fromkeys(topics, 0)
        places |= {row.topic: row.position for row in await database.rows(PLACE, {"topics": list(topics)})}
        logs = {topic: log for topic in topics if (log := self.logs(topic)) is not None}
        return MemorySubscription(database, logs, places)


class Unpublished:
    """The log itself is the topic: there is nothing to send."""

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Nothing: followers read the log."""

    async def publish_raw(
        self, topic: str, key: bytes | None, headers: Sequence[tuple[str, bytes]], value: bytes | None
    ) -> None:
        """Nothing: there is no topic besides the logs."""

    async def close(self) -> None:
        """Nothing."""


class MemorySubscription:
    """Follows some logs of this process."""

    def __init__(self, database: Database, logs: dict[str, Log], places: dict[str, int]) -> None:
        self.database = database
        self.logs = logs
        self.places = places
        self._turn = 0

    async def batch(self, limit: int, wait: float) -> list[Arrival]:
        found = await self._read(limit)
        if found:
            return found
        if not self.logs:
            # Nobody here writes these topics. Returning at once would have the caller ask without a pause.
            await asyncio.sleep(wait)
            return []
        await Log.growth([(log, self.places[topic]) for topic, log in self.logs.items()], wait)
        return await self._read(limit)

    async def _read(self, limit: int) -> list[Arrival]:
        # Topics take turns, so that a busy one does not starve the others.
        names = list(self.logs)
        for step in range(len(names)):
            topic = names[(self._turn + step) % len(names)]
            messages = await self.logs[topic].read(self.places[topic], limit)
            if messages:
                self._turn = (self._turn + step + 1) % len(names)
                self.places[topic] = messages[-1].position
                return [arrival(topic, message) for message in messages]
        return []

    async def done(self, arrivals: Sequence[Arrival]) -> None:
        reached: dict[str, int] = {}
        for each in arrivals:
            reached[each.topic] = max(each.offset, reached.get(each.topic, 0))
        for topic, position in reached.items():
            await self.database.rows(REMEMBER, {"topic": topic, "position": position})

    async def close(self) -> None:
        """Nothing to let go of."""

    def healthy(self) -> bool:
        return True

    def lag(self) -> int:
        return sum(max(log.end - self.places[topic], 0) for topic, log in self.logs.items())


def arrival(topic: str, message: Message) -> Arrival:
    return Arrival(
        topic=topic,
        partition=0,
        offset=message.position,
        message=message,
        fault=None,
        key=str(message.aggregate_id).encode(),
        headers=(),
        value=None,
    )
