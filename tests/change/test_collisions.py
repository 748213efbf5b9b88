"""What collides: every collision there is and none that is not, by networkx; and what people are told of them."""

import asyncio
from contextlib import suppress
from datetime import datetime
from itertools import pairwise
from typing import Any
from uuid import uuid4, uuid5

import networkx as nx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from services.change.domain import orders, request
from services.change.lifecycle import State
from services.change.queries import knowledge
from services.change.queries.collisions import in_the_way, planned
from services.change.tables import Change, KnownItem, KnownRelationship
from shared.database import Cause, Transaction
from shared.policies import Policies
from tests.builders import Json, applied, read
from tests.change.samples import (
    END,
    HOUR,
    START,
    Estate,
    asked,
    assessed,
    desk,
    edited,
    events,
    refused,
    verb,
)
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("CHG-7")
LIVE = ("requested", "assessed", "approved", "implementing", "failed")
NODES = range(7)
edge = st.tuples(
    st.sampled_from(NODES), st.sampled_from(NODES), st.sampled_from(["holds", "holds", "held", "will hold"])
)
plan = st.fixed_dictionaries({
    "items": st.lists(st.sampled_from(NODES), max_size=2, unique=True),
    "at": st.integers(0, 12),
    "long": st.integers(1, 6),
    "group": st.sampled_from([None, "Network", "Databases"]),
    "state": st.sampled_from([*State, *LIVE, *LIVE]),
})  # fmt: skip


class Over(Exception):
    """The example is over; nothing of it stays."""


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(edge, max_size=12), st.lists(plan, min_size=2, max_size=5))
async def test_no_collision_is_missed_and_none_is_invented(
    steward: Steward, edges: list[tuple[int, int, str]], plans: list[dict[str, Any]]
) -> None:
    graph: nx.DiGraph[int] = nx.DiGraph()
    graph.add_nodes_from(NODES)
    graph.add_edges_from((provider, dependent) for provider, dependent, when in edges if when == "holds")
    with suppress(Over):
        async with steward.database("change").transaction() as transaction:
            changes = await written(transaction, edges, plans)
            for one, change in zip(plans, changes, strict=True):
                found, complete = await in_the_way(transaction, planned(change), Policies((), ()), MONDAY)
                assert complete
                expected = {
                    (kind, other.id): (two, other)
                    for two, other in zip(plans, changes, strict=True)
                    if other is not change
                    for kind in judged(graph, one, two)
                }
                assert sorted((each.kind, each.other) for each in found) == sorted(expected)
                for each in found:
                    two, other = expected[each.kind, each.other or change.id]
                    starts, ends = zip(window(change), window(other), strict=True)
                    assert (each.overlap_start, each.overlap_end) == (max(starts), min(ends))
                    if each.kind != "same-team":
                        proved(graph, each.path, one, two)
            raise Over


def window(change: Change) -> tuple[datetime, datetime]:
    assert change.planned_start is not None and change.planned_end is not None
    return change.planned_start, change.planned_end


def judged(graph: "nx.DiGraph[int]", one: dict[str, Any], two: dict[str, Any]) -> set[str]:
    """The kinds of collision of two plans, by what networkx says of the graph and by counting hours."""
    hours = [set(range(each["at"], each["at"] + each["long"])) for each in (one, two)]
    if two["state"] not in LIVE or not hours[0] & hours[1]:
        return set()
    kinds = {"same-team"} if one["group"] is not None and one["group"] == two["group"] else set()
    if set(one["items"]) & set(two["items"]):
        return kinds | {"same-item"}
    if any(nx.has_path(graph, a, b) or nx.has_path(graph, b, a) for a in one["items"] for b in two["items"]):
        return kinds | {"dependent-item"}
    return kinds


def proved(graph: "nx.DiGraph[int]", path: tuple[str, ...], one: dict[str, Any], two: dict[str, Any]) -> None:
    """The path leads from the one's items to the other's, over dependencies that hold, and there is no shorter one."""
    nodes = [int(name.split("-")[1]) for name in path]
    assert nodes[0] in one["items"]
    assert nodes[-1] in two["items"]
    down, up = ([pair in graph.edges for pair in pairwise(each)] for each in (nodes, nodes[::-1]))
    assert all(down) or all(up)
    lengths = [
        nx.shortest_path_length(graph, *ends)
        for a in one["items"] for b in two["items"] for ends in ((a, b), (b, a)) if nx.has_path(graph, *ends)
    ]  # fmt: skip
    assert len(path) - 1 == min(lengths)


async def written(
    transaction: Transaction, edges: list[tuple[int, int, str]], plans: list[dict[str, Any]]
) -> list[Change]:
    """The example's items, dependencies and changes, as the service keeps them, beside whatever is there."""
    mark = uuid4()
    names = {node: f"n-{node}-{mark}" for node in NODES}
    ids = {node: uuid5(mark, str(node)) for node in NODES}
    await transaction.execute(text("UPDATE change SET state = 'cancelled'"))
    await transaction.write(
        KnownItem,
        [KnownItem(id=ids[n], name=names[n], nature="component", type="x", status="live") for n in NODES],
    )
    since = {"holds": (-1, None), "held": (-2, -1), "will hold": (1, None)}
    await transaction.write(
        KnownRelationship,
        [
            KnownRelationship(
                id=uuid4(), provider=ids[provider], dependent=ids[dependent], provider_ci=names[provider],
                dependent_ci=names[dependent], valid_from=MONDAY + since[when][0] * HOUR,
                valid_to=MONDAY + since[when][1] * HOUR if since[when][1] else None,  # type: ignore[operator]  # checked
            )
            for provider, dependent, when in edges
        ],
    )  # fmt: skip
    changes = []
    for each in plans:
        begins = START + each["at"] * HOUR
        order = orders.Request(
            title="x", reason="y", items=tuple(names[n] for n in each["items"]), group=each["group"],
            planned_start=begins, planned_end=begins + each["long"] * HOUR,
        )  # fmt: skip
        change, told = request(order, desk(actor="alice"))
        change.state = each["state"]
        transaction.record(change, told, Cause("alice", MONDAY, MONDAY, mark))
        changes.append(change)
    await transaction.flush()
    return changes


async def collisions(steward: Steward, change: Json) -> list[Json]:
    found: Json = await read(steward.client("alice"), f"/change/changes/{change['id']}/collisions")
    return found["items"]  # type: ignore[no-any-return]  # a list


async def found_by(steward: Steward, *changes: Json) -> list[Json]:
    """The collisions that were told of these changes, with the change that each was told of."""
    told = []
    for change in changes:
        timeline = await read(steward.client("bob"), f"/change/changes/{change['id']}/timeline", limit=200)
        told += [each["data"] for each in timeline["items"] if each["event"] == "collision.found"]
    return told


async def test_a_collision_two_hops_away_is_found_with_the_way_as_its_proof(steward: Steward) -> None:
    """A change of the storage and one of the portal: between them lies the database, which neither names."""
    estate = await Estate(steward).items("storage", "database", "portal", "mail")
    await estate.depends(("database", "storage"), ("portal", "database"))
    storage = await assessed(steward, items=[estate.name("storage")])
    mail = await assessed(steward, items=[estate.name("mail")])
    portal = await assessed(steward, items=[estate.name("portal")])
    (seen,) = await collisions(steward, portal)
    way = [estate.name(each) for each in ("portal", "database", "storage")]
    assert (seen["kind"], seen["other"], seen["path"]) == ("dependent-item", storage["id"], way)
    (back,) = await collisions(steward, storage)
    assert (back["id"], back["path"]) == (seen["id"], way[::-1])
    assert await collisions(steward, mail) == []
    await steward.ticked()
    (told,) = await found_by(steward, storage, mail, portal)
    assert (told["kind"], told["overlap_start"], told["overlap_end"]) == ("dependent-item", portal["planned_start"],
                                                                         portal["planned_end"])  # fmt: skip
    assert {told["other_number"]} <= {storage["number"], portal["number"]}
    assert sorted(told["path"]) == sorted(way)


async def test_a_collision_is_told_once_for_a_pair_and_again_for_another_window(steward: Steward) -> None:
    estate = await Estate(steward).items("db")
    one, two = [await assessed(steward, items=[estate.name("db")]) for _ in range(2)]
    for _ in range(2):
        await steward.ticked()
        await verb(steward, one, "comment", text="Still there")
    assert len(await found_by(steward, one, two)) == 1
    window = {"planned_start": (START + HOUR).isoformat(), "planned_end": (END + HOUR).isoformat()}
    await verb(steward, two, "schedule", by="alice", **window)
    await steward.ticked()
    told = await found_by(steward, one, two)
    assert [each["overlap_start"] for each in told] == [one["planned_start"], "2026-03-04T10:00:00Z"]
    away = {"planned_start": END.isoformat(), "planned_end": (END + HOUR).isoformat()}
    await verb(steward, two, "schedule", by="alice", **away)
    await steward.ticked()
    assert len(await found_by(steward, one, two)) == 2
    assert await collisions(steward, one) == []


async def test_what_is_scheduled_at_once_is_found_although_neither_saw_the_other(steward: Steward) -> None:
    estate = await Estate(steward).items("db")
    changes = await asyncio.gather(*(assessed(steward, items=[estate.name("db")]) for _ in range(6)))
    await steward.ticked()
    told = await found_by(steward, *changes)
    assert len(told) == len({each["collision"] for each in told}) == 15


async def test_a_new_dependency_makes_changes_collide_and_one_that_goes_sets_them_free(steward: Steward) -> None:
    estate = await Estate(steward).items("db", "web")
    one, two = await assessed(steward, items=[estate.name("db")]), await assessed(steward, items=[estate.name("web")])
    await steward.ticked()
    assert await found_by(steward, one, two) == []
    await estate.depends(("web", "db"))
    await steward.ticked()
    (told,) = await found_by(steward, one, two)
    assert told["kind"] == "dependent-item"
    await estate.parts(("web", "db"))
    await steward.ticked()
    assert await collisions(steward, one) == await collisions(steward, two) == []
    assert len(await found_by(steward, one, two)) == 1


def frozen(name: str, *, services: list[str] | None = None, items: list[str] | None = None) -> Json:
    spec: Json = {
        "begins": START.isoformat(),
        "ends": END.isoformat(),
        "services": services or [],
        "items": items or [],
    }
    return {"kind": "change/Freeze", "name": name, "effective_from": "2026-01-01T00:00:00Z", "spec": spec}


async def test_a_freeze_forbids_everything_but_emergencies(fresh_steward: Steward) -> None:
    steward = fresh_steward
    estate = await Estate(steward).items("db", "web")
    await estate.items("portal", nature="service")
    await estate.depends(("portal", "web"), ("web", "db"))
    change = await assessed(steward, items=[estate.name("db")])
    free = await assessed(steward, items=[])
    await applied(steward, "change", [frozen("year end", services=[estate.name("portal")])])
    await steward.ticked()
    (told,) = await found_by(steward, change, free)
    assert (told["kind"], told["with_what"]) == ("freeze", "year end")
    assert told["path"] == [estate.name(each) for each in ("db", "web", "portal")]
    assert (await refused(steward, change, "approve", by="erin"))[:2] == (409, "freeze")
    (seen,) = await collisions(steward, change)
    assert (await refused(steward, change, "acknowledge", collision=seen["id"], reason="x"))[:2] == (409, "freeze")
    window = {"planned_start": (START - HOUR).isoformat(), "planned_end": (START + HOUR).isoformat()}
    assert (await refused(steward, change, "schedule", **window))[:2] == (409, "freeze")
    body = {"title": "x", "reason": "y", "service": estate.name("portal"), **window}
    answer = await steward.client("alice").post("/change/changes", json=body)
    assert (answer.status_code, answer.json()["rule"]) == (409, "freeze")
    night = await asked(steward, emergency=True, items=[estate.name("db")], **window)
    assert (await verb(steward, night, "authorise", by="erin", reason="It burns"))["state"] == "approved"
    before = {"planned_start": (START - 3 * HOUR).isoformat(), "planned_end": (START - 2 * HOUR).isoformat()}
    await verb(steward, change, "schedule", by="alice", **before)
    assert (await verb(steward, change, "approve", by="erin"))["state"] == "approved"
    assert (await verb(steward, free, "approve", by="erin"))["state"] == "approved"
    # Begun late it would be in the freeze, whatever the reason.
    steward.clock.set(START)
    assert (await refused(steward, change, "start", reason="Late"))[:2] == (409, "freeze")


async def test_a_major_incident_is_in_the_way_until_it_is_stood_down(steward: Steward) -> None:
    estate = await Estate(steward).items("db", "web", "mail")
    await estate.depends(("web", "db"))
    portal, (seven, eight) = estate.name("portal"), (f"MAJ-{uuid4().int % 10**9 + 1}" for _ in range(2))
    change = await assessed(steward, items=[estate.name("db")], service=portal)
    other = await assessed(steward, items=[estate.name("mail")])
    await estate.major(seven, ci="web")
    await estate.major(eight, service=portal)
    await steward.ticked()
    told = await found_by(steward, change, other)
    assert [(each["kind"], each["with_what"]) for each in told] == sorted(("major-incident", n) for n in (seven, eight))
    assert {each["with_what"]: each["path"] for each in told} == {
        seven: [estate.name("db"), estate.name("web")], eight: [portal],
    }  # fmt: skip
    assert (await refused(steward, change, "approve", by="erin"))[:2] == (409, "collisions-are-acknowledged")
    await estate.major(seven, ci="web", over=True)
    await estate.major(eight, service=portal, over=True)
    assert (await verb(steward, change, "approve", by="erin"))["state"] == "approved"


async def test_a_change_outside_the_agreed_window_is_told_with_what_lies_outside(fresh_steward: Steward) -> None:
    steward = fresh_steward
    # Wednesday 09:00 to 11:00 UTC is 10:00 to 12:00 in Berlin.
    spec = {"zone": "Europe/Berlin", "weekly": {"wednesday": ["08:00-11:30"]}, "services": ["Order portal"]}
    document = {"kind": "change/Window", "name": "mornings", "effective_from": "2026-01-01T00:00:00Z", "spec": spec}
    await applied(steward, "change", [document])
    change = await assessed(steward, service="Order portal")
    (seen,) = await collisions(steward, change)
    assert (seen["kind"], seen["with_what"]) == ("outside-window", "mornings")
    assert (seen["overlap_start"], seen["overlap_end"]) == ("2026-03-04T10:30:00Z", "2026-03-04T11:00:00Z")
    assert await collisions(steward, await assessed(steward, service="Mail")) == []
    await edited(steward, change, planned_end=(START + 1.5 * HOUR).isoformat())
    assert await collisions(steward, change) == []


async def test_a_collision_is_acknowledged_with_a_reason_for_as_long_as_it_is_the_same(steward: Steward) -> None:
    team = f"Databases {uuid4().hex}"
    one, two = [await assessed(steward, group=team) for _ in range(2)]
    (seen,) = await collisions(steward, one)
    assert (seen["kind"], seen["with_what"], seen["acknowledged"]) == ("same-team", team, None)
    status, rule, said = await refused(steward, one, "approve", by="erin")
    assert (status, rule, said["collisions"]) == (409, "collisions-are-acknowledged", [seen["id"]])
    assert (await refused(steward, one, "acknowledge", collision=str(uuid4()), reason="x"))[0] == 404
    assert (await refused(steward, one, "acknowledge", by="alice", collision=seen["id"], reason="x"))[0] == 403
    found = await verb(steward, one, "acknowledge", collision=seen["id"], reason="They are four")
    assert found["acknowledged"] == {seen["id"]: "They are four"}
    assert (await collisions(steward, one))[0]["acknowledged"] == "They are four"
    longer = (END + HOUR).isoformat()
    for change in (one, two):
        await edited(steward, change, planned_end=longer)
    assert (await refused(steward, one, "approve", by="erin"))[:2] == (409, "collisions-are-acknowledged")
    (seen,) = await collisions(steward, one)
    await verb(steward, one, "acknowledge", collision=seen["id"], reason="They are four")
    assert (await verb(steward, one, "approve", by="erin"))["state"] == "approved"
    assert (await events(steward, one)).count("collision.acknowledged") == 2


async def test_a_bound_that_was_met_is_told(steward: Steward, monkeypatch: pytest.MonkeyPatch) -> None:
    estate = await Estate(steward).items("a", "b", "c", "d")
    await estate.depends(("b", "a"), ("c", "b"), ("d", "c"))
    change = await assessed(steward, items=[estate.name("a")])
    path = f"/change/changes/{change['id']}/collisions"
    assert (await read(steward.client("alice"), path))["complete"] is True
    monkeypatch.setattr(knowledge, "DEPTH", 2)
    assert (await read(steward.client("alice"), path))["complete"] is False
    monkeypatch.setattr(knowledge, "DEPTH", 3)
    monkeypatch.setattr(knowledge, "MOST", 2)
    assert (await read(steward.client("alice"), path))["complete"] is False


async def test_what_is_known_of_the_estate_can_be_derived_again(steward: Steward) -> None:
    """One event at a time gives the same rows as a batch did."""
    estate = await Estate(steward).items("a", "b")
    await estate.depends(("a", "b"))
    await estate.parts(("a", "b"))
    rows = await steward.database("change").rows(
        text("SELECT provider, dependent, provider_ci, dependent_ci, valid_to FROM known_relationship WHERE id = :id"),
        {"id": estate.edges["a", "b"]},
    )
    assert [tuple(row) for row in rows] == [
        (estate.id("b"), estate.id("a"), estate.name("b"), estate.name("a"), MONDAY)
    ]  # fmt: skip
    items = await steward.database("change").rows(
        text("SELECT id FROM known_item WHERE name = ANY(CAST(:names AS text[])) ORDER BY name"),
        {"names": [estate.name("a"), estate.name("b")]},
    )
    assert [row.id for row in items] == [estate.id("a"), estate.id("b")]
