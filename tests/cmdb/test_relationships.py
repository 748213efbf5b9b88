"""Relationships: who feels whose failure, what is refused and why, and that two additions make no circle together."""

import asyncio
from collections.abc import Callable
from itertools import pairwise
from typing import Any
from uuid import uuid4

import networkx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from services.cmdb.rules.relationships import ACYCLIC, KINDS, circle, ends
from tests.builders import Json, read, told
from tests.cmdb.samples import an_item, related
from tests.system import Steward

pytestmark = pytest.mark.capability("CFG-2")
# source kind target: whose failure is felt by whom.
DIRECTION = """
runs-on     target  source
depends-on  target  source
part-of     source  target
supports    source  target
owned-by    source  target
"""


async def refused(steward: Steward, source: Json, kind: str, target: Json | str) -> Json:
    name = target if isinstance(target, str) else target["name"]
    body = {"source": source["name"], "kind": kind, "target": name}
    answer = await steward.client("frank").post("/cmdb/relationships", json=body)
    assert answer.status_code in (409, 422), answer.text
    found: Json = answer.json() | {"status": answer.status_code}
    return found


@pytest.mark.parametrize("line", DIRECTION.strip().splitlines())
async def test_a_kind_says_whose_failure_is_felt(steward: Steward, line: str) -> None:
    kind, provider, dependent = line.split()
    source = await an_item(steward)
    target = await an_item(steward, "team" if kind == "owned-by" else "server")
    found = await related(steward, source, kind, target)
    both = {"source": source["id"], "target": target["id"]}
    assert (found["provider"], found["dependent"]) == (both[provider], both[dependent])
    assert (found["kind"], found["source_ci"], found["target_ci"]) == (kind, source["name"], target["name"])
    assert (found["valid_to"], found["allowed_actions"], found["number"][:4]) == (None, ["remove"], "REL-")


def test_every_kind_has_its_line() -> None:
    assert {line.split()[0] for line in DIRECTION.strip().splitlines()} == set(KINDS)
    assert set(ACYCLIC) == {"runs-on", "part-of"}


async def test_it_ends_and_may_begin_again(steward: Steward) -> None:
    source, target, frank = await an_item(steward), await an_item(steward), steward.client("frank")
    first = await related(steward, source, "depends-on", target)
    path = f"/cmdb/relationships/{first['id']}"
    gone = await told(frank, f"{path}/remove", {"reason": "Moved"})
    assert (gone["valid_to"] is not None, gone["version"], gone["allowed_actions"]) == (True, 2, [])
    again = await frank.post(f"{path}/remove", json={})
    assert (again.status_code, again.json()["allowed"]) == (409, [])
    second = await related(steward, source, "depends-on", target)
    listed = await read(frank, f"/cmdb/items/{target['id']}/relationships")
    assert {each["number"] for each in listed["items"]} == {first["number"], second["number"]}
    holding = await read(frank, f"/cmdb/items/{target['id']}/relationships", holds=True)
    assert [each["number"] for each in holding["items"]] == [second["number"]]
    timeline = await read(frank, f"{path}/timeline")
    assert [each["event"] for each in timeline["items"]] == ["relationship.added", "relationship.removed"]
    assert timeline["items"][1]["data"]["reason"] == "Moved"


async def test_the_same_relationship_is_refused_with_the_number_of_the_first(steward: Steward) -> None:
    source, target = await an_item(steward), await an_item(steward)
    first = await related(steward, source, "runs-on", target)
    found = await refused(steward, source, "runs-on", target)
    assert (found["status"], found["rule"], found["number"]) == (409, "duplicate", first["number"])
    await related(steward, source, "depends-on", target)


async def test_two_who_add_the_same_at_once_add_one(steward: Steward) -> None:
    source, target = await an_item(steward), await an_item(steward)
    body = {"source": source["name"], "kind": "depends-on", "target": target["name"]}
    answers = await asyncio.gather(*(steward.client("frank").post("/cmdb/relationships", json=body) for _ in range(5)))
    assert sorted(each.status_code for each in answers) == [201, 409, 409, 409, 409]
    assert {each.json()["rule"] for each in answers if each.status_code == 409} == {"duplicate"}


async def test_nothing_is_related_to_itself_or_to_nothing(steward: Steward) -> None:
    item = await an_item(steward)
    assert (await refused(steward, item, "depends-on", item))["errors"][0]["field"] == "target"
    unknown = await refused(steward, item, "depends-on", "no-such-thing")
    assert unknown["errors"] == [{"field": "target", "message": "there is no item no-such-thing"}]


async def test_the_owner_is_a_team(steward: Steward) -> None:
    found = await refused(steward, await an_item(steward), "owned-by", await an_item(steward))
    assert found["errors"][0]["field"] == "target"


async def test_what_is_retired_is_related_to_nothing_any_more(steward: Steward) -> None:
    gone, item = await an_item(steward), await an_item(steward)
    await told(steward.client("frank"), f"/cmdb/items/{gone['id']}/retire", {})
    assert (await refused(steward, item, "depends-on", gone))["rule"] == "retired"
    assert (await refused(steward, gone, "depends-on", item))["rule"] == "retired"


@pytest.mark.parametrize("kind", ["runs-on", "part-of"])
async def test_a_circle_of_these_kinds_is_refused_with_its_way(steward: Steward, kind: str) -> None:
    a, b, c = [await an_item(steward) for _ in range(3)]
    await related(steward, a, kind, b)
    last = await related(steward, b, kind, c)
    found = await refused(steward, c, kind, a)
    assert (found["rule"], found["path"]) == ("circle", [c["name"], a["name"], b["name"], c["name"]])
    # What has ended closes no circle; nor does another kind.
    await related(steward, c, "depends-on", a)
    await told(steward.client("frank"), f"/cmdb/relationships/{last['id']}/remove", {})
    await related(steward, c, kind, a)


@pytest.mark.parametrize("kind", ["depends-on", "supports"])
async def test_items_may_need_each_other(steward: Steward, kind: str) -> None:
    a, b = await an_item(steward), await an_item(steward)
    await related(steward, a, kind, b)
    await related(steward, b, kind, a)


async def test_two_additions_at_once_make_no_circle_together(steward: Steward) -> None:
    """Each alone would be right, and they have no item in common that could hold one up. Several at once, so that some
    of them meet."""
    frank, orders = steward.client("frank"), []
    for _ in range(6):
        a, b, c, d = [await an_item(steward) for _ in range(4)]
        await related(steward, a, "part-of", b)
        await related(steward, c, "part-of", d)
        orders += [(b, c), (d, a)]
    answers = await asyncio.gather(
        *(frank.post("/cmdb/relationships", json={"source": s["name"], "kind": "part-of", "target": t["name"]})
          for s, t in orders)
    )  # fmt: skip
    codes = [each.status_code for each in answers]
    assert [sorted(codes[place : place + 2]) for place in range(0, len(codes), 2)] == [[201, 409]] * 6


async def test_nothing_is_related_to_what_is_being_retired(steward: Steward) -> None:
    """A retirement under way holds its item: the addition waits for it, and is refused then."""
    item, other = await an_item(steward), await an_item(steward)
    database = steward.database("cmdb")
    async with database.transaction() as transaction:
        await transaction.execute(
            text("UPDATE configuration_item SET status = 'retired' WHERE id = :id"), {"id": item["id"]}
        )
        body = {"source": other["name"], "kind": "depends-on", "target": item["name"]}
        adding = asyncio.create_task(steward.client("frank").post("/cmdb/relationships", json=body))
        await until_waiting(steward)
        assert not adding.done()
    assert (await adding).json()["rule"] == "retired"


async def until_waiting(steward: Steward) -> None:
    """Until somebody waits for a lock of ours."""
    waiting = text("SELECT count(*) AS n FROM pg_locks JOIN pg_stat_activity USING (pid) "
                   "WHERE NOT granted AND datname = current_database()")  # fmt: skip
    async with asyncio.timeout(20):
        while (await steward.database("cmdb").rows(waiting, {}))[0].n == 0:  # noqa: ASYNC110 - it has no event
            await asyncio.sleep(0.01)


async def test_a_repeated_addition_gets_its_first_answer(steward: Steward) -> None:
    source, target = await an_item(steward), await an_item(steward)
    body, key = (
        {"source": source["name"], "kind": "runs-on", "target": target["name"]},
        {"Idempotency-Key": uuid4().hex},
    )
    answers = [await steward.client("frank").post("/cmdb/relationships", json=body, headers=key) for _ in range(2)]
    assert [each.status_code for each in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[0].headers["Location"] == f"/cmdb/relationships/{answers[0].json()['id']}"


async def test_lists_are_filtered(steward: Steward) -> None:
    a, b, team = await an_item(steward), await an_item(steward), await an_item(steward, "team")
    runs, owned = await related(steward, a, "runs-on", b), await related(steward, a, "owned-by", team)

    async def listed(**query: Any) -> set[str]:
        found = await read(steward.client("alice"), "/cmdb/relationships", **query)
        return {each["number"] for each in found["items"]}

    assert await listed(item=a["id"]) == {runs["number"], owned["number"]}
    assert await listed(item=a["id"], kind="runs-on") == await listed(target=b["id"]) == {runs["number"]}
    assert await listed(provider=b["id"]) == await listed(source=a["id"], dependent=a["id"]) == {runs["number"]}
    assert await listed(item=a["id"], at="2026-01-01T00:00:00Z") == set()
    assert await listed(item=a["id"], holds=False) == await listed(item=a["id"], origin="elsewhere") == set()


EDGES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=20)


@given(EDGES)
def test_a_circle_is_found_exactly_where_there_is_one(edges: list[tuple[int, int]]) -> None:
    found = circle(edges)
    oracle: networkx.DiGraph[int] = networkx.DiGraph(edges)
    assert (found is None) == networkx.is_directed_acyclic_graph(oracle)
    if found:
        assert found[0] == found[-1]
        assert all(oracle.has_edge(*step) for step in pairwise(found))


def test_a_long_chain_is_no_deep_recursion() -> None:
    chain = [(n, n + 1) for n in range(50_000)]
    assert circle(chain) is None
    assert circle([*chain, (50_000, 0)]) == [*range(50_001), 0]


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_the_ends_of_a_kind_are_its_two_items(kind: Any) -> None:
    order: Callable[..., Any] = ends
    assert set(order(kind, "a", "b")) == {"a", "b"}
