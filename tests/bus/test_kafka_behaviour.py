"""Kafka does what every bus does."""

from collections.abc import AsyncIterator, Sequence
from uuid import uuid4

import pytest

from contracts.envelope import Message
from shared.kafka import KafkaBus, KafkaPublisher, KafkaSettings
from shared.local.kafka import LocalKafka
from tests.bus.behaviour import BusBehaviour

pytestmark = pytest.mark.kafka


class KafkaWorld:
    """Events get onto the topic by being published."""

    def __init__(self, bus: KafkaBus, publisher: KafkaPublisher) -> None:
        self.bus = bus
        self._publisher = publisher

    async def topic(self) -> str:
        topic = f"steward.test-{uuid4().hex}"
        await self.bus.ensure_topics([topic])
        return topic

    async def emit(self, topic: str, messages: Sequence[Message]) -> None:
        await self._publisher.publish(topic, messages)

    def group(self) -> str:
        return f"test-{uuid4().hex}"


@pytest.fixture(scope="module")
async def world(kafka: LocalKafka) -> AsyncIterator[KafkaWorld]:
    bus = KafkaBus(KafkaSettings(bootstrap=kafka.bootstrap))
    await bus.start()
    yield KafkaWorld(bus, bus.publisher())
    await bus.close()


class TestKafkaBehaves(BusBehaviour):
    """The suite, on a real broker."""
