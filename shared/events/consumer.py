"""The loop between a bus and an inbox: take a batch, commit its effects, tell the bus every now and then.

What was taken in and not told yet comes again after a restart, and the inbox knows it. Telling costs the bus as much as
a batch costs this service, so it is not done for each.
"""

import asyncio
import time

import structlog

from shared.bus import Arrival, Bus, BusDown, Subscription
from shared.database.faults import passing
from shared.events.inbox import Inbox

BATCH, WAIT, REST, STUCK = 500, 0.5, 0.2, 30.0
log = structlog.get_logger(__name__)


class Consumer:
    """One service's part in the topics it follows. `healthy` is for the readiness probe."""

    def __init__(self, group: str, topics: list[str], bus: Bus, inbox: Inbox) -> None:
        self.group = group
        self.topics = topics
        self.bus = bus
        self.inbox = inbox
        self.subscription: Subscription | None = None
        self.progressed = time.monotonic()
        self.idle = False

    def healthy(self) -> bool:
        """Subscribed, and either nothing is waiting or something was taken in within the last half minute."""
        if self.subscription is None or not self.subscription.healthy():
            return False
        return self.idle or time.monotonic() - self.progressed < STUCK

    def lag(self) -> int:
        return self.subscription.lag() if self.subscription else 0

    async def run(self) -> None:
        """Follow the topics until cancelled. A bus or a database that is away is waited for, with growing pauses."""
        pause = 0.1
        while True:
            before = self.progressed
            try:
                self.subscription = await self.bus.subscribe(self.group, self.topics)
                await self._follow(self.subscription)
            except Exception as error:
                if not (isinstance(error, BusDown) or passing(error)):
                    raise
                log.warning("consumer.interrupted", group=self.group, error=repr(error))
            finally:
                if self.subscription is not None:
                    await self.subscription.close()
                    self.subscription = None
            if self.progressed > before:
                pause = 0.1
            await asyncio.sleep(pause)
            pause = min(pause * 2, 5.0)

    async def _follow(self, subscription: Subscription) -> None:
        done: list[Arrival] = []
        told = time.monotonic()
        while True:
            arrivals = await subscription.batch(BATCH, WAIT)
            self.idle = not arrivals
            if arrivals:
                await self.inbox.receive(arrivals)
                done += arrivals
            self.progressed = time.monotonic()
            if done and (self.idle or self.progressed - told > REST):
                await subscription.done(done)
                done.clear()
                told = time.monotonic()
