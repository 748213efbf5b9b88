"""Impact: what is struck and what is relied on, each with a way that is there; networkx is the oracle."""

from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4

import networkx
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from services.cmdb.rules.relationships import ends
from tests.builders import Json, read, told
from tests.cmdb.samples import an_item, related
from tests.system import Steward

pytestmark = pytest.mark.capability("CFG-10")
KINDS = ("depends-on", "supports")
EDGE = st.tuples(st.integers(0, 7), st.sampled_from(KINDS), st.integers(0, 7)).filter(lambda each: each[0] != each[2])
EDGES = st.lists(EDGE, max_size=16, unique=True)
Edge = tuple[int, str, int]


async def imported(steward: Steward, edges: list[Edge]) -> dict[int, str]:
    """Eight items of a source of their own, related like this from now on."""
    names = {number: f"{uuid4().hex[:6]}-{number}" for number in range(8)}
    body = {
        "source": names[0],
        "items": [{"name": name, "type": "server"} for name in names.values()],
        "relationships": [{"source": names[a], "kind": kind, "target": names[b]} for a, kind, b in edges],
    }
    await told(steward.client("frank"), "/cmdb/estate", body)
    return names


async def rewired(steward: Steward, names: dict[int, str], edges: list[Edge]) -> None:
    body = {
        "source": names[0], "prune": True, "items": [{"name": name, "type": "server"} for name in names.values()],
        "relationships": [{"source": names[a], "kind": kind, "target": names[b]} for a, kind, b in edges],
    }  # fmt: skip
    await told(steward.client("frank"), "/cmdb/estate", body)


def failures(names: dict[int, str], edges: list[Edge], direction: str) -> "networkx.MultiDiGraph[str]":
    graph: networkx.MultiDiGraph[str] = networkx.MultiDiGraph()
    graph.add_nodes_from(names.values())
    for a, kind, b in edges:
        provider, dependent = ends(kind, names[a], names[b])  # type: ignore[arg-type]
        graph.add_edge(*((provider, dependent) if direction == "down" else (dependent, provider)), key=kind)
    return graph


def agree(answer: Json, graph: "networkx.MultiDiGraph[str]", starts: set[str]) -> None:
    """The answer is what the oracle reaches, by ways as short, each step of which is there."""
    distances = dict(networkx.multi_source_dijkstra_path_length(graph, starts, weight=lambda *_: 1))
    wanted = {name: far for name, far in distances.items() if far}
    assert answer["complete"] is True
    assert {each["name"]: each["distance"] for each in answer["affected"]} == wanted
    for each in answer["affected"]:
        way = each["path"]
        assert (way[0]["item"] in starts, way[-1]["item"], len(way)) == (True, each["name"], each["distance"] + 1)
        for before, step in pairwise(way):
            assert graph.has_edge(before["item"], step["item"], key=step["kind"])


@settings(max_examples=10, deadline=None, phases=[Phase.generate], suppress_health_check=list(HealthCheck))
@given(EDGES, EDGES, st.sets(st.integers(0, 7), min_size=1, max_size=3), st.sampled_from(["down", "up"]))
async def test_impact_agrees_with_the_oracle_now_and_then(
    travelled: Steward, first: list[Edge], second: list[Edge], starts: set[int], direction: str
) -> None:
    names = await imported(travelled, first)
    before = travelled.clock.now()
    travelled.clock.advance(hours=1)
    await rewired(travelled, names, second)
    asked = {names[each] for each in starts}
    for at, edges in ((None, second), (before, first), (travelled.clock.now(), second)):
        query: dict[str, Any] = {"item": sorted(asked), "direction": direction}
        answer = await impact(travelled, **query | ({"at": at.isoformat()} if at else {}))
        agree(answer, failures(names, edges, direction), asked)


async def impact(steward: Steward, **query: Any) -> Json:
    return await read(steward.client("alice"), "/cmdb/impact", **query)


async def chain(steward: Steward) -> dict[str, Json]:
    """A portal on a host in a rack, with its team."""
    found = {
        "portal": await an_item(steward, "application", owner="grace", criticality=1),
        "host": await an_item(steward, owner="frank"),
        "rack": await an_item(steward),
        "team": await an_item(steward, "team"),
    }
    await related(steward, found["portal"], "runs-on", found["host"])
    await related(steward, found["host"], "runs-on", found["rack"])
    await related(steward, found["portal"], "owned-by", found["team"])
    return found


async def test_services_teams_and_owners_come_first_and_each_has_its_proof(steward: Steward) -> None:
    of = await chain(steward)
    for given_as in (of["rack"]["name"], of["rack"]["id"]):
        found = await impact(steward, item=given_as)
        assert found["items"] == [of["rack"]["name"]]
        assert found["summary"] == {"services": [of["portal"]["name"]], "teams": [of["team"]["name"]],
                                    "owners": ["frank", "grace"], "reached": 3}  # fmt: skip
        assert [each["distance"] for each in found["affected"]] == [1, 2, 3]
        way = found["affected"][-1]["path"]
        assert [each["item"] for each in way] == [of[each]["name"] for each in ("rack", "host", "portal", "team")]
        assert [each.get("kind") for each in way] == [None, "runs-on", "runs-on", "owned-by"]
        for step in way[1:]:
            edge = await read(steward.client("alice"), f"/cmdb/relationships/{step['relationship']}")
            assert (edge["number"], edge["kind"]) == (step["number"], step["kind"])


async def test_upwards_is_what_it_relies_on(steward: Steward) -> None:
    of = await chain(steward)
    found = await impact(steward, item=of["portal"]["name"], direction="up")
    assert [each["name"] for each in found["affected"]] == [of["host"]["name"], of["rack"]["name"]]


async def test_a_nature_is_shown_alone_while_ways_go_through_all(steward: Steward) -> None:
    of = await chain(steward)
    found = await impact(steward, item=of["rack"]["name"], nature="team")
    assert [each["name"] for each in found["affected"]] == [of["team"]["name"]]
    assert len(found["affected"][0]["path"]) == 4
    assert found["summary"]["reached"] == 3


@pytest.mark.parametrize("bound", [{"depth": 2}, {"limit": 2}])
async def test_a_bound_that_was_met_is_told(steward: Steward, bound: dict[str, int]) -> None:
    of = await chain(steward)
    found = await impact(steward, item=of["rack"]["name"], **bound)
    assert (found["complete"], len(found["affected"])) == (False, 2)


async def test_what_ended_or_was_retired_strikes_nobody_any_more(steward: Steward) -> None:
    of = await chain(steward)
    await told(steward.client("frank"), f"/cmdb/items/{of['host']['id']}/retire", {"force": "Scrapped"})
    assert (await impact(steward, item=of["rack"]["name"]))["summary"]["reached"] == 0


async def test_what_is_said_of_an_item_is_of_the_instant(travelled: Steward) -> None:
    of = await chain(travelled)
    before = travelled.clock.now()
    travelled.clock.advance(hours=1)
    path = f"/cmdb/items/{of['portal']['id']}"
    await travelled.client("frank").patch(path, json={"owner": "bob"}, headers={"If-Match": '"1"'})
    then = await impact(travelled, item=of["rack"]["name"], at=before.isoformat())
    now = await impact(travelled, item=of["rack"]["name"])
    assert (then["summary"]["owners"], now["summary"]["owners"]) == (["frank", "grace"], ["bob", "frank"])
    assert datetime.fromisoformat(then["at"]) == before


@pytest.mark.parametrize(
    ("query", "field"),
    [({"item": "no-such-thing"}, "item.0"), ({}, "item"), ({"item": "x", "depth": 0}, "depth"),
     ({"item": "x", "limit": 100_000}, "limit"), ({"item": "x", "direction": "sideways"}, "direction")],
)  # fmt: skip
async def test_a_question_that_is_none_is_refused_by_field(steward: Steward, query: Json, field: str) -> None:
    answer = await steward.client("alice").get("/cmdb/impact", params=query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)


async def test_an_item_that_was_not_there_yet_is_named(steward: Steward) -> None:
    item = await an_item(steward)
    query = {"item": item["name"], "at": "2026-01-01T00:00:00Z"}
    answer = await steward.client("alice").get("/cmdb/impact", params=query)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "item.0")
