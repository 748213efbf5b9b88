"""Publishes a service's log to its topic, in log order, from the process that leads the sequencing.

How far it got is remembered after the acknowledgements of a batch; on any doubt the batch is sent again, and consumers
know duplicates by their sequence. Kafka's acknowledgement is no fsync: it can publish again from any position.
"""

import asyncio
from time import monotonic

import structlog
from sqlalchemy import text

from shared.bus import BusDown, MessageRefused, Publisher
from shared.database import Database
from shared.events.log import Log
from shared.events.sequencer import Sequencer

BATCH = 1000
REST = 0.1
"""Seconds between two marks: what a process that is killed has not remembered is sent again."""
PUBLISHED = text("SELECT published FROM log_head")
MARK = text("UPDATE log_head SET published = greatest(published, :published)")
log = structlog.get_logger(__name__)


class Relay:
    """One service's log on its way to the bus."""

    def __init__(self, topic: str, database: Database, feed: Log, sequencer: Sequencer, publisher: Publisher) -> None:
        self.topic = topic
        self.database = database
        self.feed = feed
        self.sequencer = sequencer
        self.publisher = publisher
        self.published = 0

    async def run(self) -> None:
        """Publish while this process leads, until cancelled. A bus that is away is waited for."""
        pause = 0.1
        while True:
            if not self.sequencer.leading:
                await asyncio.sleep(0.05)
                continue
            try:
                await self._publish()
                pause = 0.1
            except BusDown as error:
                log.warning("relay.interrupted", topic=self.topic, error=str(error))
                await asyncio.sleep(pause)
                pause = min(pause * 2, 2.0)
            except MessageRefused as error:
                # It must not be left out, and what follows must not overtake it: somebody has to raise the bound.
                log.error("relay.refused", topic=self.topic, error=str(error))
                await asyncio.sleep(5.0)

    async def _publish(self) -> None:
        self.published = marked = (await self.database.rows(PUBLISHED, {}))[0].published
        due = monotonic()
        while self.sequencer.leading:
            await Log.growth([(self.feed, self.published)], 0.2 if marked == self.published else due - monotonic())
            messages = await self.feed.read(self.published, BATCH)
            if messages:
                await self.publisher.publish(self.topic, messages)
                self.published = messages[-1].position
            if marked < self.published and monotonic() >= due:
                # Another leader may have got further: the mark never goes back by itself.
                await self.database.rows(MARK, {"published": self.published})
                marked, due = self.published, monotonic() + REST

    def lag(self) -> int:
        """Events with a position that are not published yet."""
        return max(self.feed.end - self.published, 0)
