"""Members of a consumer group share, come and go, and notice when they have fallen silent."""

import asyncio
from collections.abc import Set
from typing import Any
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition

from shared.bus import Arrival, BusDown
from shared.kafka import KafkaBus, KafkaSettings, KafkaSubscription
from shared.kafka.discarding import _tasks, discard_client
from shared.local.kafka import LocalKafka
from tests.bus.samples import drain, event, events, ids, until

pytestmark = pytest.mark.kafka


def inside(member: KafkaSubscription) -> AIOKafkaConsumer:
    assert member._consumer is not None
    return member._consumer


def share(member: KafkaSubscription) -> Set[TopicPartition]:
    return frozenset(inside(member).assignment())


async def never(*_: object, **__: object) -> None:
    """What a request is that nobody answers."""
    await asyncio.Event().wait()


async def perish(member: KafkaSubscription) -> None:
    """End it as kill -9 would: connections gone, the group not told."""
    consumer = inside(member)
    tasks = {*_tasks(consumer._coordinator), *_tasks(consumer._fetcher)}
    for task in tasks:
        task.cancel()
    await discard_client(consumer._client, tasks)
    consumer._closed = True
    await member.close()


async def test_two_members_share_a_topic_and_take_nothing_twice(bus: KafkaBus, topic: str, group: str) -> None:
    found: dict[KafkaSubscription, list[Arrival]] = {}

    async def take(member: KafkaSubscription) -> None:
        while True:
            batch = await member.batch(50, 0.2)
            await member.done(batch)
            found[member] += batch

    for _ in range(2):
        found[await bus.subscribe(group, [topic])] = []
    first, second = found
    takers = [asyncio.create_task(take(member)) for member in found]
    await until(lambda: len(share(first)) == len(share(second)) == 3, "both members have half of the six partitions")
    sent = events(aggregates=60, each=3)
    await bus.publisher().publish(topic, sent)
    await until(lambda: sum(map(len, found.values())) >= len(sent), "everything arrives")
    for taker in takers:
        taker.cancel()
    await asyncio.gather(*takers, return_exceptions=True)
    assert sorted(ids([*found[first], *found[second]])) == sorted(ids(sent))
    for member, arrivals in found.items():
        assert {TopicPartition(a.topic, a.partition) for a in arrivals} == share(member)


async def test_done_for_partitions_that_went_to_another_member_is_harmless(
    bus: KafkaBus, topic: str, group: str
) -> None:
    sent = events(aggregates=30, each=2)
    await bus.publisher().publish(topic, sent)
    first = await bus.subscribe(group, [topic])
    old = await drain(first, len(sent), done=False)
    second = await bus.subscribe(group, [topic])
    await until(lambda: len(share(first)) == 3, "the first gives half away")
    await first.done(old)
    again = [*await drain(first, 1, done=False), *await drain(second, 1, done=False)]
    await until(lambda: first.lag() + second.lag() == len(sent) - len(again), "nothing counts as done")
    again += [*await drain(first, first.lag(), done=False), *await drain(second, second.lag(), done=False)]
    assert sorted(ids(again)) == sorted(ids(sent))
    for member in (first, second):
        await member.done(again)
        await member.close()
    later = await bus.subscribe(group, [topic])
    assert await later.batch(10, 1.0) == []


async def test_a_named_replica_gets_its_partitions_back_at_once_after_a_crash(
    kafka: LocalKafka, bus: KafkaBus, topic: str, group: str
) -> None:
    # Less than the ten seconds after which the group would give up the dead one.
    replica = KafkaBus(KafkaSettings(bootstrap=kafka.bootstrap, instance="sla-0", join=5))
    sent = events(aggregates=1, each=5)
    await bus.publisher().publish(topic, sent)
    killed = await replica.subscribe(group, [topic])
    found = await drain(killed, 5, done=False)
    await killed.done(found[:2])
    await perish(killed)
    back = await replica.subscribe(group, [topic])
    assert ids(await drain(back, 3)) == ids(sent[2:])
    await replica.close()


async def test_a_silent_member_is_unhealthy_and_joins_anew(kafka: LocalKafka, topic: str, group: str) -> None:
    bus = KafkaBus(KafkaSettings(bootstrap=kafka.bootstrap, stall=1))
    subscription = await bus.subscribe(group, [topic])
    await until(lambda: subscription.lag() == 0, "the offsets are known")
    # What aiokafka 1154 looks like from outside: no records any more, and no error.
    silent = inside(subscription)
    for task in _tasks(silent._fetcher):
        task.cancel()
    sent = events(aggregates=3, each=3)
    await bus.publisher().publish(topic, sent)
    await until(lambda: not subscription.healthy(), "it says that it gets nothing")
    assert not bus.healthy()
    assert sorted(ids(await drain(subscription, len(sent)))) == sorted(ids(sent))
    assert inside(subscription) is not silent
    assert bus.healthy()
    await bus.close()


async def test_a_member_whose_client_gets_no_answers_while_others_do_joins_anew(
    bus: KafkaBus, topic: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.kafka.consumer.PROBE", 0.2)
    monkeypatch.setattr("shared.kafka.consumer.DEAF", 0.5)
    subscription = await bus.subscribe(group, [topic])
    await until(lambda: subscription.lag() == 0, "the offsets are known")
    deaf = inside(subscription)

    for task in _tasks(deaf._fetcher):
        task.cancel()
    monkeypatch.setattr(deaf._client, "send", never)
    sent = events(aggregates=3, each=3)
    await bus.publisher().publish(topic, sent)
    assert sorted(ids(await drain(subscription, len(sent)))) == sorted(ids(sent))
    assert inside(subscription) is not deaf
    assert bus.healthy()


async def test_a_member_waits_for_a_broker_that_answers_nobody(
    bus: KafkaBus, topic: str, group: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.kafka.consumer.PROBE", 0.1)
    monkeypatch.setattr("shared.kafka.consumer.DEAF", 0.2)
    asked = asyncio.Event()

    async def nobody() -> bool:
        asked.set()
        return False

    monkeypatch.setattr(bus, "_reachable", nobody)
    subscription = await bus.subscribe(group, [topic])
    await until(lambda: subscription.lag() == 0, "the offsets are known")
    waiting = inside(subscription)

    back, send = asyncio.Event(), waiting._client.send

    async def late(*arguments: Any, **options: Any) -> Any:
        await back.wait()
        return await send(*arguments, **options)

    # What was asked meanwhile is answered in the end: a request that never is would stall the client, and replace it.
    with monkeypatch.context() as away:
        away.setattr(waiting._client, "send", late)
        async with asyncio.timeout(10):
            await asked.wait()
        assert await subscription.batch(10, 0.3) == []
        assert subscription.healthy()
    back.set()
    sent = [event(uuid4(), 1)]
    await bus.publisher().publish(topic, sent)
    assert ids(await drain(subscription, 1)) == ids(sent)
    assert inside(subscription) is waiting


async def test_a_member_whose_client_broke_down_says_so_and_joins_anew(bus: KafkaBus, topic: str, group: str) -> None:
    subscription = await bus.subscribe(group, [topic])
    inside(subscription)._coordinator._coordination_task.cancel()
    await asyncio.sleep(0)
    with pytest.raises(BusDown, match="join anew"):
        await subscription.batch(10, 0.1)
    sent = [event(uuid4(), 1)]
    await bus.publisher().publish(topic, sent)
    assert ids(await drain(subscription, 1)) == ids(sent)


async def test_a_batch_that_was_cancelled_loses_nothing(bus: KafkaBus, topic: str, group: str) -> None:
    subscription = await bus.subscribe(group, [topic])
    publisher = bus.publisher()
    sent = events(aggregates=1, each=20)
    found: list[Arrival] = []
    for one in sent:
        waiting = asyncio.create_task(subscription.batch(10, 5))
        await publisher.publish(topic, [one])
        waiting.cancel()
        await asyncio.wait({waiting})
        found += [] if waiting.cancelled() else waiting.result()
    found += await drain(subscription, len(sent) - len(found))
    assert ids(found) == ids(sent)
