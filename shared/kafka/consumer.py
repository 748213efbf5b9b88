"""The receiving side: one member of a consumer group that notices when it no longer gets anything.

A consumer of the library can fall silent for good after an outage without any error (aiokafka 1154, 625). So the ends
of the partitions are asked for beside the records: who is behind and gets nothing for a while is made anew, and
`healthy` tells. So is who gets no answer at all while the brokers answer another client. Offsets are committed only by
`done`, only of partitions that are ours, and never backwards.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Collection, Sequence
from contextlib import suppress
from time import monotonic
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRebalanceListener, ConsumerRecord, TopicPartition
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.errors import CommitFailedError, IllegalStateError, KafkaError

from shared.bus import Arrival, BusDown
from shared.kafka.discarding import discard_consumer, look_at
from shared.kafka.records import arrival, one_by_one
from shared.kafka.settings import KafkaSettings

log = logging.getLogger(__name__)

PROBE = 5.0
"""Seconds between two looks at the ends of the partitions, and the bound on each."""
SESSION = 10.0
"""Seconds after which the group gives a silent member's partitions away."""
DEAF = 15.0
"""Seconds without any answer after which it is asked whether another client gets one. Membership is over by then."""


class KafkaSubscription(ConsumerRebalanceListener):  # type: ignore[misc]  # the library has no types
    """A member of `group`. `batch` and `done` belong to one task; the rest may be called from anywhere."""

    def __init__(
        self,
        settings: KafkaSettings,
        group: str,
        topics: Sequence[str],
        reachable: Callable[[], Awaitable[bool]],
        *,
        from_start: bool,
    ) -> None:
        self._settings = settings
        self._reachable = reachable
        self._group = group
        self._topics = tuple(topics)
        self._rewind = from_start
        self.closed = False
        self._consumer: AIOKafkaConsumer | None = None
        self._fetching: asyncio.Task[dict[TopicPartition, list[ConsumerRecord]]] | None = None
        self._watching: asyncio.Task[None] | None = None
        self._held: deque[Arrival] = deque()
        self._joined = False
        self._assignments = 0
        self._known = False  # whether the offsets below cover every partition of ours
        self._changed = asyncio.Event()
        self._committing = asyncio.Lock()
        self._first: dict[TopicPartition, int] = {}  # first offset handed out since the partition became ours
        self._next: dict[TopicPartition, int] = {}  # the offset to hand out next
        self._end: dict[TopicPartition, int] = {}
        self._done: dict[TopicPartition, int] = {}  # what to commit
        self._committed: dict[TopicPartition, int] = {}
        self._answers = True
        self._deaf = False
        self._fine_at = self._made_at = self._answered_at = monotonic()

    async def open(self) -> None:
        """Join the group, trying again until `settings.join` is over. Raises BusDown."""
        give_up = monotonic() + self._settings.join
        while True:
            try:
                await self._join(max(0.1, give_up - monotonic()))
            except BusDown:
                if monotonic() + 0.5 > give_up:
                    raise
                await asyncio.sleep(0.5)
            else:
                return

    async def batch(self, limit: int, wait: float) -> list[Arrival]:
        """Up to `limit` arrivals, in order per key; empty after `wait` seconds without any.

        A broker that is away is waited for as a member of the group: a new one would have to wait for the old one's
        session to end. Raises BusDown only where the group has to be joined anew and cannot be.
        """
        if self.closed:
            raise BusDown("this subscription is closed")
        if self._consumer is None:
            await self._join(self._settings.join)
        if not self._held:
            await self._fetch(limit, wait)
        taken = [self._held.popleft() for _ in range(min(limit, len(self._held)))]
        for one in taken:
            tp = TopicPartition(one.topic, one.partition)
            self._first.setdefault(tp, one.offset)
            self._next[tp] = one.offset + 1
        if taken:
            self._fine_at = monotonic()
        elif self._deaf:
            log.error("%s gets no answers about %s although others do; joining anew", self._group, self._topics)
            await self._leave()
        elif not self.healthy() and monotonic() - self._made_at > self._settings.stall:
            log.error("%s gets nothing of %s although there is more; joining anew", self._group, self._topics)
            await self._leave()
        return taken

    async def done(self, arrivals: Sequence[Arrival]) -> None:
        """Commit the offsets behind these, as far as the partitions are still ours; never fails.

        A partition that went to another member is left out: there they arrive again, and the inbox knows them. What
        the broker does not confirm in `settings.timeout` seconds is tried again in the background.
        """
        for one in arrivals:
            tp = TopicPartition(one.topic, one.partition)
            # What was handed out before the partition came (back) to us may lie behind what another member committed.
            if one.offset >= self._first.get(tp, one.offset + 1):
                self._done[tp] = max(self._done.get(tp, 0), one.offset + 1)
        if self._consumer is not None:
            await self._commit(self._consumer, self._settings.timeout)

    async def close(self) -> None:
        """Leave the group, within five seconds, whatever the bus does."""
        self.closed = True
        await self._leave()

    def lag(self) -> int:
        """Messages in this member's partitions not yet handed out; at least 1 while that is not known."""
        consumer, behind = self._consumer, 0
        if consumer is None:
            return 1
        for tp in consumer.assignment():
            end = max(self._end.get(tp, 0), consumer.highwater(tp) or 0)
            behind += max(0, end - self._next.get(tp, 0))
        return behind if self._known and self._joined and self._answers else max(1, behind)

    def healthy(self) -> bool:
        """False when, for `settings.stall` seconds, it was behind without getting anything, or out of its group.

        A broker that does not answer is not this subscription's illness: then it stays healthy.
        """
        return monotonic() - self._fine_at <= self._settings.stall

    # What the library calls during a rebalance:

    def on_partitions_revoked(self, revoked: Collection[TopicPartition]) -> None:
        """Everything not done will come again, here or elsewhere."""
        self._forget()

    def on_partitions_assigned(self, assigned: Collection[TopicPartition]) -> None:
        """Have the offsets looked up."""
        self._joined = True
        self._changed.set()

    async def _join(self, bound: float) -> None:
        instance = self._settings.instance
        consumer = AIOKafkaConsumer(
            **self._settings.connection(),
            group_id=self._group,
            group_instance_id=f"{instance}-{'-'.join(self._topics)}"[:240] if instance else None,
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            # The sticky one shares state between the consumers of a process (aiokafka 1175, 1176).
            partition_assignment_strategy=(RoundRobinPartitionAssignor,),
            session_timeout_ms=int(SESSION * 1000),
            # Members learn of a rebalance by heartbeat: this is how long one takes.
            heartbeat_interval_ms=1000,
            # Joining is one request that lasts as long as the slowest member, so it must outlast a session.
            request_timeout_ms=int(SESSION * 1500),
            max_partition_fetch_bytes=self._settings.max_message,
        )
        consumer.subscribe(self._topics, listener=self)
        try:
            async with asyncio.timeout(bound):
                await consumer.start()
                if self._rewind and (ours := consumer.assignment()):
                    starts: dict[TopicPartition, int] = await consumer.beginning_offsets(list(ours))
                    for tp, offset in starts.items():
                        consumer.seek(tp, offset)
                    await consumer.commit(starts)
        except BaseException as error:
            self._forget()
            await discard_consumer(consumer)
            if isinstance(error, KafkaError | TimeoutError | OSError):
                raise BusDown(f"{self._group} could not join for {self._topics}: {error!r}") from error
            raise
        self._rewind = False
        self._consumer, self._answers, self._deaf = consumer, True, False
        self._made_at = self._answered_at = monotonic()
        self._watching = asyncio.create_task(self._watch(consumer))

    async def _leave(self) -> None:
        consumer, self._consumer = self._consumer, None
        fetching, self._fetching = self._fetching, None
        for task in (fetching, self._watching):
            if task is not None:
                task.cancel()
                await asyncio.wait({task}, timeout=0.2)
                look_at(task)
        self._forget()
        if consumer is not None:
            await discard_consumer(consumer)

    def _forget(self) -> None:
        self._joined = self._known = False
        self._assignments += 1
        self._held.clear()
        for offsets in (self._first, self._next, self._end, self._done, self._committed):
            offsets.clear()
        if self._fetching is not None and self._fetching.done():
            look_at(self._fetching)
            self._fetching = None

    async def _commit(self, consumer: AIOKafkaConsumer, bound: float) -> None:
        try:
            # One at a time: the library retries, and an older commit must not come after a newer one.
            async with asyncio.timeout(bound), self._committing:
                ours, assignment = consumer.assignment(), self._assignments
                due = {tp: o for tp, o in self._done.items() if tp in ours and o > self._committed.get(tp, 0)}
                if due:
                    await consumer.commit(due)
                    if assignment == self._assignments:
                        self._committed.update(due)
        except (CommitFailedError, IllegalStateError) as error:
            log.info("%s lost partitions before their commit: %s", self._group, error)
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("offsets of %s are not committed yet: %r", self._group, error)

    async def _fetch(self, limit: int, wait: float) -> None:
        """Move what the library has into `_held`.

        The library's call waits without bound for the end of a rebalance and loses count if cancelled, so it is a
        task which the next batch finds again.
        """
        assert self._consumer is not None
        if self._fetching is None:
            call: Any = self._consumer.getmany(timeout_ms=int(wait * 1000), max_records=limit)
            self._fetching = asyncio.create_task(call)
        fetching = self._fetching
        await asyncio.wait({fetching}, timeout=wait + 0.1)
        if self._fetching is not fetching or not fetching.done():
            return
        self._fetching = None
        if fetching.cancelled():
            # The library hands on that a task of its own was cancelled (aiokafka 1039); we were not.
            await self._leave()
            raise BusDown(f"{self._group} has to join anew: the client's tasks ended")
        try:
            try:
                for records in fetching.result().values():
                    self._held.extend(arrival(record) for record in records)
            except UnicodeDecodeError:
                async with asyncio.timeout(self._settings.timeout):
                    self._held.extend(await one_by_one(self._consumer, limit))
        except (KafkaError, TimeoutError) as error:
            await self._leave()
            raise BusDown(f"{self._group} has to join anew: {error!r}") from error

    async def _watch(self, consumer: AIOKafkaConsumer) -> None:
        """Keep the offsets known, for `lag` and `healthy`."""
        while True:
            self._changed.clear()
            await self._probe(consumer)
            with suppress(TimeoutError):
                async with asyncio.timeout(min(PROBE, self._settings.stall / 4) if self._known else 0.2):
                    await self._changed.wait()

    async def _probe(self, consumer: AIOKafkaConsumer) -> None:
        ours, assignment = consumer.assignment(), self._assignments
        try:
            async with asyncio.timeout(PROBE):
                # Without partitions of our own, any partition shows whether the brokers answer.
                asked = list(ours) or [TopicPartition(topic, 0) for topic in self._topics]
                ends: dict[TopicPartition, int] = await consumer.end_offsets(asked)
        except (KafkaError, TimeoutError, OSError) as error:
            log.warning("%s does not get an answer about %s: %r", self._group, self._topics, error)
            self._answers, self._fine_at = False, monotonic()
            # Seen after kill -9 of a broker that was back in seconds: this client's requests were never answered again.
            self._deaf = monotonic() - self._answered_at > DEAF and await self._reachable()
            return
        self._answers, self._deaf, self._answered_at = True, False, monotonic()
        await self._commit(consumer, PROBE)
        positions: dict[TopicPartition, int] = {}
        with suppress(KafkaError, TimeoutError):
            async with asyncio.timeout(PROBE):
                for tp in ours:
                    positions[tp] = await consumer.position(tp)
        if not self._joined or assignment != self._assignments or len(positions) < len(ours):
            return
        for tp in ours:
            self._next.setdefault(tp, positions[tp])
            self._end[tp] = ends[tp]
        self._known = True
        if self.lag() == 0:
            self._fine_at = monotonic()
