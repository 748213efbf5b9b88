"""What was: any item and the whole graph at any past instant, against a plain model that kept a copy of everything."""

from copy import deepcopy
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.cmdb.lifecycle import LIFECYCLE, Action, Status
from tests.builders import Json, read, told
from tests.cmdb.samples import an_item, name_of
from tests.system import Steward

pytestmark = pytest.mark.capability("CFG-5")
KEPT = ("name", "type", "status", "title", "owner", "attributes")


class Model:
    """A history played to the service and kept here as whole copies, an hour after each other."""

    def __init__(self, steward: Steward) -> None:
        self.steward = steward
        self.frank = steward.client("frank")
        self.items: dict[str, Json] = {}
        self.edges: dict[tuple[str, str, str], str] = {}
        self.copies: list[tuple[datetime, Json, set[tuple[str, str, str]]]] = []

    def keep(self) -> None:
        shown = {id: {name: item[name] for name in KEPT} for id, item in self.items.items()}
        self.copies.append((self.steward.clock.now(), deepcopy(shown), set(self.edges)))

    async def play(self, data: st.DataObject) -> None:
        self.steward.clock.advance(hours=1)
        draw = data.draw
        what = draw(st.sampled_from(["register", "edit", "move", "relate", "remove"]))
        ids = sorted(self.items)
        if what == "register" or not ids:
            found = await an_item(self.steward, status=draw(st.sampled_from(["planned", "test", "live"])))
            self.items[found["id"]] = found
            return
        id = draw(st.sampled_from(ids))
        item, path = self.items[id], f"/cmdb/items/{id}"
        if what == "edit" and item["status"] != "retired":
            body = {"title": draw(st.none() | st.sampled_from("xyz")), "owner": draw(st.sampled_from("ab")),
                    "attributes": {"cores": draw(st.none() | st.integers(1, 2))}}  # fmt: skip
            answer = await self.frank.patch(path, json=body, headers={"If-Match": "*"})
            self.items[id] = answer.json()
        elif what == "move" and (allowed := [a for a in LIFECYCLE.allowed(Status(item["status"])) if a != Action.EDIT]):
            action = draw(st.sampled_from(allowed))
            body = {"force": "it has to go"} if action is Action.RETIRE else {}
            self.items[id] = await told(self.frank, f"{path}/{action}", body)
            if action is Action.RETIRE:
                self.edges = {edge: of for edge, of in self.edges.items() if item["name"] not in edge}
        elif what == "relate":
            other = self.items[draw(st.sampled_from(ids))]
            edge = (item["name"], "depends-on", other["name"])
            free = id != other["id"] and edge not in self.edges and "retired" not in (item["status"], other["status"])
            if free:
                body = {"source": edge[0], "kind": edge[1], "target": edge[2]}
                self.edges[edge] = (await told(self.frank, "/cmdb/relationships", body))["id"]
        elif what == "remove" and self.edges:
            edge = draw(st.sampled_from(sorted(self.edges)))
            await told(self.frank, f"/cmdb/relationships/{self.edges.pop(edge)}/remove", {})


async def whole(steward: Steward, at: datetime, limit: int) -> tuple[Json, set[tuple[str, str, str]]]:
    """Everything as of an instant, page by page."""
    items, edges, cursor = {}, set(), None
    while True:
        query: dict[str, Any] = {"at": at.isoformat(), "limit": limit} | ({"cursor": cursor} if cursor else {})
        page = await read(steward.client("alice"), "/cmdb/graph", **query)
        assert len(page["items"]) + len(page["relationships"]) <= limit
        for each in page["items"]:
            assert each["id"] not in items
            items[each["id"]] = {name: each[name] for name in KEPT}
        edges |= {(each["source_ci"], each["kind"], each["target_ci"]) for each in page["relationships"]}
        cursor = page["next"]
        if cursor is None:
            return items, edges


@settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(st.data())
async def test_every_instant_of_any_history_is_what_a_copy_of_it_says(travelled: Steward, data: st.DataObject) -> None:
    model = Model(travelled)
    for _ in range(data.draw(st.integers(1, 12))):
        await model.play(data)
        model.keep()
    for at, items, edges in data.draw(st.lists(st.sampled_from(model.copies), min_size=1, max_size=3)):
        at = min(at + timedelta(minutes=data.draw(st.integers(0, 59))), travelled.clock.now())
        found, related = await whole(travelled, at, 25)
        own = {id: found[id] for id in model.items if id in found}
        assert own == items
        names = {item["name"] for item in model.items.values()}
        assert {edge for edge in related if {edge[0], edge[2]} & names} == edges
        for id in model.items:
            answer = await travelled.client("alice").get(f"/cmdb/items/{id}", params={"at": at.isoformat()})
            assert answer.status_code == (200 if id in items else 404)
            if id in items:
                assert {name: answer.json()[name] for name in KEPT} == items[id]


async def test_an_item_as_it_was_has_the_version_and_instant_of_then(travelled: Steward) -> None:
    steward, frank = travelled, travelled.client("frank")
    item = await an_item(steward, title="Old", name=name_of("web"))
    then = steward.clock.now()
    later = steward.clock.advance(hours=1)
    await frank.patch(f"/cmdb/items/{item['id']}", json={"title": "New"}, headers={"If-Match": '"1"'})
    for at, version, title, since in ((then, 1, "Old", then), (later, 2, "New", later)):
        found = await read(frank, f"/cmdb/items/{item['id']}", at=at.isoformat())
        assert (found["version"], found["title"], found["number"]) == (version, title, item["number"])
        assert datetime.fromisoformat(found["since"]) == since


@pytest.mark.parametrize("path", ["/graph", "/items/{id}", "/impact?item={id}"])
async def test_what_will_be_is_not_known(steward: Steward, path: str) -> None:
    item = await an_item(steward)
    url = f"/cmdb{path.format(id=item['id'])}"
    later = (steward.clock.now() + timedelta(seconds=1)).isoformat()
    answer = await steward.client("alice").get(
        url, params={**({"item": item["id"]} if "?" in url else {}), "at": later}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "at")


@pytest.mark.parametrize("cursor", ["items/x", "items/------------------------------------", "things/1"])
async def test_a_cursor_of_something_else_is_refused(steward: Steward, cursor: str) -> None:
    query = {"at": "2026-01-01T00:00:00Z", "cursor": cursor}
    answer = await steward.client("alice").get("/cmdb/graph", params=query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cursor")
