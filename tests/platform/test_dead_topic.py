"""The topic of dead letters on a real Kafka: every letter as it came with its reason, whatever ends in between."""

from collections.abc import AsyncIterator, Sequence
from dataclasses import replace
from typing import Any, cast
from uuid import uuid4

import pytest

from shared.auth import Tokens
from shared.bus import Arrival, BusDown, Publisher
from shared.clock import Clock
from shared.database import Database
from shared.events.dead import DeadLetters
from shared.events.handling import Delivery
from shared.kafka import KafkaBus, KafkaSettings
from shared.kafka.producer import MessageTooLarge
from shared.local.kafka import LocalKafka
from shared.service import Runtime, running
from tests.bus.samples import drain
from tests.platform.bakery import Oven, bakery
from tests.platform.letters import NOBODY, inbox, life, waiting
from tests.system import MONDAY

Headers = Sequence[tuple[str, bytes]]


@pytest.fixture
async def bus(kafka: LocalKafka) -> AsyncIterator[KafkaBus]:
    bus = KafkaBus(KafkaSettings(bootstrap=kafka.bootstrap))
    yield bus
    await bus.close()


@pytest.fixture
async def topic(bus: KafkaBus) -> str:
    """A topic with its topic of the dead."""
    topic = f"steward.test-{uuid4().hex}"
    await bus.ensure_topics([topic, f"{topic}.dead"])
    return topic


async def came_in(bus: KafkaBus, topic: str, records: Sequence[tuple[bytes | None, Headers, bytes | None]]) -> Any:
    """These records, as they arrive from the topic, in the order they are given here."""
    publisher = bus.publisher()
    for key, headers, value in records:
        await publisher.publish_raw(topic, key, headers, value)
    found = await drain(await bus.subscribe(uuid4().hex, [topic]), len(records))
    return sorted(found, key=lambda each: [value for _, _, value in records].index(each.value))


async def told(bus: KafkaBus, topic: str, count: int) -> list[Arrival]:
    """The letters on the topic, without the order of its partitions."""
    found = await drain(await bus.subscribe(uuid4().hex, [f"{topic}.dead"]), count)
    return sorted(found, key=lambda each: (dict(each.headers)["dead_reason"], each.value or b""))


def failing(delivery: Delivery[Any]) -> None:
    if getattr(delivery.event, "note", None) == "stone":
        raise ValueError("a stone, größer als ein Brot")


async def test_each_is_told_as_it_came_with_its_reason_and_where_it_was(
    bus: KafkaBus, topic: str, bakery_database: Database
) -> None:
    Oven.fault = staticmethod(failing)
    poison, invalid, unknown = (life(uuid4())[0] for _ in range(3))
    poison = replace(life(uuid4())[1], sequence=1, data='{"note": "stone"}')
    invalid = replace(invalid, data='{"grain": 7}')
    unknown = replace(unknown, type="steward.sack.enchanted.v1", data='{"by": "nobody"}')
    readable = [
        (str(each.aggregate_id).encode(), each.headers(), each.data.encode()) for each in (poison, invalid, unknown)
    ]
    records: list[tuple[bytes | None, Headers, bytes | None]] = [
        *readable,
        (b"k\xff", [("x", b"\xff")], b"\x00\xffnoise"),
    ]
    found = await came_in(bus, topic, records)
    await inbox(bakery_database).receive(found)
    letters = DeadLetters(topic, bakery_database, bus.publisher())
    assert await letters.tell() == 4
    assert await letters.tell() == 0
    for letter, (reason, fault, came) in zip(
        await told(bus, topic, 4),
        [("invalid", "grain", found[1]), ("poison", "größer", found[0]), ("unknown-type", "enchanted", found[2]),
         ("unreadable", "CloudEvent", found[3])],
        strict=True,
    ):  # fmt: skip
        added = dict(letter.headers)
        assert (letter.key, letter.value) == (came.key, came.value)
        assert letter.headers[: len(came.headers)] == came.headers
        assert fault in added["dead_fault"].decode()
        assert {name: added[f"dead_{name}"] for name in ("reason", "topic", "partition", "offset")} == {
            "reason": reason.encode(), "topic": topic.encode(),
            "partition": b"%d" % came.partition, "offset": b"%d" % came.offset,
        }  # fmt: skip


class Dies(Exception):
    """The process ends here."""


class Dying:
    """A publisher in a process that dies at its second letter, before or after the broker has it."""

    def __init__(self, publisher: Publisher, *, arrived: bool) -> None:
        self.publisher = publisher
        self.arrived = arrived
        self.sent = 0

    async def publish_raw(self, topic: str, key: bytes | None, headers: Headers, value: bytes | None) -> None:
        self.sent += 1
        if self.sent < 2 or self.arrived:
            await self.publisher.publish_raw(topic, key, headers, value)
        if self.sent == 2:
            raise Dies


@pytest.mark.parametrize("arrived", [False, True])
async def test_who_dies_in_between_leaves_none_out(
    bus: KafkaBus, topic: str, bakery_database: Database, arrived: bool
) -> None:
    values = [b"one", b"two", b"three"]
    await inbox(bakery_database).receive(await came_in(bus, topic, [(value, [], value) for value in values]))
    dying = cast("Publisher", Dying(bus.publisher(), arrived=arrived))
    with pytest.raises(Dies):
        await DeadLetters(topic, bakery_database, dying).tell()
    again = DeadLetters(topic, bakery_database, bus.publisher())
    assert await again.tell() == 3
    assert await again.tell() == 0
    found = await told(bus, topic, 5 if arrived else 4)
    assert {each.value for each in found} == set(values)


class Away:
    """A publisher whose bus goes away after the first letter."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher
        self.sent = 0

    async def publish_raw(self, topic: str, key: bytes | None, headers: Headers, value: bytes | None) -> None:
        self.sent += 1
        if self.sent > 1:
            raise BusDown("no answer")
        await self.publisher.publish_raw(topic, key, headers, value)


async def test_what_a_bus_that_went_away_did_not_take_is_told_later_though_it_was_settled_meanwhile(
    bus: KafkaBus, topic: str, bakery_database: Database
) -> None:
    intake = inbox(bakery_database)
    await intake.receive(await came_in(bus, topic, [(value, [], value) for value in (b"one", b"two", b"three")]))
    away = cast("Publisher", Away(bus.publisher()))
    assert await DeadLetters(topic, bakery_database, away).tell() == 1
    for letter in await intake.parking.list(settled=False, after=NOBODY, limit=10):
        await intake.discard(letter, "root")
    assert await waiting(bakery_database) == []
    assert await DeadLetters(topic, bakery_database, bus.publisher()).tell() == 2
    assert {each.value for each in await told(bus, topic, 3)} == {b"one", b"two", b"three"}


class Narrow:
    """A publisher with room for no value."""

    def __init__(self, publisher: Publisher) -> None:
        self.publisher = publisher

    async def publish_raw(self, topic: str, key: bytes | None, headers: Headers, value: bytes | None) -> None:
        if value is not None:
            raise MessageTooLarge(None, len(value), 0)
        await self.publisher.publish_raw(topic, key, headers, value)


async def test_one_that_fits_only_without_its_value_says_how_large_that_is(
    bus: KafkaBus, topic: str, bakery_database: Database
) -> None:
    await inbox(bakery_database).receive(await came_in(bus, topic, [(b"key", [], b"noise")]))
    narrow = cast("Publisher", Narrow(bus.publisher()))
    assert await DeadLetters(topic, bakery_database, narrow).tell() == 1
    [letter] = await told(bus, topic, 1)
    assert (letter.key, letter.value, dict(letter.headers)["dead_omitted"]) == (b"key", None, b"5 bytes")


async def test_a_running_service_makes_its_topic_and_tells_it(bus: KafkaBus, bakery_database: Database) -> None:
    runtime = Runtime(bakery, bakery_database, bus, cast("Tokens", None), Clock(lambda: MONDAY))
    async with running([runtime], bus):
        await runtime.connected.wait()
        await bus.publisher().publish_raw("steward.mill", b"key", [], b"noise")
        [letter] = await told(bus, "steward.bakery", 1)
    assert (letter.key, letter.value) == (b"key", b"noise")
    assert dict(letter.headers)["dead_topic"] == b"steward.mill"
