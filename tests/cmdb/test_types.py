"""Types as data: items obey the version in force when they are written, and every fault is named by its field."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.cmdb.rules.types import ItemType, faults
from tests.builders import Json, applied, read
from tests.cmdb.samples import an_item, document, name_of
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("CFG-1")
LAST = text("SELECT type FROM event WHERE subject = :subject")


async def refused(steward: Steward, **body: Any) -> set[str]:
    answer = await steward.client("frank").post("/cmdb/items", json={"name": name_of("x"), **body})
    assert answer.status_code == 422, answer.text
    return {each["field"] for each in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("body", "fields"),
    [
        ({"type": "nothing"}, {"type"}),
        ({"type": "licence"}, {"owner", "links", "attributes.seats"}),
        ({"type": "licence", "owner": "x", "links": ["http://x"], "attributes": {"seats": "9"}}, {"attributes.seats"}),
        ({"type": "licence", "owner": "x", "links": ["http://x"], "attributes": {"seats": True}}, {"attributes.seats"}),
        ({"type": "server", "attributes": {"wheels": 4}}, {"attributes.wheels"}),
        ({"type": "server", "attributes": {"system": "VMS"}}, {"attributes.system"}),
        ({"type": "server", "attributes": {"virtual": 1}}, {"attributes.virtual"}),
        ({"type": "server", "attributes": {"cores": 2**60}}, {"attributes.cores"}),
        ({"type": "server", "attributes": {"memory": "much"}, "wheels": 4}, {"wheels"}),
        ({"type": "server", "criticality": 4}, {"criticality"}),
        ({"type": "server", "status": "retired"}, {"status"}),
    ],
)
async def test_what_does_not_obey_its_type_is_refused_by_field(steward: Steward, body: Json, fields: set[str]) -> None:
    assert await refused(steward, **body) == fields


async def test_an_item_says_what_its_type_allows_and_remembers_its_version(steward: Steward) -> None:
    attributes = {"cores": 8, "memory": 31.5, "virtual": False, "system": "BSD"}
    item = await an_item(steward, attributes=attributes, owner="Platform", links=["https://example.org/web"])
    assert (item["type_version"], item["nature"], item["attributes"]) == (1, "component", attributes)
    assert item["number"].startswith("CI-")
    assert await read(steward.client("alice"), f"/cmdb/items/{item['id']}") == item | {"allowed_actions": []}


async def test_items_obey_the_version_in_force_when_they_are_written(fresh_steward: Steward) -> None:
    steward, frank = fresh_steward, fresh_steward.client("frank")
    item = await an_item(steward, attributes={"cores": 4})
    later = (MONDAY + timedelta(days=1)).isoformat()
    await applied(steward, "cmdb", [document("server", later, nature="component", required=["owner"], attributes={
        "sockets": {"kind": "integer"}})], by="frank")  # fmt: skip
    path, etag = f"/cmdb/items/{item['id']}", {"If-Match": '"1"'}
    still = await frank.patch(path, json={"title": "Web"}, headers=etag)
    assert (still.status_code, still.json()["type_version"]) == (200, 1)
    steward.clock.advance(days=1)
    answer = await frank.patch(path, json={"title": "Mail"}, headers={"If-Match": '"2"'})
    assert {each["field"] for each in answer.json()["errors"]} == {"owner", "attributes.cores"}
    body = {"owner": "x", "attributes": {"cores": None, "sockets": 2}}
    done = await frank.patch(path, json=body, headers={"If-Match": '"2"'})
    assert (done.status_code, done.json()["type_version"], done.json()["attributes"]) == (200, 2, {"sockets": 2})
    # A step of its life needs no fields: what cannot be described any more can still be retired.
    bare = await frank.post(f"{path}/retire", json={})
    assert bare.json()["status"] == "retired"


async def test_a_new_version_is_an_event_and_keeps_the_nature(steward: Steward) -> None:
    name, frank = f"type-{uuid4().hex[:8]}", steward.client("frank")
    terms = {"seats": {"kind": "text", "required": True, "choices": ["one"]}}
    await applied(steward, "cmdb", [document(name, nature="component", control="flag", attributes=terms)], by="frank")
    log = await steward.database("cmdb").rows(LAST, {"subject": f"cmdb/ItemType/{name}"})
    assert [row.type for row in log] == ["steward.ci_type.versioned.v1"]
    other = document(name, "2021-01-01T00:00:00Z", nature="service")
    answer = await frank.post("/cmdb/policies", json={"documents": [other]})
    assert answer.json()["errors"][0]["field"] == "documents.0.spec.nature"


@pytest.mark.parametrize(
    "spec",
    [{}, {"nature": "thing"}, {"nature": "service", "required": ["colour"]},
     {"nature": "service", "attributes": {"a": {"kind": "integer", "choices": ["1"]}}},
     {"nature": "service", "attributes": {"a b": {"kind": "text"}}}],
)  # fmt: skip
async def test_a_document_that_is_no_type_is_refused_by_its_place(steward: Steward, spec: Json) -> None:
    body = {"documents": [document("broken") | {"spec": spec}]}
    answer = await steward.client("frank").post("/cmdb/policies", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("documents.0.spec")


KINDS: dict[str, tuple[type, ...]] = {"text": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}
ENDLESS = [float("nan"), float("inf")]
VALUES = st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from([0.5, *ENDLESS]) | st.text(max_size=3)


@given(kind=st.sampled_from(sorted(KINDS)), value=VALUES)
def test_a_value_is_of_its_kind_or_refused(kind: str, value: Any) -> None:
    terms = ItemType.model_validate({"nature": "service", "attributes": {"a": {"kind": kind}}})
    fits = type(value) in KINDS[kind] and value not in ENDLESS and value == value
    said = {"attributes": {} if value is None else {"a": value}}
    assert (faults(terms, said) == []) is (fits or value is None)
