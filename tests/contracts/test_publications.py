"""Schemas, examples and the page of events: they are what the classes say, and foreign readers can use them."""

import json
from itertools import pairwise
from typing import Any

import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_kafka_event
from jsonschema import Draft7Validator, Draft202012Validator

from contracts.attributes import ATTRIBUTES
from contracts.envelope import Message, registry
from contracts.publish import EXAMPLES, SCHEMAS, publications, write
from contracts.story import examples, messages
from tests.contracts.specifications import PROJECT, specification

MADE = publications()
WIRE_TYPES = pytest.mark.parametrize("wire", registry())


def committed(wire: str) -> tuple[dict[str, bytes], bytes, dict[str, Any]]:
    """The example of an event as it would be on Kafka, headers and value, and its body."""
    told = json.loads((PROJECT / EXAMPLES / f"{wire}.json").read_text())
    attributes = dict(told["attributes"])
    headers = {"content-type": attributes.pop("datacontenttype").encode()}
    headers |= {f"ce_{name}": value.encode() for name, value in attributes.items()}
    return headers, json.dumps(told["data"], ensure_ascii=False, separators=(",", ":")).encode(), told["data"]


@pytest.mark.parametrize("path", MADE, ids=str)
def test_what_is_committed_is_what_the_classes_say(path: Any) -> None:
    assert (PROJECT / path).read_text() == MADE[path], "run `make schemas` and commit what it changes"


def test_nothing_is_committed_that_no_class_says() -> None:
    there = {path.relative_to(PROJECT) for folder in (SCHEMAS, EXAMPLES) for path in (PROJECT / folder).iterdir()}
    assert there <= MADE.keys()


def test_writing_removes_the_files_of_an_event_that_is_gone(tmp_path: Any) -> None:
    (tmp_path / SCHEMAS).mkdir(parents=True)
    (tmp_path / SCHEMAS / "steward.incident.gone.v1.json").write_text("{}")
    write(tmp_path, MADE)
    assert {path.relative_to(tmp_path) for path in tmp_path.rglob("*.*")} == MADE.keys()


def test_every_event_has_an_example() -> None:
    assert examples().keys() == registry().keys()


@WIRE_TYPES
def test_a_schema_is_a_schema(wire: str) -> None:
    Draft202012Validator.check_schema(json.loads((PROJECT / SCHEMAS / f"{wire}.json").read_text()))


@WIRE_TYPES
def test_an_example_keeps_to_its_schema(wire: str) -> None:
    schema = json.loads((PROJECT / SCHEMAS / f"{wire}.json").read_text())
    checker = Draft202012Validator.FORMAT_CHECKER
    Draft202012Validator(schema, format_checker=checker).validate(committed(wire)[2])


@WIRE_TYPES
def test_an_example_keeps_to_the_schema_of_cloudevents(wire: str) -> None:
    told = json.loads((PROJECT / EXAMPLES / f"{wire}.json").read_text())
    Draft7Validator(specification("cloudevents/cloudevents.json")).validate(
        {**told["attributes"], "data": told["data"]}
    )


@WIRE_TYPES
def test_an_example_survives_the_way_over_kafka(wire: str) -> None:
    headers, value, body = committed(wire)
    message = Message.from_headers(headers, value)
    assert message == examples()[wire]
    assert dict(message.headers()) == headers
    assert registry()[message.type].model_validate_json(message.data).model_dump(mode="json") == body


@WIRE_TYPES
def test_the_reader_of_the_cloudevents_project_reads_an_example(wire: str) -> None:
    headers, value, body = committed(wire)
    event = from_kafka_event(KafkaMessage(headers, headers["ce_partitionkey"], value))
    assert (event.get_type(), event.get_data()) == (wire, body)
    assert event.get_time() == examples()[wire].occurred


def test_the_attributes_described_are_the_attributes_sent() -> None:
    sent = [{name.removeprefix("ce_") for name, _ in message.headers()} - {"content-type"} for message in messages()]
    assert set.union(*sent) == set(ATTRIBUTES)
    assert set.intersection(*sent) >= {name for name, attribute in ATTRIBUTES.items() if attribute.required}


def test_the_attributes_sent_have_the_described_form() -> None:
    for message in messages():
        for header, value in message.headers()[1:]:
            Draft7Validator(ATTRIBUTES[header.removeprefix("ce_")].schema).validate(value.decode())


def test_the_story_counts_each_record_and_each_log_without_gaps() -> None:
    records: dict[object, list[int]] = {}
    logs: dict[str, list[Message]] = {}
    for message in messages():
        records.setdefault(message.aggregate_id, []).append(message.sequence)
        logs.setdefault(message.source, []).append(message)
    assert all(sequences == list(range(1, len(sequences) + 1)) for sequences in records.values())
    for log in logs.values():
        assert [message.position for message in log] == list(range(1, len(log) + 1))
        assert all(earlier.recorded <= later.recorded for earlier, later in pairwise(log))


def test_the_story_names_only_causes_that_it_has_told() -> None:
    told = {message.id: message for message in messages()}
    assert len(told) == len(messages())
    for message in messages():
        if message.causation:
            cause = told[message.causation]
            assert cause.recorded <= message.recorded
            assert cause.correlation == message.correlation
