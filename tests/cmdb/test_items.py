"""Items through the API: registered under a name for good, edited, moved through their life, listed, told."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from tests.builders import read, told
from tests.cmdb.samples import an_item, name_of, related
from tests.system import Steward


@pytest.mark.capability("CFG-1")
async def test_a_name_is_given_once_and_the_refusal_says_to_whom(steward: Steward) -> None:
    item = await an_item(steward)
    answer = await steward.client("frank").post("/cmdb/items", json={"name": item["name"], "type": "team"})
    assert (answer.status_code, answer.json()["number"], answer.json()["rule"]) == (409, item["number"], "name")


async def test_a_repeated_order_gets_its_first_answer_not_a_refusal_of_its_name(steward: Steward) -> None:
    body, key = {"name": name_of("web"), "type": "server"}, {"Idempotency-Key": uuid4().hex}
    first = await steward.client("frank").post("/cmdb/items", json=body, headers=key)
    again = await steward.client("frank").post("/cmdb/items", json=body, headers=key)
    assert (first.status_code, again.status_code) == (201, 201)
    assert again.json() == first.json()
    assert again.headers["Idempotency-Replayed"] == "true"


async def test_an_edit_names_each_field_before_and_after(steward: Steward) -> None:
    item = await an_item(steward, title="Web", attributes={"cores": 4, "virtual": True}, links=["a", "b"])
    body = {"title": None, "owner": "Platform", "attributes": {"cores": 8, "virtual": None}, "links": ["b"]}
    path, frank = f"/cmdb/items/{item['id']}", steward.client("frank")
    answer = await frank.patch(path, json=body, headers={"If-Match": '"1"'})
    assert answer.status_code == 200
    found = answer.json()
    assert (found["title"], found["owner"], found["attributes"], found["links"]) == (
        None,
        "Platform",
        {"cores": 8},
        ["b"],
    )
    timeline = await read(frank, f"{path}/timeline")
    assert [each["event"] for each in timeline["items"]] == ["ci.registered", "ci.changed"]
    assert timeline["items"][1]["data"]["changes"] == {
        "title": {"before": "Web", "after": None},
        "owner": {"before": None, "after": "Platform"},
        "links": {"before": "a\nb", "after": "b"},
        "attributes.cores": {"before": 4, "after": 8},
        "attributes.virtual": {"before": True, "after": None},
    }
    same = await frank.patch(path, json={"owner": "Platform"}, headers={"If-Match": '"2"'})
    assert (same.status_code, same.json()["version"]) == (200, 2)


@pytest.mark.parametrize(("headers", "status"), [({}, 428), ({"If-Match": '"7"'}, 412)])
async def test_an_edit_says_which_version_it_means(steward: Steward, headers: dict[str, str], status: int) -> None:
    item = await an_item(steward)
    answer = await steward.client("frank").patch(f"/cmdb/items/{item['id']}", json={"title": "x"}, headers=headers)
    assert answer.status_code == status


@pytest.mark.parametrize("field", ["name", "type", "source", "status"])
async def test_what_an_item_is_cannot_be_edited(steward: Steward, field: str) -> None:
    item = await an_item(steward)
    answer = await steward.client("frank").patch(
        f"/cmdb/items/{item['id']}", json={field: "x"}, headers={"If-Match": '"1"'}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


@pytest.mark.capability("CFG-3")
async def test_an_item_goes_through_its_life(steward: Steward) -> None:
    item, frank = await an_item(steward, status="planned"), steward.client("frank")
    path = f"/cmdb/items/{item['id']}"
    for verb, status in (("test", "test"), ("go-live", "live"), ("maintain", "maintenance"), ("return", "live")):
        assert (await told(frank, f"{path}/{verb}"))["status"] == status
    gone = await told(frank, f"{path}/retire", {"reason": "Replaced"})
    assert (gone["status"], gone["allowed_actions"]) == ("retired", [])
    answer = await frank.post(f"{path}/go-live", json={})
    assert (answer.status_code, answer.json()["allowed"]) == (409, [])


@pytest.mark.capability("CFG-3")
async def test_what_others_depend_on_is_retired_only_for_a_stated_reason(steward: Steward) -> None:
    host, frank = await an_item(steward), steward.client("frank")
    portal, planned, team = (
        await an_item(steward, "application"),
        await an_item(steward, "application", status="planned"),
        await an_item(steward, "team"),
    )
    edges = [
        await related(steward, portal, "runs-on", host),
        await related(steward, planned, "runs-on", host),
        await related(steward, host, "owned-by", team),
    ]
    path = f"/cmdb/items/{host['id']}/retire"
    answer = await frank.post(path, json={"reason": "Old"})
    assert (answer.status_code, answer.json()["rule"], answer.json()["dependents"]) == (
        409,
        "dependents",
        [portal["name"]],
    )
    assert all([(await read(frank, f"/cmdb/relationships/{each['id']}"))["valid_to"] is None for each in edges])
    assert (await told(frank, path, {"force": "It has burnt down"}))["status"] == "retired"
    for each in edges:
        found = await read(frank, f"/cmdb/relationships/{each['id']}")
        assert (found["valid_to"], found["allowed_actions"]) != (None, ["remove"])
    last = (await read(frank, f"/cmdb/items/{host['id']}/timeline"))["items"][-1]
    assert (last["event"], last["data"]["reason"]) == ("ci.status_changed", "It has burnt down")


async def test_a_repeated_retirement_gets_its_first_answer(steward: Steward) -> None:
    item, key = await an_item(steward), {"Idempotency-Key": uuid4().hex}
    for _ in range(2):
        answer = await steward.client("frank").post(f"/cmdb/items/{item['id']}/retire", json={}, headers=key)
        assert (answer.status_code, answer.json()["version"]) == (200, 2)


@pytest.mark.parametrize(
    ("query", "wanted"),
    [
        ({"type": "server"}, {"a", "b"}),
        ({"type": ["server", "application"]}, {"a", "b", "c"}),
        ({"nature": "service"}, {"c"}),
        ({"status": ["planned", "maintenance"]}, {"b"}),
        ({"owner": "Ops"}, {"a", "c"}),
        ({"location": "Berlin"}, {"b"}),
        ({"supplier": "ACME"}, {"b"}),
        ({"criticality": 1}, {"c"}),
        ({"q": "quick fox"}, {"c"}),
        ({"name": ["a", "c"]}, {"a", "c"}),
        ({"source": "elsewhere"}, {"b"}),
        ({"registered_before": "2026-01-01T00:00:00Z"}, set()),
        ({"sort": "-name", "limit": 1}, {"c"}),
    ],
)
async def test_lists_are_filtered(three: Steward, query: dict[str, Any], wanted: set[str]) -> None:
    answer = await read(three.client("alice"), "/cmdb/items", **query)
    assert {each["name"] for each in answer["items"]} == wanted


@pytest.mark.parametrize("who", ["carol", "nobody", None])
async def test_whoever_is_not_of_staff_sees_nothing(steward: Steward, who: str | None) -> None:
    item = await an_item(steward)
    for path in (
        "/items", f"/items/{item['id']}", f"/items/{item['id']}/accounting", f"/items/{item['id']}/timeline",
        f"/items/{item['id']}/relationships", "/relationships", "/graph?at=2026-01-01T00:00:00Z",
        f"/impact?item={item['name']}",
    ):  # fmt: skip
        answer = await steward.client(who).get(f"/cmdb{path}")
        assert answer.status_code == (401 if who is None else 403), path


@pytest.mark.parametrize("who", ["alice", "bob", "carol", "grace"])
async def test_only_configuration_management_writes(steward: Steward, who: str) -> None:
    item, client = await an_item(steward), steward.client(who)
    orders = [("/items", {"name": name_of("x"), "type": "server"}), ("/estate", {"source": "x"}),
              ("/relationships", {"source": item["name"], "kind": "supports", "target": item["name"]})]  # fmt: skip
    orders += [(f"/items/{item['id']}/{verb}", {}) for verb in ("test", "go-live", "maintain", "return", "retire")]
    for path, body in orders:
        assert (await client.post(f"/cmdb{path}", json=body)).status_code == 403, path
    patched = await client.patch(f"/cmdb/items/{item['id']}", json={"title": "x"}, headers={"If-Match": '"1"'})
    assert patched.status_code == 403
    assert (await read(steward.client("frank"), f"/cmdb/items/{item['id']}"))["version"] == 1


async def test_what_happens_is_told_in_the_stream_of_the_log(steward: Steward) -> None:
    item = await an_item(steward)
    await steward.drained()
    last = text("SELECT type, subject FROM event ORDER BY position DESC LIMIT 1")
    (row,) = await steward.database("cmdb").rows(last, {})
    assert (row.type, row.subject) == ("steward.ci.registered.v1", item["number"])
