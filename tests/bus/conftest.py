"""A broker to break, and a bus on it that loses patience soon."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from shared.kafka import KafkaBus, KafkaSettings
from shared.local import kafka as local_kafka
from shared.local.kafka import LocalKafka
from shared.local.processes import CannotStart
from tests.conftest import not_available


@pytest.fixture(scope="module")
async def broken_broker(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[LocalKafka]:
    """One broker per module for those who kill it."""
    try:
        broker = await local_kafka.start(workplace / uuid4().hex[:8], free_port(), free_port())
    except CannotStart as reason:
        not_available(reason)
    yield broker
    await broker.stop()


@pytest.fixture
async def broker(broken_broker: LocalKafka) -> LocalKafka:
    """The broker to kill, alive again."""
    if not broken_broker.alive:
        await broken_broker.restart()
    return broken_broker


@pytest.fixture
async def impatient(broker: LocalKafka) -> AsyncIterator[KafkaBus]:
    """A bus on the broker to kill that waits 3 s at most for an answer."""
    bus = KafkaBus(KafkaSettings(bootstrap=broker.bootstrap, timeout=3, join=3))
    yield bus
    await bus.close()


@pytest.fixture
async def bus(kafka: LocalKafka) -> AsyncIterator[KafkaBus]:
    """A bus on the broker of this run, which nobody breaks."""
    bus = KafkaBus(KafkaSettings(bootstrap=kafka.bootstrap))
    yield bus
    await bus.close()


@pytest.fixture
async def topic(bus: KafkaBus) -> str:
    """A new topic of six partitions."""
    topic = f"steward.test-{uuid4().hex}"
    await bus.ensure_topics([topic])
    return topic


@pytest.fixture
def group() -> str:
    return f"test-{uuid4().hex}"
