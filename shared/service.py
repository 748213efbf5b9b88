"""A service as data, and what runs it: `Service` is the whole wiring of a room, `Runtime` is one that is running."""

import asyncio
import importlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import structlog
from fastapi import APIRouter
from sqlalchemy import MetaData, text

from contracts.envelope import Message
from shared.auth import Permissions, Tokens
from shared.bus import Bus, BusDown
from shared.clock import Clock
from shared.database import Database
from shared.database.faults import passing
from shared.events.consumer import Consumer
from shared.events.dead import DeadLetters, dead
from shared.events.handling import Handlers, topics
from shared.events.inbox import Inbox
from shared.events.log import Log
from shared.events.relay import Relay
from shared.events.sequencer import Sequencer
from shared.events.upkeep import tidy
from shared.policies import Kind, Policies, stored
from shared.telemetry import PARKED, RESTARTS

if TYPE_CHECKING:
    from shared.tracing import Spans

FOLDER = Path(__file__).parent.parent / "services"
log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Job:
    """What a service does when time passes. `run` does what is due, at most a batch, and says how much it did;
    it is called again at once while it did something, else after `every` seconds."""

    run: Callable[["Runtime"], Awaitable[int]]
    every: float


def nobody(_: Message) -> bool:
    """No customer's contact hears of any event, until a service says which."""
    return False


@dataclass(frozen=True)
class Service:
    """One process of the standard. Found by folder; `together` and `alone` run it."""

    name: str
    title: str
    clause: str
    rows: MetaData
    routers: tuple[APIRouter, ...]
    permissions: Permissions
    handlers: Handlers = ()
    jobs: tuple[Job, ...] = ()
    policies: tuple[Kind, ...] = ()
    told: Callable[[Message], bool] = nobody

    @property
    def topic(self) -> str:
        return f"steward.{self.name}"

    @property
    def consumes(self) -> list[str]:
        return topics(self.handlers)


class Runtime:
    """A running service: its database, log, consumer and background work."""

    def __init__(
        self, service: Service, database: Database, bus: Bus, tokens: Tokens, clock: Clock, spans: "Spans | None" = None
    ) -> None:
        self.service = service
        self.spans = spans
        self.database = database
        self.bus = bus
        self.tokens = tokens
        self.clock = clock
        self.permissions = service.permissions
        self.log = Log(service.name, database)
        self.sequencer = Sequencer(database, self.log)
        self.inbox = Inbox(service.name, database, service.handlers, clock)
        self.consumer = Consumer(service.name, service.consumes, bus, self.inbox) if service.consumes else None
        self.inbox.committed = self.saved
        if spans:
            self.inbox.processing = spans.processing
        self.policies = Policies(service.policies, ())
        self.relay: Relay | None = None
        self.dead_letters: DeadLetters | None = None
        self.stopping = asyncio.Event()
        self.connected = asyncio.Event()
        self.connected.set()
        self._tasks: list[asyncio.Task[None]] = []

    def saved(self) -> None:
        """Events were committed here: number them now rather than at the next poll."""
        self.log.written()

    async def read_policies(self) -> None:
        """Take the stored policies to hand; again after each time some are applied."""
        async with self.database.transaction() as transaction:
            self.policies = Policies(self.service.policies, await stored(transaction, self.service.policies))

    async def _refresh_policies(self) -> None:
        """Another replica may have applied some: what is at hand is never older than this pause."""
        while True:
            await asyncio.sleep(2.0)
            await self.read_policies()

    async def start(self) -> None:
        """Begin the background work. The routes work without it; `ready` says how it goes."""
        work: dict[str, Callable[[], Awaitable[None]]] = {"sequencer": self.sequencer.run}
        if self.publishes:
            publisher = self.bus.publisher()
            self.relay = Relay(self.service.topic, self.database, self.log, self.sequencer, publisher)
            self.dead_letters = DeadLetters(self.service.topic, self.database, publisher)
            work["relay"] = self._connected(self.relay.run)
        if self.consumer:
            work["consumer"] = self._connected(self.consumer.run)
        if self.service.policies:
            await self.read_policies()
            work["policies"] = self._refresh_policies
        for number, job in enumerate((*self.service.jobs, *UPKEEP)):
            work[f"{job.run.__name__}-{number}"] = self._job(job)
        self._tasks = [asyncio.create_task(self._supervised(name, run), name=name) for name, run in work.items()]

    async def stop(self) -> None:
        """End the background work, then let go of the database."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.relay:
            await self.relay.publisher.close()
        await self.database.close()

    def _connected(self, run: Callable[[], Awaitable[None]]) -> Callable[[], Awaitable[None]]:
        async def once_connected() -> None:
            await self.connected.wait()
            await run()

        return once_connected

    async def _supervised(self, name: str, run: Callable[[], Awaitable[None]]) -> None:
        pause = 0.2
        while True:
            began = time.monotonic()
            try:
                await run()
            except Exception as error:
                # A fault of ours in the background must neither end the service nor pass in silence.
                RESTARTS.labels(self.service.name, name).inc()
                if passing(error):
                    log.warning("task.interrupted", service=self.service.name, task=name, error=repr(error))
                else:
                    log.error("task.failed", service=self.service.name, task=name, exc_info=error)
            if time.monotonic() - began > 10:
                # It had worked: this outage has nothing to do with the ones before.
                pause = 0.2
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10.0)

    def _job(self, job: Job) -> Callable[[], Awaitable[None]]:
        async def repeat() -> None:
            while True:
                try:
                    done = await job.run(self)
                except Exception as error:
                    if not passing(error):
                        raise
                    log.warning("job.interrupted", service=self.service.name, job=job.run.__name__, error=repr(error))
                    done = 0
                if done:
                    self.saved()
                else:
                    await asyncio.sleep(job.every)

        return repeat

    async def ready(self, lag_limit: int) -> dict[str, dict[str, object]]:
        """Each part and whether it is all right: database, relay, consumer."""
        parts: dict[str, dict[str, object]] = {}
        try:
            async with asyncio.timeout(2):
                waiting = (await self.database.rows(PENDING, {}))[0]
                counts = await self.inbox.parking.counts()
            parts["database"] = {"ok": True, "detail": "answers"}
            unpublished = self._unpublished(waiting)
            parts["relay"] = {"ok": unpublished <= lag_limit, "detail": f"{unpublished} events to publish"}
            for reason in ("poison", "invalid", "unknown-type", "unreadable", "gap", "behind"):
                PARKED.labels(self.service.name, reason).set(counts.get(reason, 0))
        except Exception as error:
            parts["database"] = {"ok": False, "detail": f"does not answer: {error!r}"}
        if self.consumer:
            ok = self.consumer.healthy()
            parts["consumer"] = {
                "ok": ok,
                "detail": f"{self.consumer.lag()} events to take in" if ok else "no progress",
            }
        return parts

    @property
    def publishes(self) -> bool:
        """Whether the log is sent to a broker, or read in place by the in-process bus."""
        return bool(self.bus.publishes)

    def _unpublished(self, end: Any) -> int:
        """Events that the bus has not got yet. What this process has sent is remembered a little later."""
        if not self.publishes:
            return 0
        sent = max(int(end.published), self.relay.published if self.relay else 0)
        return max(int(end.head) - sent, 0)

    async def consumption(self) -> dict[str, object]:
        """Whether everything known is taken in, for whoever waits for that."""
        waiting = (await self.database.rows(PENDING, {}))[0]
        lag = self.consumer.lag() if self.consumer else 0
        idle = self.consumer.idle if self.consumer else True
        unpublished = self._unpublished(waiting)
        return {
            "drained": lag == 0 and idle and waiting.unsequenced == 0 and unpublished == 0,
            "lag": lag,
            "unsequenced": waiting.unsequenced,
            "unpublished": unpublished,
        }


async def upkeep(runtime: Runtime) -> int:
    return await tidy(runtime.database, runtime.clock)


async def unpark(runtime: Runtime) -> int:
    await runtime.inbox.drain_all()
    return 0


async def tell_dead_letters(runtime: Runtime) -> int:
    if runtime.dead_letters is None or not (runtime.sequencer.leading and runtime.connected.is_set()):
        return 0
    return await runtime.dead_letters.tell()


UPKEEP = (Job(upkeep, every=600), Job(unpark, every=30), Job(tell_dead_letters, every=1))
PENDING = text(
    "SELECT position AS head, published, (SELECT count(*) FROM event WHERE position IS NULL) AS unsequenced "
    "FROM log_head"
)


def discovered() -> Mapping[str, Callable[[], Service]]:
    """The services by name: each folder of `services` with an app.py whose `service` is a Service."""

    def loader(name: str) -> Callable[[], Service]:
        return lambda: cast("Service", importlib.import_module(f"services.{name}.app").service)

    return {path.parent.name: loader(path.parent.name) for path in sorted(FOLDER.glob("*/app.py"))}


@asynccontextmanager
async def running(runtimes: list[Runtime], bus: Bus) -> AsyncIterator[None]:
    """The background work of some services, for as long as the block lasts."""
    for runtime in runtimes:
        runtime.connected.clear()
        await runtime.start()
    connecting = asyncio.create_task(connect(runtimes, bus))
    try:
        yield
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        for runtime in runtimes:
            await runtime.stop()
        await bus.close()


async def connect(runtimes: list[Runtime], bus: Bus) -> None:
    """Reach the bus, however long that takes: commands are taken meanwhile, and their events wait in the log."""
    own = {runtime.service.topic for runtime in runtimes}
    wanted = own | set(map(dead, own)) | {topic for runtime in runtimes for topic in runtime.service.consumes}
    while True:
        try:
            await bus.start()
            await bus.ensure_topics(sorted(wanted))
        except BusDown as error:
            log.warning("bus.awaited", error=str(error))
            await asyncio.sleep(1.0)
        else:
            break
    for runtime in runtimes:
        runtime.connected.set()
