"""Takes messages in exactly once, in the order of each record, whatever the bus does.

One transaction holds the sequence check, the inbox rows, the effects and the service's own events; the bus hears of it
afterwards. What cannot be taken in is parked, and later messages of the same record behind it; everything else goes on.
"""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from contracts.envelope import Event
from shared.bus import Arrival
from shared.clock import Clock
from shared.database import Database, Transaction
from shared.database.faults import passing
from shared.events.handling import Delivery, Handlers, Processing, Projection, Reaction, Work, name, untraced
from shared.events.parking import BLOCKING, Parked, Parking
from shared.events.reading import NotFirst, Unread, known, read
from shared.telemetry import TAKEN

TRIES, PAUSES = 3, (0.05, 0.25)

MARKS = text(
    "SELECT aggregate_id, sequence FROM stream WHERE topic = :topic AND aggregate_id = ANY(CAST(:ids AS uuid[])) "
    "ORDER BY aggregate_id FOR UPDATE"
)
_MARK = (
    "INSERT INTO stream (topic, aggregate_id, sequence) "
    "SELECT :topic, given.* FROM unnest(CAST(:ids AS uuid[]), CAST(:sequences AS int[])) AS given "
    # A member that lost its partition and does not know it yet must not take the mark back.
    "ON CONFLICT (topic, aggregate_id) DO UPDATE SET sequence = greatest(stream.sequence, excluded.sequence)"
)
MARK = text(_MARK)
TAKE = text(
    f"WITH marked AS ({_MARK}) INSERT INTO inbox (handler, event_id, recorded) "
    "SELECT given.* FROM unnest(CAST(:handlers AS text[]), CAST(:events AS uuid[]), CAST(:recorded AS timestamptz[])) "
    "AS given ON CONFLICT DO NOTHING RETURNING handler, event_id"
)
log = structlog.get_logger(__name__)


class Inbox:
    """One service's intake."""

    def __init__(self, service: str, database: Database, handlers: Handlers, clock: Clock) -> None:
        self.service = service
        self.database = database
        self.clock = clock
        self.parking = Parking(database, clock)
        self.committed: Callable[[], None] = lambda: None
        self.processing: Processing = untraced
        self.by_type: dict[str, list[Projection | Reaction]] = defaultdict(list)
        names = [name(handler) for handler in handlers]
        if twice := {each for each in names if names.count(each) > 1}:
            # What a handler has had is remembered under its name.
            raise ValueError(f"{service} has several handlers of the name {', '.join(sorted(twice))}")
        for handler in handlers:
            for event in handler.events:
                self.by_type[event.wire_type()].append(handler)

    async def receive(self, arrivals: Sequence[Arrival], *, rebuilding: bool = False) -> None:
        """Take these in. Raises only what may pass (see `passing`): then nothing was taken in, and the same arrivals
        must be received again."""
        try:
            await self._together(arrivals, rebuilding)
        except Exception as error:
            if passing(error):
                raise
            # One of them is broken; which one shows when each has a transaction of its own.
            log.warning("inbox.batch_failed", service=self.service, size=len(arrivals), error=repr(error))
            for arrival in arrivals:
                await self._alone(arrival, rebuilding)

    async def _together(self, arrivals: Sequence[Arrival], rebuilding: bool) -> None:
        by_topic: dict[str, list[Arrival]] = defaultdict(list)
        for arrival in arrivals:
            by_topic[arrival.topic].append(arrival)
        async with self.database.transaction() as transaction:
            transaction.rebuilding = rebuilding
            taken = {topic: await self._take(topic, found, transaction) for topic, found in by_topic.items()}
        self._told(transaction)
        for topic, (count, moved) in taken.items():
            TAKEN.labels(self.service, topic).inc(count)
            for id in moved:
                await self.drain(topic, id, rebuilding=rebuilding)

    def _told(self, transaction: Transaction) -> None:
        """Have the service's own events numbered, if this committed transaction has any."""
        if transaction.recorded:
            self.committed()

    async def _alone(self, arrival: Arrival, rebuilding: bool) -> None:
        fault = ""
        for attempt in range(TRIES):
            try:
                await self._together([arrival], rebuilding)
            except Exception as error:
                if passing(error):
                    raise
                fault = repr(error)
                log.warning("inbox.failed", service=self.service, attempt=attempt + 1, error=fault)
            else:
                return
            if attempt < len(PAUSES):
                await asyncio.sleep(PAUSES[attempt])
        log.error("inbox.parked", service=self.service, topic=arrival.topic, offset=arrival.offset, error=fault)
        async with self.database.transaction() as transaction:
            await self.parking.park(transaction, arrival, "poison", fault, tries=TRIES)

    async def _take(self, topic: str, arrivals: Sequence[Arrival], transaction: Transaction) -> tuple[int, set[UUID]]:
        """Take in or park each of these: how many were taken in, and the records of which something more waits."""
        ids = sorted({a.message.aggregate_id for a in arrivals if a.message})
        marks = await self.marks(transaction, topic, ids)
        waiting = await self.parking.waiting(transaction, topic, ids)
        given_up = await self.parking.given_up(transaction, topic, ids) if transaction.rebuilding else frozenset()
        taken: list[Delivery[Event]] = []
        moved: dict[UUID, int] = {}
        for arrival in arrivals:
            message = arrival.message
            if message is None:
                await self.parking.park(transaction, arrival, "unreadable", arrival.fault or "unreadable")
                continue
            id, seen = message.aggregate_id, marks.get(message.aggregate_id, 0)
            if message.sequence <= seen or (id, message.sequence) in waiting:
                continue
            if (id, message.sequence) in given_up:
                marks[id] = moved[id] = message.sequence
                continue
            blocked = any(
                reason in BLOCKING for (held, at), reason in waiting.items() if held == id and at < message.sequence
            )
            if blocked or message.sequence > seen + 1:
                reason = "behind" if blocked else "gap"
                fault = f"{message.subject}: sequence {message.sequence} came while {seen + 1} was awaited"
                await self.parking.park(transaction, arrival, reason, fault)
                waiting[id, message.sequence] = reason
                if reason == "gap":
                    log.error("inbox.gap", service=self.service, topic=topic, record=str(id), fault=fault)
                continue
            try:
                if message.type in self.by_type or not known(message.type):
                    taken.append(Delivery(read(message), message))
            except Unread as unread:
                log.error("inbox.unread", service=self.service, type=message.type, fault=unread.fault)
                await self.parking.park(transaction, arrival, unread.reason, unread.fault)
                waiting[id, message.sequence] = unread.reason
                continue
            marks[id] = moved[id] = message.sequence
        await self.handle(transaction, topic, taken, moved)
        return len(taken), {id for id, _ in waiting if id in moved}

    async def handle(
        self, transaction: Transaction, topic: str, deliveries: Sequence[Delivery[Event]], moved: dict[UUID, int]
    ) -> None:
        """Mark how far the records have `moved`, and give each handler those of its events that it has not had."""
        wanted = [(handler, each) for each in deliveries for handler in self.by_type.get(each.message.type, ())]
        if transaction.rebuilding and wanted:
            # What came before the rebuild has been reacted to; what nobody had taken in yet has not.
            had = await self.marks(
                transaction, before(topic), sorted({each.message.aggregate_id for _, each in wanted})
            )
            wanted = [
                (handler, each)
                for handler, each in wanted
                if isinstance(handler, Projection) or each.message.sequence > had.get(each.message.aggregate_id, 0)
            ]
        if not wanted:
            await self.mark(transaction, topic, moved)
            return
        fresh = await self.take(transaction, topic, wanted, moved)
        work = Work(transaction, self.clock.now())
        grouped: dict[int, tuple[Projection | Reaction, list[Delivery[Any]]]] = {}
        for handler, each in wanted:
            if (name(handler), each.message.id) in fresh:
                grouped.setdefault(id(handler), (handler, []))[1].append(each)
        for handler, events in grouped.values():
            with self.processing(topic, handler, events) as processed:
                await handler.handle(processed, work)
                await transaction.flush()

    async def take(
        self,
        transaction: Transaction,
        topic: str,
        wanted: Iterable[tuple[Projection | Reaction, Delivery[Event]]],
        moved: dict[UUID, int],
    ) -> set[tuple[str, UUID]]:
        """Mark, and remember these as taken in; which are new. Only this insert's conflict means a duplicate."""
        pairs = [(name(handler), each.message) for handler, each in wanted]
        rows = await transaction.execute(
            TAKE,
            {
                "handlers": [handler for handler, _ in pairs],
                "events": [message.id for _, message in pairs],
                "recorded": [message.recorded for _, message in pairs],
                **_marks(topic, moved),
            },
        )
        return {(row.handler, row.event_id) for row in rows}

    async def marks(self, transaction: Transaction, topic: str, ids: Sequence[UUID]) -> dict[UUID, int]:
        rows = await transaction.execute(MARKS, {"topic": topic, "ids": list(ids)})
        return {row.aggregate_id: row.sequence for row in rows}

    async def mark(self, transaction: Transaction, topic: str, moved: dict[UUID, int]) -> None:
        if moved:
            await transaction.execute(MARK, _marks(topic, moved))

    async def drain(self, topic: str, id: UUID, *, rebuilding: bool = False) -> None:
        """Take in what waited for a message that has come now, one by one, as far as it goes without a gap or fault."""
        while await self._next(topic, id, rebuilding):
            pass

    async def _next(self, topic: str, id: UUID, rebuilding: bool) -> bool:
        """The lowest parked message of a record, if its turn has come; whether another may follow."""
        fault: Unread | None = None
        async with self.database.transaction() as transaction:
            transaction.rebuilding = rebuilding
            seen = (await self.marks(transaction, topic, [id])).get(id, 0)
            parked = await self.parking.lowest(transaction, topic, id)
            if parked is None or parked.reason in BLOCKING or parked.sequence > seen + 1:
                return False
            if parked.sequence <= seen:
                await self.parking.settle(transaction, parked, "steward", "taken in")
                return True
        try:
            async with self.database.transaction() as transaction:
                transaction.rebuilding = rebuilding
                await self._settle(transaction, parked, "steward", "taken in")
            self._told(transaction)
        except Unread as unread:
            fault = unread
        except Exception as error:
            if passing(error):
                raise
            fault = Unread("poison", repr(error))
        if fault is None:
            return True
        log.error("inbox.parked", service=self.service, topic=topic, record=str(id), fault=fault.fault)
        async with self.database.transaction() as transaction:
            await self.parking.again(transaction, parked, fault.reason, fault.fault)
        return False

    async def _settle(self, transaction: Transaction, parked: Parked, by: str, outcome: str) -> None:
        """Take one parked message in, if it is the next of its record. Raises Unread, and what its handler raises."""
        message = parked.message()
        seen = (await self.marks(transaction, parked.topic, [message.aggregate_id])).get(message.aggregate_id, 0)
        if message.sequence > seen + 1:
            raise Unread("gap", f"sequence {seen + 1} of {message.subject} has not been taken in yet")
        if message.sequence == seen + 1:
            moved = {message.aggregate_id: message.sequence}
            await self.handle(transaction, parked.topic, [Delivery(read(message), message)], moved)
        await self.parking.settle(transaction, parked, by, outcome)

    async def replay(self, parked: Parked, by: str) -> None:
        """Take a parked message in now, and what waits behind it. Raises what its handler raises, or Unread."""
        async with self.database.transaction() as transaction:
            await self._settle(transaction, parked, by, "replayed")
        self._told(transaction)
        await self.drain(parked.topic, parked.message().aggregate_id)

    async def discard(self, parked: Parked, by: str) -> None:
        """Give a parked message up: it counts as seen without effect, and what waits behind it is taken in.

        Messages before it that never came are given up with it. Raises NotFirst where earlier ones wait.
        """
        async with self.database.transaction() as transaction:
            if parked.aggregate_id is not None and parked.sequence is not None:
                # The marks first: their lock is what those who take in wait for.
                await self.marks(transaction, parked.topic, [parked.aggregate_id])
                first = await self.parking.lowest(transaction, parked.topic, parked.aggregate_id)
                if first is not None and first.sequence < parked.sequence:
                    raise NotFirst(f"sequence {first.sequence} of the same record waits before it")
                await self.mark(transaction, parked.topic, {parked.aggregate_id: parked.sequence})
            await self.parking.settle(transaction, parked, by, "discarded")
        if parked.aggregate_id is not None:
            await self.drain(parked.topic, parked.aggregate_id)

    async def drain_all(self) -> int:
        """Take in whatever waits and could go on: after a process died between taking in a message and what had
        waited for it. How many records were looked at."""
        rows = await self.parking.records()
        for topic, id in rows:
            await self.drain(topic, id)
        return len(rows)


def _marks(topic: str, moved: dict[UUID, int]) -> dict[str, Any]:
    return {"topic": topic, "ids": list(moved), "sequences": list(moved.values())}


def before(topic: str) -> str:
    """Under which name the marks of a topic are kept while a rebuild of it goes on."""
    return f"{topic} before the rebuild"
