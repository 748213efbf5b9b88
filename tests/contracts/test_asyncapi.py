"""The AsyncAPI document: valid for the specification's own schema and parser, and complete."""

import json
import shutil
import subprocess
from copy import deepcopy
from typing import Any

import pytest
from jsonschema import Draft7Validator
from referencing import Registry
from referencing.jsonschema import DRAFT7

from contracts.asyncapi import document
from contracts.envelope import registry
from tests.contracts.specifications import PROJECT, not_here, specification

SERVICES = {
    "incident": ["steward.problem", "steward.sla"],
    "problem": ["steward.incident"],
    "reporting": ["steward.incident", "steward.sla"],
    "sla": ["steward.incident"],
}
NODE = PROJECT / "tests" / "contracts" / "asyncapi"


@pytest.fixture(scope="module")
def published() -> dict[str, Any]:
    return document(SERVICES, "0.1.0")


def parsed(candidate: dict[str, Any]) -> list[dict[str, Any]]:
    """What @asyncapi/parser has against a document. Severity 0 is an error."""
    node = shutil.which("node")
    if node is None:
        not_here("node is not installed")
    if not (NODE / "node_modules").exists():
        not_here("tests/contracts/asyncapi/node_modules is not there; `make node-tools` installs it")
    done = subprocess.run(
        [node, "validate.mjs"], cwd=NODE, input=json.dumps(candidate), text=True, capture_output=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    found: list[dict[str, Any]] = json.loads(done.stdout)
    return found


def test_the_document_keeps_to_the_schema_of_asyncapi_3(published: dict[str, Any]) -> None:
    Draft7Validator(specification("asyncapi/3.0.0.json")).validate(published)


def test_the_parser_of_asyncapi_finds_no_error_and_nothing_to_warn_of(published: dict[str, Any]) -> None:
    told = [each for each in parsed(published) if each["code"] != "asyncapi-latest-version"]
    assert told == []


def test_the_parser_of_asyncapi_finds_a_typo(published: dict[str, Any]) -> None:
    broken = deepcopy(published)
    broken["operations"]["incident.send"]["action"] = "sned"
    assert any(each["severity"] == 0 and each["path"].startswith("operations") for each in parsed(broken))


def test_every_example_in_it_keeps_to_the_schemas_in_it(published: dict[str, Any]) -> None:
    resources: Registry[Any] = Registry().with_resource("urn:document", DRAFT7.create_resource(published))
    for message in published["components"]["messages"].values():
        for part in ("headers", "payload"):
            pointer = json.loads(json.dumps(message[part]).replace('"#/', '"urn:document#/'))
            Draft7Validator(pointer, registry=resources).validate(message["examples"][0][part])


def test_every_event_is_in_the_channel_of_its_topic(published: dict[str, Any]) -> None:
    for wire, event in registry().items():
        assert wire in published["channels"][event.topic]["messages"]
        assert published["channels"][event.topic]["address"] == event.topic
    assert sum(len(channel["messages"]) for channel in published["channels"].values()) == len(registry())


def test_a_service_sends_the_topic_of_its_name_and_receives_what_it_subscribes_to(published: dict[str, Any]) -> None:
    operations = published["operations"]
    assert set(operations) == {
        "incident.send", "problem.send", "sla.send",
        "incident.receive.steward.problem", "incident.receive.steward.sla", "problem.receive.steward.incident",
        "reporting.receive.steward.incident", "reporting.receive.steward.sla", "sla.receive.steward.incident",
    }  # fmt: skip
    received = operations["problem.receive.steward.incident"]
    assert (received["action"], received["channel"]) == ("receive", {"$ref": "#/channels/steward.incident"})
    assert received["bindings"]["kafka"]["groupId"]["enum"] == ["problem"]


def test_a_subscription_to_an_unknown_topic_is_refused() -> None:
    with pytest.raises(KeyError, match=r"steward\.nothing"):
        document({"problem": ["steward.nothing"]}, "0.1.0")


def test_it_is_the_same_for_the_same_services(published: dict[str, Any]) -> None:
    again = document(dict(reversed(SERVICES.items())), "0.1.0")
    assert json.dumps(again) == json.dumps(published)
