"""Recorded events to send, and how to take everything in."""

import asyncio
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from itertools import count
from uuid import UUID, uuid4

from contracts.envelope import Message
from shared.bus import Arrival, Subscription

OCCURRED = datetime(2026, 3, 29, 1, 30, 0, 250_000, tzinfo=UTC)
_positions = count(1)


def event(aggregate: UUID, sequence: int, *, data: str = '{"title": "Drucker fährt nicht hoch"}') -> Message:
    """The event number `sequence` of an aggregate, with every attribute set."""
    return Message(
        id=uuid4(),
        source="/steward/incident",
        type="steward.incident.commented.v1",
        subject=f"INC-{aggregate.int % 10_000}",
        aggregate_id=aggregate,
        sequence=sequence,
        occurred=OCCURRED,
        recorded=datetime.now(UTC),
        actor="zoë",
        correlation=uuid4(),
        causation=uuid4(),
        traceparent=f"00-{uuid4().hex}-{uuid4().hex[:16]}-01",
        organisation="northwind",
        historical=sequence % 2 == 0,
        position=next(_positions),
        data=data,
    )


def events(aggregates: int, each: int) -> list[Message]:
    """`each` events of so many new aggregates, taking turns."""
    ids = [uuid4() for _ in range(aggregates)]
    return [event(id, sequence) for sequence in range(1, each + 1) for id in ids]


async def drain(subscription: Subscription, expected: int, *, done: bool = True) -> list[Arrival]:
    """Take in until `expected` arrivals are there. Fails with what came if they are not within 60 s."""
    found: list[Arrival] = []
    try:
        async with asyncio.timeout(60):
            while len(found) < expected:
                batch = await subscription.batch(100, 0.5)
                found += batch
                if done:
                    await subscription.done(batch)
    except TimeoutError:
        raise AssertionError(f"{len(found)} of {expected} messages came") from None
    return found


async def until(condition: Callable[[], bool], what: str, seconds: float = 60) -> None:
    """Wait for it. Fails with `what`."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what it asks about has no event
                await asyncio.sleep(0.02)
    except TimeoutError:
        raise AssertionError(f"not within {seconds} s: {what}") from None


def ids(found: Iterable[Arrival | Message]) -> list[UUID]:
    """The event ids, in order of arrival."""
    messages = [one.message if isinstance(one, Arrival) else one for one in found]
    return [message.id for message in messages if message is not None]


def by_record(found: Iterable[Arrival]) -> dict[UUID, list[int]]:
    """The sequences of each aggregate in order of first arrival."""
    sequences: dict[UUID, list[int]] = {}
    for one in found:
        assert one.message is not None, one.fault
        seen = sequences.setdefault(one.message.aggregate_id, [])
        if one.message.sequence not in seen:
            seen.append(one.message.sequence)
    return sequences
