"""What goes over the wire: readable by others, unreadable from others, too large, out of sequence."""

import json
import struct
from uuid import uuid4

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.record.util import calc_crc32c
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat

from shared.bus import BusDown
from shared.kafka import KafkaBus, MessageTooLarge
from shared.local.kafka import LocalKafka
from tests.bus.samples import drain, event, ids

pytestmark = pytest.mark.kafka


async def test_a_foreign_cloudevents_reader_understands_what_we_send(bus: KafkaBus, topic: str, group: str) -> None:
    sent = event(uuid4(), 3)
    await bus.publisher().publish(topic, [sent])
    [raw] = await drain(await bus.subscribe(group, [topic]), 1)
    assert raw.key is not None
    assert raw.value is not None
    read = from_binary_event(KafkaMessage(dict(raw.headers), raw.key, raw.value), JSONFormat())
    assert read.get_specversion() == "1.0"
    assert read.get_id() == str(sent.id)
    assert read.get_source() == sent.source
    assert read.get_type() == sent.type
    assert read.get_subject() == sent.subject
    assert read.get_time() == sent.occurred
    assert read.get_datacontenttype() == "application/json"
    assert read.get_data() == json.loads(sent.data)
    extensions = {name: read.get_extension(name) for name in ("partitionkey", "sequence", "actor", "traceparent")}
    assert extensions == {
        "partitionkey": str(sent.aggregate_id),
        "sequence": "3",
        "actor": sent.actor,
        "traceparent": sent.traceparent,
    }
    assert raw.key == str(sent.aggregate_id).encode()


GOOD = dict(event(uuid4(), 1).headers())
UNREADABLE: dict[str, tuple[dict[str, bytes], bytes | None, str]] = {
    "no headers": ({}, b"{}", "no attribute 'specversion'"),
    "another version": (GOOD | {"ce_specversion": b"0.3"}, b"{}", "specversion b'0.3', which is not 1.0"),
    "no id": ({name: value for name, value in GOOD.items() if name != "ce_id"}, b"{}", "no attribute 'id'"),
    "a bad uuid": (GOOD | {"ce_id": b"17"}, b"{}", "badly formed"),
    "a bad time": (GOOD | {"ce_time": b"yesterday"}, b"{}", "yesterday"),
    "a time without a zone": (GOOD | {"ce_time": b"2026-01-01T00:00:00"}, b"{}", "without a zone"),
    "a bad sequence": (GOOD | {"ce_sequence": b"one"}, b"{}", "one"),
    "a sequence below one": (GOOD | {"ce_sequence": b"0"}, b"{}", "out of range"),
    "a sequence no database holds": (GOOD | {"ce_sequence": b"9" * 19}, b"{}", "out of range"),
    "an attribute that is not UTF-8": (GOOD | {"ce_actor": b"zo\xeb"}, b"{}", "decode"),
    "an attribute with a NUL": (GOOD | {"ce_actor": b"a\0b"}, b"{}", "NUL"),
    "data that is not UTF-8": (GOOD, b"\xff\xfe", "decode"),
    "no data": (GOOD, None, "no data"),
}


@pytest.mark.parametrize("name", UNREADABLE)
async def test_an_unreadable_record_arrives_with_its_fault_and_its_raw_parts(
    name: str, bus: KafkaBus, topic: str, group: str
) -> None:
    headers, value, fault = UNREADABLE[name]
    publisher, subscription = bus.publisher(), await bus.subscribe(group, [topic])
    await publisher.publish_raw(topic, b"somebody", list(headers.items()), value)
    [arrival] = await drain(subscription, 1)
    assert arrival.message is None
    assert arrival.fault is not None
    assert arrival.fault.startswith("not a readable CloudEvent: ")
    assert fault in arrival.fault
    assert (arrival.key, dict(arrival.headers), arrival.value) == (b"somebody", headers, value)
    after = event(uuid4(), 1)
    await publisher.publish(topic, [after])
    assert ids(await drain(subscription, 1)) == [after.id]


async def test_a_record_the_client_library_cannot_decode_does_not_hold_up_its_partition(
    kafka: LocalKafka, bus: KafkaBus, topic: str, group: str
) -> None:
    record = uuid4()
    sent = [event(record, sequence) for sequence in range(1, 6)]
    publisher = bus.publisher()
    await publisher.publish(topic, sent[:3])
    [before] = {a.partition for a in await drain(await bus.subscribe(f"{group}-before", [topic]), 3)}
    await send_undecodable(kafka, topic, before)
    await publisher.publish(topic, sent[3:])
    found = await drain(await bus.subscribe(group, [topic]), 6)
    assert [a.message.id if a.message else a.fault for a in found[:3] + found[4:]] == ids(sent)
    assert found[3].message is None
    assert "the name of a header" in str(found[3].fault)
    assert found[3].offset == 3


async def send_undecodable(kafka: LocalKafka, topic: str, partition: int) -> None:
    """One record with the header name FF FE, which clients in other languages can send and this one cannot."""
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap)
    await producer.start()
    batch = producer.create_batch()
    batch.append(key=b"k", value=b"v", timestamp=None, headers=[("QQ", b"x")])
    build = batch._build

    def spoilt() -> bytes:
        data = bytearray(build())
        at = data.index(b"QQ")
        data[at : at + 2] = b"\xff\xfe"
        data[17:21] = struct.pack(">I", calc_crc32c(bytes(data[21:])))  # the checksum covers what follows it
        return bytes(data)

    batch._build = spoilt
    await (await producer.send_batch(batch, topic, partition=partition))
    await producer.stop()


async def test_a_raw_record_needs_neither_key_nor_value(bus: KafkaBus, topic: str, group: str) -> None:
    await bus.publisher().publish_raw(topic, None, [("why", b"a dead letter of nothing")], None)
    [arrival] = await drain(await bus.subscribe(group, [topic]), 1)
    assert (arrival.headers, arrival.value) == ((("why", b"a dead letter of nothing"),), None)


async def test_a_message_over_the_limit_is_named_before_anything_is_sent(bus: KafkaBus, topic: str, group: str) -> None:
    large = event(uuid4(), 1, data=json.dumps("x" * 1_100_000))
    publisher = bus.publisher()
    with pytest.raises(MessageTooLarge, match=str(large.id)) as refused:
        await publisher.publish(topic, [event(uuid4(), 1), large])
    assert refused.value.message is large
    just_right = event(uuid4(), 1, data=json.dumps("x" * 1_000_000))
    await publisher.publish(topic, [just_right])
    assert ids(await drain(await bus.subscribe(group, [topic]), 1)) == [just_right.id]


async def test_a_message_over_the_brokers_own_limit_is_named_and_the_publisher_goes_on(
    kafka: LocalKafka, bus: KafkaBus, group: str
) -> None:
    topic = f"steward.test-{uuid4().hex}"
    admin = AIOKafkaAdminClient(bootstrap_servers=kafka.bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, 1, 1, topic_configs={"max.message.bytes": "4000"})])
    await admin.close()
    await bus.ensure_topics([topic])
    publisher = bus.publisher()
    # Together too much for the broker, each by itself fine.
    small = [event(uuid4(), 1, data=json.dumps("x" * 2000)) for _ in range(4)]
    await publisher.publish(topic, small)
    large = event(uuid4(), 1, data=json.dumps("x" * 5000))
    with pytest.raises(MessageTooLarge, match=str(large.id)):
        await publisher.publish(topic, [large])
    last = event(uuid4(), 1)
    await publisher.publish(topic, [last])
    found = await drain(await bus.subscribe(group, [topic]), 5)
    assert set(ids(found)) == {*ids(small), last.id}


async def test_a_producer_whose_sequence_numbers_no_longer_fit_is_replaced(
    bus: KafkaBus, topic: str, group: str
) -> None:
    record = uuid4()
    sent = [event(record, sequence) for sequence in (1, 2)]
    publisher = bus.publisher()
    await publisher.publish(topic, sent[:1])
    assert publisher._producer is not None
    numbers = publisher._producer._txn_manager
    for partition in range(6):
        numbers.increment_sequence_number(TopicPartition(topic, partition), 7)
    with pytest.raises(BusDown, match="OutOfOrderSequenceNumber"):
        await publisher.publish(topic, sent[1:])
    await publisher.publish(topic, sent[1:])
    assert ids(await drain(await bus.subscribe(group, [topic]), 2)) == ids(sent)
