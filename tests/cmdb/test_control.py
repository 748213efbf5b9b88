"""Change control: an item in service of a controlled type is altered by an approved change, flagged, or not at all."""

from datetime import timedelta
from typing import Any

import pytest

from services.cmdb.rules.control import Approval, objection
from tests.builders import Json, read, told
from tests.cmdb.samples import ChangeElsewhere, an_item, related
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("CFG-3")


async def attempts(steward: Steward, item: Json, change: str | None) -> list[Any]:
    """The answers to an edit, a step and two changes of relationships; those that need it name the change."""
    frank, path = steward.client("frank"), f"/cmdb/items/{item['id']}"
    other = await an_item(steward)
    named = {} if change is None else {"change": change}
    etag = {"If-Match": f'"{(await read(frank, path))["version"]}"'}
    edit = await frank.patch(path, json={"title": "New", **named}, headers=etag)
    step = await frank.post(f"{path}/maintain", json=named)
    orders = [{"source": item["name"], "target": other["name"]}, {"source": other["name"], "target": item["name"]}]
    added = [await frank.post("/cmdb/relationships", json={"kind": "supports", **order, **named}) for order in orders]
    return [edit, step, *added]


async def events(steward: Steward, item: Json) -> list[str]:
    found = await read(steward.client("alice"), f"/cmdb/items/{item['id']}/timeline")
    return [each["event"] for each in found["items"]]


async def test_without_a_change_nothing_of_it_is_altered(steward: Steward) -> None:
    item = await an_item(steward, "firewall")
    for answer in await attempts(steward, item, None):
        assert (answer.status_code, answer.json()["rule"], answer.json()["item"]) == (
            409,
            "change-control",
            item["name"],
        )
    assert await events(steward, item) == ["ci.registered"]


async def test_an_approved_change_in_its_window_allows_it_and_is_named(steward: Steward) -> None:
    item = await an_item(steward, "firewall")
    number = await ChangeElsewhere(item["name"]).approved().arrives(steward)
    for answer in await attempts(steward, item, number):
        assert answer.is_success, answer.text
    timeline = await read(steward.client("alice"), f"/cmdb/items/{item['id']}/timeline")
    assert [(each["event"], each["data"].get("change")) for each in timeline["items"]] == [
        ("ci.registered", None), ("ci.changed", number), ("ci.status_changed", number)]  # fmt: skip
    edges = await read(steward.client("frank"), f"/cmdb/items/{item['id']}/relationships")
    for edge in edges["items"]:
        path = f"/cmdb/relationships/{edge['id']}"
        assert (await steward.client("frank").post(f"{path}/remove", json={})).status_code == 409
        await told(steward.client("frank"), f"{path}/remove", {"change": number})
        entries = (await read(steward.client("frank"), f"{path}/timeline"))["items"]
        assert [each["data"]["change"] for each in entries] == [number, number]


@pytest.mark.parametrize("case", ["other item", "not approved", "cancelled", "closed", "over", "to come", "unknown"])
async def test_a_change_that_does_not_cover_it_now_does_not_allow_it(steward: Steward, case: str) -> None:
    item = await an_item(steward, "firewall")
    change = ChangeElsewhere("something-else" if case == "other item" else item["name"], start={
        "over": MONDAY - timedelta(hours=8), "to come": MONDAY + timedelta(seconds=1)}.get(case))  # fmt: skip
    if case != "not approved":
        change.approved()
    if case in ("cancelled", "closed"):
        getattr(change, case)()
    number = "CHG-999999999999" if case == "unknown" else await change.arrives(steward)
    assert {answer.status_code for answer in await attempts(steward, item, number)} == {409}
    assert await events(steward, item) == ["ci.registered"]


async def test_what_is_flagged_goes_through_and_somebody_has_to_answer_for_it(steward: Steward) -> None:
    item = await an_item(steward, "printer")
    for answer in await attempts(steward, item, None):
        assert answer.is_success, answer.text
    assert await events(steward, item) == [
        "ci.registered", "ci.changed", "ci.unauthorised_change", "ci.status_changed", "ci.unauthorised_change",
        "ci.unauthorised_change", "ci.unauthorised_change"]  # fmt: skip
    timeline = (await read(steward.client("alice"), f"/cmdb/items/{item['id']}/timeline"))["items"]
    assert [each["data"]["fields"] for each in timeline if each["event"] == "ci.unauthorised_change"] == [
        ["title"], ["status"], ["supports"], ["supports"]]  # fmt: skip


async def test_what_is_flagged_is_not_where_a_change_covers_it(steward: Steward) -> None:
    item = await an_item(steward, "printer")
    number = await ChangeElsewhere(item["name"]).approved().arrives(steward)
    assert all(answer.is_success for answer in await attempts(steward, item, number))
    assert "ci.unauthorised_change" not in await events(steward, item)


async def test_what_is_not_in_service_yet_is_altered_freely(steward: Steward) -> None:
    item, frank = await an_item(steward, "firewall", status="planned"), steward.client("frank")
    path = f"/cmdb/items/{item['id']}"
    assert (await frank.patch(path, json={"title": "New"}, headers={"If-Match": '"1"'})).status_code == 200
    await related(steward, item, "depends-on", await an_item(steward))
    assert (await told(frank, f"{path}/go-live"))["status"] == "live"
    assert (await frank.post(f"{path}/retire", json={"force": "I want to"})).json()["rule"] == "change-control"


async def test_an_administrator_is_held_to_it_too(steward: Steward) -> None:
    item = await an_item(steward, "firewall")
    answer = await steward.client("root").patch(
        f"/cmdb/items/{item['id']}", json={"title": "x"}, headers={"If-Match": '"1"'}
    )
    assert (answer.status_code, answer.json()["rule"]) == (409, "change-control")


@pytest.mark.parametrize(
    ("state", "start", "end", "allowed"),
    [
        ("approved", 0, 1, True),  # it begins with its window's first instant
        ("approved", -1, 0, False),  # and is over at the end's
        ("implementing", -1, 1, True),
        ("implementing", None, None, True),  # an emergency may have no window
        ("approved", None, None, False),
        ("implemented", -1, 1, False),
        ("requested", -1, 1, False),
    ],
)
def test_a_window_is_half_open(state: str, start: int | None, end: int | None, allowed: bool) -> None:
    instants = [None if each is None else MONDAY + timedelta(hours=each) for each in (start, end)]
    approval = Approval("CHG-1", state, ("fw-1",), *instants)
    assert (objection(approval, "fw-1", MONDAY) is None) is allowed
