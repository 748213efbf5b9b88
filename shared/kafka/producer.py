"""The sending side: everything of one call is handed over at once, in order, and the call ends with the last ack.

The producer is idempotent with acks from all in-sync replicas. Whenever it errs or does not answer in time it is
dropped, because its sequence numbers may never fit again (aiokafka 1017), and the next call makes a new one. What the
dropped one had under way may have arrived or not; sending it all again keeps the order of first arrivals.
"""

import asyncio
import logging
from collections.abc import Sequence
from typing import Any, NamedTuple

from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError, MessageSizeTooLargeError
from aiokafka.record.default_records import DefaultRecordBatchBuilder

from contracts.envelope import Message
from shared.bus import BusDown, MessageRefused
from shared.kafka.discarding import discard_producer
from shared.kafka.settings import KafkaSettings

log = logging.getLogger(__name__)

BATCH = 262_144
"""Bytes of one batch. The library keeps one open batch and one request under way per broker: small ones starve it."""

Headers = Sequence[tuple[str, bytes]]


class MessageTooLarge(MessageRefused):
    """The bus will never take this one, however often it is tried. `message` is None for a raw record."""

    def __init__(self, message: Message | None, size: int, limit: int) -> None:
        what = f"{message.type} {message.id}" if message else "a record"
        super().__init__(f"{what} takes {size} bytes, the limit is {limit}")
        self.message = message


class _Outgoing(NamedTuple):
    key: bytes | None
    headers: Headers
    value: bytes | None
    message: Message | None

    def size(self) -> int:
        headers: list[tuple[str, bytes | None]] = list(self.headers)
        return int(DefaultRecordBatchBuilder.estimate_size_in_bytes(self.key, self.value, headers))


class KafkaPublisher:
    """A sender with a producer of its own. Calls are served one after the other."""

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._producer: AIOKafkaProducer | None = None
        self._turn = asyncio.Lock()
        self._leaving: set[asyncio.Task[None]] = set()
        self.closed = False

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Return when every message is acknowledged, in this order.

        Raises MessageTooLarge before anything is sent (a broker with a lower limit than ours: after some of it is),
        and BusDown; then send them all again.
        """
        await self._hand_over(
            topic, [_Outgoing(str(m.aggregate_id).encode(), m.headers(), m.data.encode(), m) for m in messages]
        )

    async def publish_raw(self, topic: str, key: bytes | None, headers: Headers, value: bytes | None) -> None:
        """Send one record as it is, for dead letters. Raises MessageTooLarge and BusDown."""
        # The library refuses a record with neither key nor value.
        await self._hand_over(topic, [_Outgoing(b"" if key is None and value is None else key, headers, value, None)])

    async def close(self) -> None:
        """Let go, within five seconds. What is being published then fails by its own bound."""
        self.closed = True
        self._drop()
        if self._leaving:
            await asyncio.wait(self._leaving, timeout=4.0)

    async def _hand_over(self, topic: str, records: list[_Outgoing]) -> None:
        limit = self._settings.max_message
        for record in records:
            if record.size() > limit:
                raise MessageTooLarge(record.message, record.size(), limit)
        if not records:
            return
        async with self._turn:
            try:
                await self._send(topic, records)
            except MessageSizeTooLargeError:
                # The broker's own limit is lower and it refused a batch without saying which record it was.
                for record in records:
                    try:
                        await self._send(topic, [record])
                    except MessageSizeTooLargeError as error:
                        raise MessageTooLarge(record.message, record.size(), limit) from error

    async def _send(self, topic: str, records: list[_Outgoing]) -> None:
        acks: list[asyncio.Future[Any]] = []
        try:
            async with asyncio.timeout(self._settings.timeout):
                producer = await self._connected()
                for key, headers, value, _ in records:
                    acks.append(await producer.send(topic, value=value, key=key, headers=headers))
                for ack in acks:
                    await ack
        except BaseException as error:
            # Also when the caller is cancelled: nobody would look at the remaining acks.
            self._drop()
            for ack in acks:
                if not ack.cancel() and not ack.cancelled():
                    ack.exception()
            if isinstance(error, KafkaError | TimeoutError | OSError) and not isinstance(
                error, MessageSizeTooLargeError
            ):
                raise BusDown(f"{topic} took {len(records)} records for unsure: {error!r}") from error
            raise

    async def _connected(self) -> AIOKafkaProducer:
        if self.closed:
            raise BusDown("this publisher is closed")
        if self._producer is None:
            producer = AIOKafkaProducer(
                **self._settings.connection(),
                acks="all",
                enable_idempotence=True,
                max_batch_size=min(BATCH, self._settings.max_message),
                max_request_size=self._settings.max_message,
                # Half our own bound, so that the library itself notices first and closes what it opened.
                request_timeout_ms=int(self._settings.timeout * 500),
            )
            try:
                await producer.start()
            except BaseException:
                self._discard(producer)
                raise
            self._producer = producer
        return self._producer

    def _drop(self) -> None:
        if self._producer is not None:
            self._discard(self._producer)
            self._producer = None

    def _discard(self, producer: AIOKafkaProducer) -> None:
        task = asyncio.create_task(discard_producer(producer))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)
