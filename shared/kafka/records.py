"""From a Kafka record to an arrival: what is not a readable CloudEvent becomes a fault, never an exception."""

from aiokafka import AIOKafkaConsumer, ConsumerRecord

from contracts.envelope import Message
from shared.bus import Arrival

LARGEST = 2**63 - 1


def arrival(record: ConsumerRecord) -> Arrival:
    """Read a record in CloudEvents' binary mode."""
    # A header may be null on the wire, which says no more than its absence.
    headers = tuple((name, value) for name, value in record.headers if value is not None)
    message, fault = None, None
    try:
        message = _message(dict(headers), record.value)
    except ValueError as error:
        fault = f"not a readable CloudEvent: {error}"
    return Arrival(record.topic, record.partition, record.offset, message, fault, record.key, headers, record.value)


async def one_by_one(consumer: AIOKafkaConsumer, limit: int) -> list[Arrival]:
    """Read at most `limit` records of each partition, up to and past one whose header names are not UTF-8.

    The library cannot decode such a record and fails each fetch that contains it, without saying where it is: alone,
    it would hold up its partition for ever. Its parts stay in the topic only.
    """
    found: list[Arrival] = []
    for tp in consumer.assignment():
        for _ in range(limit):
            position = await consumer.position(tp)
            try:
                records = await consumer.getmany(tp, timeout_ms=500, max_records=1)
            except UnicodeDecodeError as error:
                consumer.seek(tp, position + 1)
                fault = f"not a readable CloudEvent: the name of a header: {error}"
                found.append(Arrival(tp.topic, tp.partition, position, None, fault, None, (), None))
                return found
            if not records:
                break
            found += [arrival(record) for record in records[tp]]
    return found


def _message(headers: dict[str, bytes], value: bytes | None) -> Message:
    if value is None:
        raise ValueError("no data")
    version = headers.get("ce_specversion")
    if version != b"1.0":
        raise ValueError(f"specversion {version!r}, which is not 1.0" if version else "no attribute 'specversion'")
    message = Message.from_headers(headers, value)
    if message.occurred.tzinfo is None or message.recorded.tzinfo is None:
        raise ValueError("an instant without a zone")
    if not (1 <= message.sequence <= LARGEST and 1 <= message.position <= LARGEST):
        raise ValueError(f"sequence {message.sequence} or position {message.position} is out of range")
    if any(b"\0" in text for name, text in headers.items() if name.startswith("ce_")):
        raise ValueError("an attribute holds a NUL character")
    return message
