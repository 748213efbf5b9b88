"""The bus itself: makes topics, publishers and subscriptions, and lets go of them all."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaError, NoError, TopicAlreadyExistsError, for_code

from shared.bus import BusDown
from shared.kafka.consumer import KafkaSubscription
from shared.kafka.discarding import discard_client
from shared.kafka.producer import KafkaPublisher
from shared.kafka.settings import KafkaSettings


class KafkaBus:
    """Implements `shared.bus.Bus`. It holds no connection of its own between calls."""

    publishes = True

    def __init__(self, settings: KafkaSettings) -> None:
        self._settings = settings
        self._open: set[KafkaPublisher | KafkaSubscription] = set()

    async def start(self) -> None:
        """See that a broker answers, trying again within `settings.timeout`. Raises BusDown."""
        async with self._admin():
            pass

    async def close(self) -> None:
        """Let go of every publisher and subscription, within five seconds."""
        closing = {asyncio.create_task(one.close()) for one in self._open}
        if closing:
            await asyncio.wait(closing, timeout=5.0)

    def healthy(self) -> bool:
        """Whether no subscription is stuck, for readiness."""
        return all(one.healthy() for one in self._open if isinstance(one, KafkaSubscription))

    async def ensure_topics(self, topics: Sequence[str]) -> None:
        """Make the topics that are not there, keep everything in them, and wait until they can be used.

        A topic that is there is left as it is. Raises BusDown, also where the cluster refuses.
        """
        async with self._admin() as admin:
            # The list of all does not create what is asked for, as asking by name may.
            missing = set(topics) - set(await admin.list_topics())
            if missing:
                made = await admin.create_topics([self._new(topic) for topic in sorted(missing)])
                for topic, code, *_ in made.topic_errors:
                    # Another process may have been faster.
                    if for_code(code) not in (NoError, TopicAlreadyExistsError):
                        raise BusDown(f"topic {topic} cannot be made: {for_code(code).__name__}")
            waiting = set(topics)
            while waiting:
                for topic in await admin.describe_topics(sorted(waiting)):
                    led = [partition["leader"] >= 0 for partition in topic["partitions"]]
                    if topic["error_code"] == 0 and led and all(led):
                        waiting.discard(topic["topic"])
                if waiting:
                    await asyncio.sleep(0.05)

    def publisher(self) -> KafkaPublisher:
        """A sender of its own, which connects when it is first used."""
        publisher = KafkaPublisher(self._settings)
        self._keep(publisher)
        return publisher

    async def subscribe(self, group: str, topics: Sequence[str], *, from_start: bool = False) -> KafkaSubscription:
        """Join a consumer group; the topics must be there. Raises BusDown.

        `from_start` sets the group's offsets of the partitions it gets to the beginning, so stop the group's other
        members first.
        """
        subscription = KafkaSubscription(self._settings, group, topics, self._reachable, from_start=from_start)
        await subscription.open()
        self._keep(subscription)
        return subscription

    async def _reachable(self) -> bool:
        """Whether a broker answers a client that is made for this question."""
        try:
            await self.start()
        except BusDown:
            return False
        return True

    def _keep(self, one: KafkaPublisher | KafkaSubscription) -> None:
        self._open = {other for other in self._open if not other.closed} | {one}

    def _new(self, topic: str) -> NewTopic:
        # What producers may send, brokers must take: see `max_message`.
        kept = {"retention.ms": "-1", "cleanup.policy": "delete", "max.message.bytes": str(self._settings.max_message)}
        return NewTopic(topic, self._settings.partitions, self._settings.replication, topic_configs=kept)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[AIOKafkaAdminClient]:
        """A connected administration client. Raises BusDown, also for what its user meets."""
        admin = AIOKafkaAdminClient(**self._settings.connection(), request_timeout_ms=int(self._settings.timeout * 500))
        refused: KafkaError | None = None
        try:
            async with asyncio.timeout(self._settings.timeout):
                while True:
                    try:
                        await admin.start()
                        break
                    except KafkaError as error:
                        refused = error
                        await asyncio.sleep(0.2)
                yield admin
        except (KafkaError, TimeoutError, OSError) as error:
            raise BusDown(f"Kafka at {self._settings.bootstrap}: {refused or error!r}") from error
        finally:
            await discard_client(admin._client, set())
