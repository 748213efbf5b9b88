"""The broker of one's own machine answers after any crash, keeps what it acknowledged and is nobody else's."""

import asyncio
import os
import signal
import socketserver
import threading
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from contracts.envelope import Message
from shared.kafka import KafkaBus, KafkaSettings
from shared.local import kafka
from shared.local.kafka import LocalKafka
from shared.local.processes import CannotStart, Claim, FolderInUse, processes_in, until
from tests.bus.samples import events
from tests.conftest import not_available

pytestmark = pytest.mark.kafka

TOPIC = "steward.incident"


@pytest.fixture(scope="module")
async def mortal(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[LocalKafka]:
    try:
        broker = await kafka.start(workplace / "own", free_port(), free_port())
    except CannotStart as reason:
        not_available(reason)
    yield broker
    await broker.stop()


@pytest.fixture
async def broker(mortal: LocalKafka) -> LocalKafka:
    """A broker that a test may kill, alive again."""
    if not mortal.alive:
        await mortal.restart()
    return mortal


async def publish(broker: LocalKafka, messages: list[Message]) -> None:
    bus = KafkaBus(KafkaSettings(bootstrap=broker.bootstrap))
    await bus.start()
    await bus.ensure_topics([TOPIC])
    publisher = bus.publisher()
    await publisher.publish(TOPIC, messages)
    await bus.close()


async def everything(broker: LocalKafka, count: int) -> set[object]:
    """The ids of all messages in the topic, waiting for at least `count`."""
    bus = KafkaBus(KafkaSettings(bootstrap=broker.bootstrap))
    await bus.start()
    subscription = await bus.subscribe(f"reader-{uuid4()}", [TOPIC], from_start=True)
    found: set[object] = set()
    async with asyncio.timeout(60):
        while len(found) < count:
            found |= {each.message.id for each in await subscription.batch(100, 1) if each.message}
    await bus.close()
    return found


async def test_after_kill_9_the_next_start_answers_and_has_what_was_acknowledged(broker: LocalKafka) -> None:
    sent = events(5, 10)
    await publish(broker, sent)
    first = broker.pid
    broker.kill()
    assert not broker.alive
    await broker.restart()
    assert broker.pid != first
    assert {each.id for each in sent} <= await everything(broker, 50)


async def test_a_broker_that_a_killed_steward_left_running_is_replaced_not_shared(broker: LocalKafka) -> None:
    broker._claim.release()
    again = await kafka.start(broker.node.parent, broker.port, broker.controller_port)
    assert not broker.alive
    assert processes_in(again.node, "java") == [again.pid]
    await again.stop()
    assert processes_in(again.node, "java") == []
    broker._claim = Claim(broker.node.parent, "kafka")


async def test_a_watched_broker_comes_back_by_itself_on_the_same_port(broker: LocalKafka) -> None:
    watching = asyncio.create_task(broker.watch())
    first = broker.pid
    os.kill(first, signal.SIGKILL)

    assert await until(lambda: broker.pid != first and kafka.answers(broker.port), 90)
    watching.cancel()


async def test_a_second_start_on_the_same_folder_is_refused_and_names_the_holder(
    broker: LocalKafka, free_port: Callable[[], int]
) -> None:
    with pytest.raises(FolderInUse, match=f"in use by another Steward .process {os.getpid()}."):
        await kafka.start(broker.node.parent, free_port(), free_port())
    assert broker.alive


async def test_topics_are_not_made_by_asking_for_them(broker: LocalKafka) -> None:
    assert "auto.create.topics.enable=false" in (broker.node / "server.properties").read_text()


@pytest.mark.parametrize("port", [80, 32768, 40000, 60999])
async def test_a_port_that_clients_could_be_given_is_refused(workplace: Path, port: int) -> None:
    """A reconnecting client that gets the dead broker's port keeps it from ever starting again."""
    with pytest.raises(CannotStart, match="between 1024 and 32767"):
        await kafka.start(workplace / "never", port, 20000)
    assert not (workplace / "never").exists()


def test_missing_jars_are_named_with_the_command_that_fetches_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kafka, "JARS", tmp_path)
    with pytest.raises(CannotStart, match="run make kafka"):
        kafka.jars()


def test_a_java_too_old_is_refused_with_its_own_words(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    java = tmp_path / "bin" / "java"
    java.parent.mkdir()
    java.write_text("#!/bin/sh\necho 'openjdk version \"11.0.2\" 2019-01-15' >&2\n")
    java.chmod(0o755)
    monkeypatch.setenv("JAVA_HOME", str(tmp_path))
    with pytest.raises(CannotStart, match=r"17 or newer.*11\.0\.2"):
        kafka.java()


def test_no_java_at_all_is_said_clearly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("JAVA_HOME", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(kafka, "find_spec", lambda name: None)
    with pytest.raises(CannotStart, match="install one"):
        kafka.java()


async def test_an_open_port_that_is_no_broker_does_not_count_as_an_answer(free_port: Callable[[], int]) -> None:
    class Silent(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            self.request.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")

    port = free_port()
    assert not kafka.answers(port)
    with socketserver.TCPServer(("127.0.0.1", port), Silent) as server:
        serving = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        serving.start()
        assert not kafka.answers(port)
        server.shutdown()
        serving.join()
