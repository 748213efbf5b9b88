"""Follows Steward's incidents and problems from its topics: a line for each change, going on where it stopped last.

It knows nothing of Steward but the topics and the events (docs/guide/events.md): any CloudEvents reader over any Kafka
client does the same.
"""

import asyncio
import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, TypedDict, cast

from aiokafka import AIOKafkaConsumer, ConsumerRecord
from cloudevents.core.base import BaseCloudEvent
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event

TOPICS = ("steward.incident", "steward.problem")


class Fact(TypedDict):
    """What every event of an incident or problem carries, of which we use this; its number is the event's subject."""

    state: str
    priority: int | None


class Opened(Fact):
    title: str


class Waiting(Fact):
    reason: str


class Linked(Fact):
    relation: str
    target_number: str | None


class Recurred(Fact):
    recurrences: int
    incident_number: str


def opened(data: Opened) -> str:
    return f"opened: {data['title']}"


def waiting(data: Waiting) -> str:
    return f"waits for: {data['reason']}"


def linked(data: Linked) -> str:
    return f"linked to its {data['relation']} {data['target_number'] or ''}".rstrip()


def recurred(data: Recurred) -> str:
    return f"came back with {data['incident_number']}; that makes {data['recurrences']}"


SAID: Mapping[str, Callable[[Any], str]] = {
    "steward.incident.opened.v1": opened,
    "steward.incident.waiting.v1": waiting,
    "steward.incident.linked.v1": linked,
    "steward.problem.opened.v1": opened,
    "steward.problem.waiting.v1": waiting,
    "steward.problem.recurred.v1": recurred,
}


def name(type: str) -> str:
    """What happened, in the words of its type: all we can say of what we do not know, later versions among it."""
    what = type.removeprefix("steward.").rpartition(".")[0]
    return what.removeprefix("incident.").removeprefix("problem.").replace(".", " ").replace("_", " ")


def event_of(record: ConsumerRecord) -> BaseCloudEvent:
    return from_kafka_event(KafkaMessage(dict(record.headers), record.key, record.value))


def fact(event: BaseCloudEvent) -> Fact:
    return cast(Fact, event.get_data())


def line(event: BaseCloudEvent) -> str:
    """`2026-03-02 07:12:00  INC-1042  new  P2  opened: Orders cannot be placed  (carol)`"""
    data = fact(event)
    say = SAID.get(event.get_type(), lambda _: name(event.get_type()))
    priority = f"P{data['priority']}" if data["priority"] else "--"
    parts = (
        f"{event.get_time():%Y-%m-%d %H:%M:%S}", event.get_subject() or "", data["state"], priority, say(data),
        f"({event.get_extension('actor')})",
    )  # fmt: skip
    return "  ".join(parts)


async def follow(brokers: str, group: str) -> None:
    """A group starts at the topics' beginning and goes on after what it committed. Killed between a line and its
    commit, it prints that line again: who keeps anything skips the ids, or a record's sequences, that it has had."""
    consumer = AIOKafkaConsumer(
        *TOPICS, bootstrap_servers=brokers, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    await consumer.start()
    try:
        async for record in consumer:
            event = event_of(record)
            # New rules are told on the same topics; they are no record and have no state.
            if "state" in fact(event):
                print(line(event), flush=True)
            await consumer.commit()
    finally:
        await consumer.stop()


async def main() -> None:
    brokers, group = os.environ.get("KAFKA", "127.0.0.1:8190"), os.environ.get("GROUP", "subscriber-python")
    following = asyncio.create_task(follow(brokers, group))
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, following.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await following


if __name__ == "__main__":
    asyncio.run(main())
