"""How to get rid of a client of aiokafka within a bound, whatever the broker does.

Its own `stop()` first sends what is buffered and waits for answers, which is for ever while the broker is down
(aiokafka 1101), and cancelling that leaves its tasks running. So this reaches into the client, which is why the
library's minor version is pinned.
"""

import asyncio
import logging
from collections.abc import Iterator
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.client import AIOKafkaClient

log = logging.getLogger(__name__)

GRACE = 2.5
"""Seconds for an orderly departure (a consumer tells its group)."""
FORCE = 1.0
"""Seconds for tasks to notice that they are cancelled."""


def look_at(task: "asyncio.Task[Any]") -> None:
    """See how a task ended, so that it does not complain that nobody did."""
    if task.done() and not task.cancelled() and task.exception() is not None:
        log.debug("left behind: %r", task.exception())


async def discard_producer(producer: AIOKafkaProducer) -> None:
    """Drop it with everything it has not sent. Its futures stay pending. Takes at most `FORCE` seconds twice."""
    producer._closed = True  # what stop() would set: no more sends, and no complaint by the finaliser
    sender = producer._sender.sender_task
    if sender is not None:
        sender.cancel()
    await discard_client(producer.client, {sender} if sender is not None else set())


async def discard_consumer(consumer: AIOKafkaConsumer) -> None:
    """Leave the group if it answers in `GRACE` seconds, and drop the consumer in any case."""
    stop = asyncio.create_task(consumer.stop())
    try:
        await asyncio.wait({stop}, timeout=GRACE)
    finally:
        left = stop.done() and not stop.cancelled() and stop.exception() is None
        if not left:
            log.warning("a consumer of %s did not stop in order", consumer._group_id)
            tasks = {stop, *_tasks(consumer._coordinator), *_tasks(consumer._fetcher)}
            for task in tasks:
                task.cancel()
            await discard_client(consumer._client, tasks)


async def discard_client(client: AIOKafkaClient, tasks: set["asyncio.Task[Any]"]) -> None:
    """Cut the connections and see the client's tasks, and the cancelled `tasks` of its owner, to their end."""
    for connection in list(client._conns.values()):
        writer = connection._writer
        connection.close()
        if writer is not None:
            # Closing flushes first, and a broker that is paused never takes the rest.
            writer.transport.abort()
    closing = asyncio.create_task(client.close())
    pending = {closing, *tasks}
    for _ in range(int(FORCE / 0.05)):
        # The sender's last requests wait for news of the cluster, which nobody brings any more.
        if client._md_update_fut is not None and not client._md_update_fut.done():
            client._md_update_fut.set_result(False)
        done, pending = await asyncio.wait(pending, timeout=0.05)
        for task in done:
            if not task.cancelled() and task.exception() is not None:
                log.debug("a discarded client ended with %r", task.exception())
        if not pending:
            return
    for task in pending:
        task.cancel()
    await asyncio.wait(pending, timeout=FORCE)


def _tasks(owner: object) -> Iterator["asyncio.Task[Any]"]:
    """The unfinished tasks which an object keeps in its attributes."""
    for value in vars(owner).values() if owner is not None else ():
        for item in value if isinstance(value, set | list) else (value,):
            if isinstance(item, asyncio.Task) and not item.done():
                yield item
