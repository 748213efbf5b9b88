"""The broker goes away, by kill -9 or by no longer answering: nothing is lost, nothing inverted, nobody hangs."""

import asyncio
import os
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any
from uuid import UUID, uuid4
from weakref import WeakSet

import pytest

from contracts.envelope import Message
from shared.bus import Arrival, BusDown
from shared.kafka import KafkaBus, KafkaPublisher, KafkaSettings, KafkaSubscription
from shared.local.kafka import LocalKafka
from tests.bus.samples import by_record, drain, events, ids

pytestmark = pytest.mark.kafka

Task = asyncio.Task[Any]


@pytest.fixture
async def topic(impatient: KafkaBus) -> str:
    topic = f"steward.test-{uuid4().hex}"
    await impatient.ensure_topics([topic])
    return topic


@contextmanager
def own_tasks() -> Iterator[Callable[[], set[Task]]]:
    """What the block begins, and what that begins in turn, and has not ended: other tests' services share the loop."""
    loop, began = asyncio.get_running_loop(), WeakSet[Task]()
    mine: ContextVar[bool] = ContextVar("mine", default=False)

    def begin(loop: asyncio.AbstractEventLoop, coro: Any, **options: Any) -> Task:
        task: Task = asyncio.Task(coro, loop=loop, **options)
        if mine.get():
            began.add(task)
        return task

    usual, token = loop.get_task_factory(), mine.set(True)
    loop.set_task_factory(begin)
    try:
        yield lambda: {each for each in began if not each.done()}
    finally:
        loop.set_task_factory(usual)
        mine.reset(token)


@contextmanager
def away(broker: LocalKafka, how: signal.Signals) -> Iterator[None]:
    """The broker killed, or paused for as long as the block lasts. When it begins, nothing of it answers any more."""
    if how == signal.SIGKILL:
        broker.kill()
        yield
        return
    os.kill(broker.pid, how)
    # Told to the parent when the last of its threads has stopped.
    os.waitid(os.P_PID, broker.pid, os.WSTOPPED)
    try:
        yield
    finally:
        os.kill(broker.pid, signal.SIGCONT)


async def publish_until_taken(publisher: KafkaPublisher, topic: str, messages: list[Message]) -> None:
    """As a relay does: the same messages again until every one is acknowledged."""
    while True:
        try:
            await publisher.publish(topic, messages)
        except BusDown:
            await asyncio.sleep(0.1)
        else:
            return


async def take_in(subscription: KafkaSubscription, wanted: int, into: list[Arrival]) -> None:
    """As a service does, until so many different events are there."""
    seen: set[UUID] = set()
    while len(seen) < wanted:
        try:
            batch = await subscription.batch(100, 0.5)
            await subscription.done(batch)
        except BusDown:
            await asyncio.sleep(0.1)
            continue
        into += batch
        seen.update(ids(batch))


async def test_kill_9_of_the_broker_loses_and_inverts_nothing(
    broker: LocalKafka, impatient: KafkaBus, topic: str, group: str
) -> None:
    sent = events(aggregates=20, each=150)
    publisher, subscription = impatient.publisher(), await impatient.subscribe(group, [topic])
    found: list[Arrival] = []
    consuming = asyncio.create_task(take_in(subscription, len(sent), found))
    restarting: asyncio.Task[None] | None = None
    for start in range(0, len(sent), 50):
        if start in (500, 2000):
            if restarting:
                await restarting
            # In the middle of a call, so that some of it has arrived and the acknowledgements are lost.
            call = asyncio.create_task(publish_until_taken(publisher, topic, sent[start : start + 50]))
            await asyncio.sleep(0.002)
            broker.kill()
            restarting = asyncio.create_task(broker.restart())
            await call
        else:
            await publish_until_taken(publisher, topic, sent[start : start + 50])
    async with asyncio.timeout(60):
        await consuming
    assert {id: list(range(1, 151)) for id in {m.aggregate_id for m in sent}} == by_record(found)


async def test_a_consumer_goes_on_after_kill_9_and_its_commits_hold(
    broker: LocalKafka, impatient: KafkaBus, topic: str, group: str
) -> None:
    sent = events(aggregates=6, each=4)
    publisher, subscription = impatient.publisher(), await impatient.subscribe(group, [topic])
    await publisher.publish(topic, sent[:12])
    first = await drain(subscription, 12, done=False)
    broker.kill()
    # Nobody can hear of it now; it is told as soon as somebody can.
    await subscription.done(first)
    assert await subscription.batch(10, 0.1) == []
    assert subscription.healthy()
    await broker.restart()
    await publish_until_taken(publisher, topic, sent[12:])
    assert sorted(ids(await drain(subscription, 12))) == sorted(ids(sent[12:]))
    await subscription.close()
    patient = KafkaBus(KafkaSettings(bootstrap=broker.bootstrap))
    later = await patient.subscribe(group, [topic])
    assert await later.batch(100, 1.0) == []
    await patient.close()


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "paused"])
async def test_publishing_ends_in_bus_down_within_its_bound_and_works_again_later(
    broker: LocalKafka, impatient: KafkaBus, topic: str, group: str, stop: signal.Signals
) -> None:
    publisher = impatient.publisher()
    sent = events(aggregates=2, each=2)
    await publisher.publish(topic, sent[:1])
    with away(broker, stop):
        for _ in range(2):  # with the producer it had, and with a new one
            async with asyncio.timeout(5):
                with pytest.raises(BusDown):
                    await publisher.publish(topic, sent[1:])
    if stop == signal.SIGKILL:
        await broker.restart()
    await publish_until_taken(publisher, topic, sent[1:])
    patient = KafkaBus(KafkaSettings(bootstrap=broker.bootstrap))
    subscription = await patient.subscribe(group, [topic])
    assert set(ids(await drain(subscription, len(sent)))) == set(ids(sent))
    await patient.close()


@pytest.mark.parametrize("stop", [signal.SIGKILL, signal.SIGSTOP], ids=["killed", "paused"])
async def test_everything_closes_within_five_seconds_and_leaves_no_task(
    broker: LocalKafka, topic: str, group: str, stop: signal.Signals
) -> None:
    with own_tasks() as left:
        bus = KafkaBus(KafkaSettings(bootstrap=broker.bootstrap, timeout=3))
        publisher, subscription = bus.publisher(), await bus.subscribe(group, [topic])
        await publisher.publish(topic, events(aggregates=5, each=5))
        await subscription.batch(10, 5)
        with away(broker, stop):
            publishing = asyncio.create_task(publisher.publish(topic, events(aggregates=50, each=50)))
            receiving = asyncio.create_task(subscription.batch(1000, 60))
            await asyncio.sleep(0.2)
            assert publishing in left()
            async with asyncio.timeout(5.5):
                await bus.close()
            async with asyncio.timeout(5):
                results = await asyncio.gather(publishing, receiving, return_exceptions=True)
            assert isinstance(results[0], BusDown)
            assert left() == set()


async def test_a_cancelled_publish_leaves_nothing_behind(broker: LocalKafka, topic: str) -> None:
    with own_tasks() as left:
        bus = KafkaBus(KafkaSettings(bootstrap=broker.bootstrap, timeout=30))
        publisher = bus.publisher()
        await publisher.publish(topic, events(aggregates=1, each=1))
        broker.kill()
        publishing = asyncio.create_task(publisher.publish(topic, events(aggregates=50, each=50)))
        await asyncio.sleep(0.2)
        publishing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await publishing
        async with asyncio.timeout(5):
            await bus.close()
        assert left() == set()


async def test_without_a_broker_everything_says_so_within_its_bound(impatient: KafkaBus, broker: LocalKafka) -> None:
    broker.kill()
    with own_tasks() as left:
        async with asyncio.timeout(15):
            with pytest.raises(BusDown):
                await impatient.start()
            with pytest.raises(BusDown):
                await impatient.ensure_topics(["steward.test"])
            with pytest.raises(BusDown):
                await impatient.subscribe("nobody", ["steward.test"])
        assert left() == set()
