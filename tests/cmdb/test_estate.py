"""Estates: taken in whole or not at all, the same again changes nothing, and they obey the rules of everybody."""

import asyncio
from typing import Any

import pytest

from services.cmdb.lifecycle import Status
from tests.builders import Json, read, told
from tests.cmdb.samples import ChangeElsewhere, an_item, name_of, related
from tests.system import Steward

pytestmark = pytest.mark.capability("CFG-1")


def estate(source: str, *names: str, edges: Any = (), **more: Any) -> Json:
    """Servers of these names, each with an owner."""
    return {
        "source": source,
        "items": [{"name": name, "type": "server", "owner": "Ops"} for name in names],
        "relationships": [{"source": a, "kind": kind, "target": b} for a, kind, b in edges],
        **more,
    }


async def sent(steward: Steward, body: Json, **query: Any) -> Json:
    answer = await steward.client("frank").post("/cmdb/estate", json=body, params=query)
    assert answer.status_code == 200, answer.text
    found: Json = answer.json()
    return found


async def refused(steward: Steward, body: Json) -> dict[str, str]:
    """The message of each fault by its field; nothing is half done."""
    before = await totals(steward)
    answer = await steward.client("frank").post("/cmdb/estate", json=body)
    assert answer.status_code == 422, answer.text
    assert await totals(steward) == before
    return {each["field"]: each["message"] for each in answer.json()["errors"]}


async def totals(steward: Steward) -> int:
    await steward.drained()
    return await steward.runtime("cmdb").log.head()


async def by_name(steward: Steward, name: str) -> Json:
    found = await read(steward.client("alice"), "/cmdb/items", name=name)
    (item,) = found["items"]
    return dict(item)


def triple() -> tuple[str, str, str, str]:
    return name_of("estate"), name_of("a"), name_of("b"), name_of("c")


async def test_an_estate_is_taken_in_and_the_same_again_changes_nothing(steward: Steward) -> None:
    source, a, b, _ = triple()
    body = estate(source, a, b, edges=[(a, "runs-on", b)])
    rehearsed = await sent(steward, body, dry_run=True)
    assert (await read(steward.client("alice"), "/cmdb/items", source=source))["items"] == []
    done = await sent(steward, body)
    assert done == rehearsed | {"dry_run": False}
    assert done["items"] == {"added": [a, b], "changed": [], "retired": [], "unchanged": 0}
    assert done["relationships"]["added"] == [{"source": a, "kind": "runs-on", "target": b}]
    before = await totals(steward)
    again = await sent(steward, body)
    assert (again["items"]["unchanged"], again["relationships"]["unchanged"]) == (2, 1)
    assert again["items"]["added"] == again["items"]["changed"] == again["relationships"]["added"] == []
    assert await totals(steward) == before
    item = await by_name(steward, a)
    assert (item["status"], item["source"], item["owner"], item["number"][:3]) == ("live", source, "Ops", "CI-")
    edges = await read(steward.client("alice"), "/cmdb/relationships", origin=source)
    assert [each["source_ci"] for each in edges["items"]] == [a]


async def test_what_is_another_is_changed_and_told_field_by_field(steward: Steward) -> None:
    source, a, b, c = triple()
    await sent(steward, estate(source, a, b))
    body = estate(source, a, b, c)
    body["items"][0] |= {"owner": None, "title": "Web", "attributes": {"cores": 2}, "status": "maintenance"}
    done = await sent(steward, body)
    assert (done["items"]["added"], done["items"]["unchanged"]) == ([c], 1)
    assert done["items"]["changed"] == [{"name": a, "changes": {
        "title": {"before": None, "after": "Web"}, "owner": {"before": "Ops", "after": None},
        "attributes.cores": {"before": None, "after": 2},
        "status": {"before": "live", "after": "maintenance"}}}]  # fmt: skip
    item = await by_name(steward, a)
    assert (item["version"], item["status"], item["title"], item["owner"]) == (3, "maintenance", "Web", None)


async def test_everything_that_is_wrong_is_named_by_its_place(steward: Steward) -> None:
    source, a, b, c = triple()
    d = (await an_item(steward))["name"]
    body = estate(source, a, a, b, c, edges=[
        (c, "runs-on", c), (b, "owned-by", c), (b, "runs-on", "nothing-there"), (b, "supports", c),
        (b, "supports", c), (a, "supports", a)])  # fmt: skip
    body["items"][0]["attributes"] = {"cores": "many", "wheels": 4}
    body["items"].append({"name": d, "type": "team"})
    # Of a relationship whose item is refused nothing more is said.
    assert set(await refused(steward, body)) == {
        "items.0.attributes.cores", "items.0.attributes.wheels", "items.1.name", "items.4.type",
        "relationships.0.target", "relationships.1.target", "relationships.2.target", "relationships.4",
    }  # fmt: skip


async def test_a_circle_within_an_estate_or_with_what_is_there_is_refused_with_its_way(steward: Steward) -> None:
    source, a, b, c = triple()
    within = await refused(steward, estate(source, a, b, edges=[(a, "part-of", b), (b, "part-of", a)]))
    assert list(within) in (["relationships.0"], ["relationships.1"])
    await sent(steward, estate(source, a, b, c, edges=[(a, "runs-on", b), (b, "runs-on", c)]))
    other = await refused(steward, estate(name_of("other"), edges=[(c, "runs-on", a)]))
    way = other["relationships.0"].rpartition(": ")[2].split(" → ")
    assert (way[0], set(way), len(way)) == (way[-1], {a, b, c}, 4)
    # Turned round within one estate it is none: what is ended closes nothing.
    turned = estate(source, a, b, c, edges=[(b, "runs-on", a), (c, "runs-on", b)], prune=True)
    assert len((await sent(steward, turned))["relationships"]["ended"]) == 2


async def test_without_prune_nothing_ends_and_with_it_what_the_source_has_no_more(steward: Steward) -> None:
    source, a, b, c = triple()
    own = await an_item(steward)
    await sent(
        steward, estate(source, a, b, c, edges=[(a, "runs-on", b), (a, "runs-on", c), (c, "supports", own["name"])])
    )
    kept = await sent(steward, estate(source, a, b, edges=[(a, "runs-on", b)]))
    assert (kept["items"]["retired"], kept["relationships"]["ended"]) == ([], [])
    pruned = estate(source, a, b, edges=[(a, "runs-on", b)], prune=True)
    rehearsed = await sent(steward, pruned, dry_run=True)
    done = await sent(steward, pruned)
    assert done == rehearsed | {"dry_run": False}
    assert done["items"]["retired"] == [c]
    assert sorted(each["source"] for each in done["relationships"]["ended"]) == sorted([a, c])
    assert (await by_name(steward, c))["status"] == "retired"
    assert (await by_name(steward, own["name"]))["status"] == "live"
    before = await totals(steward)
    assert (await sent(steward, pruned))["items"]["retired"] == []
    assert await totals(steward) == before


async def test_what_others_depend_on_is_pruned_only_for_a_stated_reason(steward: Steward) -> None:
    source, a, b, _ = triple()
    await sent(steward, estate(source, a, b))
    portal = await an_item(steward, "application")
    edge = await related(steward, portal, "runs-on", await by_name(steward, b))
    body = estate(source, a, prune=True)
    found = await refused(steward, body)
    assert portal["name"] in found["prune"]
    await sent(steward, body | {"force": "The rack is gone"})
    assert (await by_name(steward, b))["status"] == "retired"
    assert (await read(steward.client("alice"), f"/cmdb/relationships/{edge['id']}"))["valid_to"] is not None


async def test_an_item_of_another_source_is_related_to_but_not_altered(steward: Steward) -> None:
    source, a, _, _ = triple()
    own = await an_item(steward, owner="Ops")
    same = await sent(steward, estate(source, a, own["name"], edges=[(a, "runs-on", own["name"])]))
    assert (same["items"]["unchanged"], same["items"]["added"]) == (1, [a])
    body = estate(source, a, own["name"])
    body["items"][1]["owner"] = "Somebody"
    assert "kept by manual" in (await refused(steward, body))["items.1"]
    assert (await by_name(steward, own["name"]))["owner"] == "Ops"


@pytest.mark.capability("CFG-3")
async def test_an_estate_is_held_to_change_control(steward: Steward) -> None:
    source, a, b, _ = triple()

    def walls(title: str, **more: Any) -> Json:
        items = [{"name": name, "type": "firewall", "title": title} for name in (a, b)]
        edge = {"source": a, "kind": "supports", "target": b}
        return {"source": source, "items": items, "relationships": [edge] if title == "New" else [], **more}

    await sent(steward, walls("Old"))
    assert set(await refused(steward, walls("New"))) == {"items.0", "items.1"}
    number = await ChangeElsewhere(a).approved().arrives(steward)
    assert set(await refused(steward, walls("New", change=number))) == {"items.1"}
    number = await ChangeElsewhere(a, b).approved().arrives(steward)
    done = await sent(steward, walls("New", change=number))
    assert ([each["name"] for each in done["items"]["changed"]], len(done["relationships"]["added"])) == ([a, b], 1)
    last = (await read(steward.client("alice"), f"/cmdb/items/{(await by_name(steward, a))['id']}/timeline"))["items"][
        -1
    ]
    assert (last["event"], last["data"]["change"]) == ("ci.changed", number)
    gone = await refused(steward, {"source": source, "prune": True})
    assert "altered only by an approved change" in gone["prune"]


@pytest.mark.capability("CFG-3")
async def test_what_an_estate_alters_without_leave_is_flagged_once_an_item(steward: Steward) -> None:
    source, a, b, c = triple()
    items: list[Json] = [{"name": a, "type": "printer"}, *({"name": each, "type": "server"} for each in (b, c))]
    await sent(steward, {"source": source, "items": items})
    items[0]["title"] = "Laser"
    edges = [{"source": a, "kind": "runs-on", "target": b}, {"source": a, "kind": "depends-on", "target": c}]
    await sent(steward, {"source": source, "items": items, "relationships": edges})
    path = f"/cmdb/items/{(await by_name(steward, a))['id']}/timeline"
    timeline = (await read(steward.client("alice"), path))["items"]
    assert [each["event"] for each in timeline] == ["ci.registered", "ci.changed", "ci.unauthorised_change"]
    assert timeline[-1]["data"]["fields"] == ["title", "runs-on", "depends-on"]


@pytest.mark.parametrize(
    ("status", "wanted"), [(Status.PLANNED, "live"), (Status.LIVE, "test"), (Status.RETIRED, "live")]
)
async def test_a_status_is_one_step_away_or_refused(steward: Steward, status: Status, wanted: str) -> None:
    source, a, _, _ = triple()
    body = estate(source, a)
    body["items"][0]["status"] = "live" if status is Status.RETIRED else str(status)
    await sent(steward, body)
    if status is Status.RETIRED:
        await told(steward.client("frank"), f"/cmdb/items/{(await by_name(steward, a))['id']}/retire", {})
    body["items"][0]["status"] = wanted
    if status is Status.PLANNED:
        assert (await sent(steward, body))["items"]["changed"][0]["changes"]["status"]["after"] == "live"
    else:
        assert set(await refused(steward, body)) == {"items.0" if status is Status.RETIRED else "items.0.status"}


async def test_two_imports_and_a_person_at_once_make_each_item_once(steward: Steward) -> None:
    source, a, b, c = triple()
    body = estate(source, a, b, c, edges=[(a, "depends-on", b), (b, "runs-on", c)])
    frank = steward.client("frank")
    answers = await asyncio.gather(
        *(frank.post("/cmdb/estate", json=body) for _ in range(3)),
        frank.post(
            "/cmdb/items", json={"name": c, "type": "server", "source": source, "owner": "Ops", "status": "live"}
        ),
    )
    assert [each.status_code for each in answers[:3]] == [200] * 3
    assert answers[3].status_code in (201, 409)
    assert len((await read(frank, "/cmdb/items", source=source))["items"]) == 3
    assert len((await read(frank, "/cmdb/relationships", item=(await by_name(steward, b))["id"]))["items"]) == 2
