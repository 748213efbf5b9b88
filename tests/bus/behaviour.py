"""What every bus does. A module proves it for one bus by a subclass of `BusBehaviour` and a fixture `world`.

A world has the bus and a way to make events appear on it as their producer would: one bus is published to, the other
reads the producers' logs.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol
from uuid import uuid4

from contracts.envelope import Message
from shared.bus import Arrival, Bus
from tests.bus.samples import by_record, drain, event, events, ids, until


class World(Protocol):
    """One bus with producers."""

    @property
    def bus(self) -> Bus:
        """Started."""

    async def topic(self) -> str:
        """A topic that is there and empty."""

    async def emit(self, topic: str, messages: Sequence[Message]) -> None:
        """Have these recorded events appear on the topic, in this order; return when they are there."""

    def group(self) -> str:
        """The name of a consumer group that has done nothing yet."""


class BusBehaviour:
    """The suite."""

    async def test_a_message_arrives_as_it_was_recorded(self, world: World) -> None:
        topic = await world.topic()
        full = event(uuid4(), 1)
        bare = replace(event(uuid4(), 1), causation=None, traceparent=None, organisation=None, historical=True)
        await world.emit(topic, [full, bare])
        subscription = await world.bus.subscribe(world.group(), [topic])
        found = {a.message.id: a for a in await drain(subscription, 2) if a.message}
        for sent in (full, bare):
            arrival = found[sent.id]
            assert arrival.message is not None
            assert arrival.topic == topic
            assert arrival.fault is None
            # A log numbers its events itself.
            assert replace(arrival.message, position=sent.position) == sent
        await subscription.close()

    async def test_the_events_of_a_record_arrive_in_their_order(self, world: World) -> None:
        topic = await world.topic()
        sent = events(aggregates=10, each=20)
        subscription = await world.bus.subscribe(world.group(), [topic])
        for start in range(0, len(sent), 40):
            await world.emit(topic, sent[start : start + 40])
        found = await drain(subscription, len(sent))
        assert sorted(ids(found)) == sorted(ids(sent))
        assert all(sequences == list(range(1, 21)) for sequences in by_record(found).values())
        await subscription.close()

    async def test_every_group_sees_everything(self, world: World) -> None:
        topic = await world.topic()
        sent = events(aggregates=3, each=5)
        await world.emit(topic, sent)
        for _ in range(2):
            subscription = await world.bus.subscribe(world.group(), [topic])
            assert sorted(ids(await drain(subscription, len(sent)))) == sorted(ids(sent))
            await subscription.close()

    async def test_one_subscription_follows_several_topics(self, world: World) -> None:
        first, second = await world.topic(), await world.topic()
        subscription = await world.bus.subscribe(world.group(), [first, second])
        one, other = events(aggregates=1, each=3), events(aggregates=1, each=4)
        await world.emit(first, one)
        await world.emit(second, other)
        found = await drain(subscription, 7)
        assert ids(a for a in found if a.topic == first) == ids(one)
        assert ids(a for a in found if a.topic == second) == ids(other)
        await subscription.close()

    async def test_what_one_member_has_done_another_does_not_get(self, world: World) -> None:
        topic, group = await world.topic(), world.group()
        sent = events(aggregates=4, each=5)
        await world.emit(topic, sent)
        early = await world.bus.subscribe(group, [topic])
        await drain(early, len(sent))
        await early.close()
        late = await world.bus.subscribe(group, [topic])
        assert await late.batch(100, 1.0) == []
        await late.close()

    async def test_what_is_not_done_comes_again_after_subscribing_again(self, world: World) -> None:
        topic, group = await world.topic(), world.group()
        # One record, so that its events share whatever a bus divides its topics into.
        sent = events(aggregates=1, each=10)
        await world.emit(topic, sent)
        before = await world.bus.subscribe(group, [topic])
        found = await drain(before, len(sent), done=False)
        await before.done(found[:4])
        await before.close()
        after = await world.bus.subscribe(group, [topic])
        assert ids(await drain(after, 6)) == ids(sent[4:])
        assert await after.batch(100, 0.5) == []
        await after.close()

    async def test_a_late_done_of_earlier_messages_takes_nothing_back(self, world: World) -> None:
        topic, group = await world.topic(), world.group()
        sent = events(aggregates=1, each=6)
        await world.emit(topic, sent)
        before = await world.bus.subscribe(group, [topic])
        found = await drain(before, len(sent), done=False)
        await before.done(found)
        await before.done(found[:2])
        await before.close()
        after = await world.bus.subscribe(group, [topic])
        assert await after.batch(100, 0.5) == []
        await after.close()

    async def test_from_start_everything_comes_again_even_to_those_who_join_later(self, world: World) -> None:
        topic, group = await world.topic(), world.group()
        sent = events(aggregates=3, each=4)
        await world.emit(topic, sent)
        usual = await world.bus.subscribe(group, [topic])
        await drain(usual, len(sent))
        await usual.close()
        again = await world.bus.subscribe(group, [topic], from_start=True)
        assert sorted(ids(await drain(again, len(sent), done=False))) == sorted(ids(sent))
        await again.close()
        # Nothing of the second time was done, so the place must have been forgotten for good.
        later = await world.bus.subscribe(group, [topic])
        assert sorted(ids(await drain(later, len(sent)))) == sorted(ids(sent))
        await later.close()

    async def test_a_batch_is_empty_when_nothing_comes(self, world: World) -> None:
        topic = await world.topic()
        subscription = await world.bus.subscribe(world.group(), [topic])
        assert await subscription.batch(10, 0.1) == []
        assert await subscription.batch(10, 0) == []
        await subscription.done([])
        await subscription.close()

    async def test_a_waiting_batch_ends_when_something_comes(self, world: World) -> None:
        topic = await world.topic()
        subscription = await world.bus.subscribe(world.group(), [topic])
        waiting = asyncio.create_task(subscription.batch(10, 600))
        await asyncio.sleep(0.1)
        sent = events(aggregates=1, each=1)
        await world.emit(topic, sent)
        async with asyncio.timeout(30):
            assert ids(await waiting) == ids(sent)
        await subscription.close()

    async def test_a_batch_is_never_larger_than_asked_for(self, world: World) -> None:
        topic = await world.topic()
        sent = events(aggregates=5, each=6)
        await world.emit(topic, sent)
        subscription = await world.bus.subscribe(world.group(), [topic])
        found: list[Arrival] = []
        async with asyncio.timeout(60):
            while len(found) < len(sent):
                batch = await subscription.batch(7, 0.5)
                assert len(batch) <= 7
                found += batch
        assert sorted(ids(found)) == sorted(ids(sent))
        await subscription.close()

    async def test_topics_that_are_there_stay_as_they_are(self, world: World) -> None:
        topic = await world.topic()
        sent = events(aggregates=2, each=2)
        await world.emit(topic, sent)
        await world.bus.ensure_topics([topic])
        subscription = await world.bus.subscribe(world.group(), [topic])
        assert sorted(ids(await drain(subscription, len(sent)))) == sorted(ids(sent))
        await subscription.close()

    async def test_lag_counts_what_was_not_handed_out(self, world: World) -> None:
        topic = await world.topic()
        sent = events(aggregates=1, each=12)
        await world.emit(topic, sent[:8])
        subscription = await world.bus.subscribe(world.group(), [topic])
        await until(lambda: subscription.lag() == 8, "a lag of 8 before the first batch")
        taken = await subscription.batch(3, 30)
        await until(lambda: subscription.lag() == 8 - len(taken), "less lag after a batch")
        await drain(subscription, 8 - len(taken))
        await until(lambda: subscription.lag() == 0, "no lag when everything is handed out")
        await world.emit(topic, sent[8:])
        await until(lambda: subscription.lag() == 4, "a lag of 4 after more came")
        await subscription.close()

    async def test_closing_twice_is_harmless(self, world: World) -> None:
        subscription = await world.bus.subscribe(world.group(), [await world.topic()])
        publisher = world.bus.publisher()
        for one in (subscription, publisher):
            await one.close()
            await one.close()
