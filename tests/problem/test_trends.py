"""Trends over HTTP: found once for a thing and a window, listed, and a problem opened from one."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from services.problem.jobs import look_for_trends
from services.problem.queries.trends import TURN, loaded
from services.problem.tables import Trend
from tests.builders import Json, applied, opened_problem, read, told
from tests.problem.samples import Incident
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("PRB-6")
PATH = "/problem/trends"
MIDNIGHT = MONDAY.replace(hour=0)


def rule(**spec: Any) -> Json:
    since = (MONDAY - timedelta(days=1)).isoformat()
    return {"kind": "problem/TrendRule", "name": "trends", "effective_from": since,
            "spec": {"days": 7, "baseline_windows": 4, "dimensions": ["ci"], **spec}}  # fmt: skip


def calm(ci: str, **about: str) -> list[Incident]:
    """An incident a week for eight weeks before the last one."""
    return [Incident(MIDNIGHT - timedelta(days=7 * week + 3), ci=ci, **about) for week in range(1, 9)]


def surge(ci: str, count: int = 12, **about: str) -> list[Incident]:
    """So many within the week before this midnight."""
    return [Incident(MIDNIGHT - timedelta(hours=3 * number + 1), ci=ci, **about) for number in range(count)]


async def come(steward: Steward, *incidents: Incident) -> None:
    await steward.runtime("problem").inbox.receive([arrival for each in incidents for arrival in each.arrivals()])


async def found(steward: Steward, **query: Any) -> list[Json]:
    items: list[Json] = (await read(steward.client("manager"), PATH, **query))["items"]
    return items


async def told_trends(steward: Steward) -> list[Json]:
    rows = await steward.database("problem").rows(
        text("SELECT subject, occurred, data::json AS data FROM event WHERE type = 'steward.trend.detected.v1'"), {}
    )
    return [dict(row._mapping) for row in rows]


async def test_a_surge_is_found_told_once_and_listed(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [rule()])
    await come(
        steward, *calm("db-1"), *surge("db-1"), *calm("web-1"), Incident(MIDNIGHT - timedelta(days=2), ci="web-1")
    )
    for _ in range(2):
        await steward.ticked()
    (trend,) = await found(steward)
    shown = ("dimension", "value", "count", "expected", "comparisons", "rule_version")
    assert {name: trend[name] for name in shown} == {
        "dimension": "ci", "value": "db-1", "count": 12, "expected": 1.0, "comparisons": 2, "rule_version": 1,
    }  # fmt: skip
    assert trend["probability"] < trend["threshold"] == 0.001
    assert len(trend["incidents"]) == 12
    (event,) = await told_trends(steward)
    assert (event["subject"], event["occurred"]) == ("ci/db-1", MIDNIGHT)
    # A window that overlaps with this one says the same; the next one that does not is a finding of its own.
    for days, count in ((3, 1), (4, 1)):
        steward.clock.advance(days=days)
        await steward.ticked()
        assert len(await found(steward)) == count
    more = [Incident(MIDNIGHT + timedelta(days=6, minutes=number), ci="db-1") for number in range(60)]
    await come(steward, *more)
    steward.clock.advance(days=1)
    await steward.ticked()
    assert [each["count"] for each in await found(steward)] == [60, 12]


async def test_requests_cancelled_incidents_and_what_is_younger_than_midnight_are_none(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [rule()])
    none = [each.cancelled() for each in surge("db-1")]
    none += [Incident(MIDNIGHT + timedelta(minutes=number), ci="db-1") for number in range(12)]
    await come(steward, *calm("db-1"), *none, *surge("shop", kind="request"))
    await steward.ticked()
    assert await found(steward) == []
    assert await told_trends(steward) == []


async def test_without_a_window_of_history_nothing_is_found(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [rule()])
    await come(steward, *surge("db-1", 40))
    await steward.ticked()
    assert await found(steward) == []


async def test_one_problem_is_opened_from_a_finding(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [rule()])
    await come(steward, *calm("db-1"), *surge("db-1"))
    await steward.ticked()
    (trend,) = await found(steward, open=True)
    path = f"{PATH}/{trend['id']}/open-problem"
    key = uuid4().hex
    client = steward.client("manager")
    answers = [await client.post(path, json={"group": "Databases"}, headers={"Idempotency-Key": key}) for _ in range(2)]
    assert answers[0].json() == answers[1].json()
    problem = answers[0].json()
    assert {name: problem[name] for name in ("source", "ci", "group", "incidents_count", "title", "state")} == {
        "source": "trend", "ci": "db-1", "group": "Databases", "incidents_count": 12, "state": "new",
        "title": "More incidents than usual: ci db-1",
    }  # fmt: skip
    assert problem == await read(client, f"/problem/problems/{problem['id']}")
    again = await client.post(path, json={})
    assert (again.status_code, again.json()["problem"]) == (409, problem["id"])
    assert await found(steward, open=True) == []
    assert [each["id"] for each in await found(steward, problem=problem["id"])] == [trend["id"]]


async def test_people_at_once_open_one_problem_from_a_finding(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [rule()])
    await come(steward, *calm("db-1"), *surge("db-1"))
    runtime = steward.runtime("problem")
    async with runtime.database.transaction() as other:
        await other.execute(TURN)
        assert await look_for_trends(runtime) == 0, "another replica looks just now"
    assert await look_for_trends(runtime) == 1
    (trend,) = await found(steward)
    opened = await opened_problem(steward)
    waiting = text(
        "SELECT count(*) AS n FROM pg_stat_activity WHERE datname = current_database() "
        "AND wait_event_type = 'Lock' AND query LIKE 'SELECT trend.id,%'"
    )
    async with runtime.database.transaction() as first:
        row = await loaded(first, UUID(trend["id"]))
        assert row is not None
        path = f"{PATH}/{trend['id']}/open-problem"
        second = asyncio.create_task(steward.client("manager").post(path, json={}))
        async with asyncio.timeout(60):
            while not (await runtime.database.rows(waiting, {}))[0].n:
                assert not second.done(), "the second did not wait for the first"
                await asyncio.sleep(0.01)
        row.problem = UUID(opened["id"])
        await first.write(Trend, [row])
    answer = await second
    assert (answer.status_code, answer.json()["problem"]) == (409, opened["id"])
    assert (await read(steward.client("manager"), "/problem/problems", source="trend"))["items"] == []


async def test_by_rule_a_finding_opens_one_problem_where_none_is_under_way(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [rule(opens=True, dimensions=["ci", "service"])])
    await opened_problem(steward, ci="web-1")
    portal: Json
    other: Json
    portal, other = {"service": "Portal"}, {"service": "Shop"}
    await come(steward, *calm("db-1", **portal), *surge("db-1", **portal), *calm("web-1", **other))
    await come(steward, *surge("web-1", **other))
    await steward.ticked()
    assert {each["value"] for each in await found(steward)} == {"db-1", "web-1", "Portal", "Shop"}
    problems = (await read(steward.client("manager"), "/problem/problems", source="trend"))["items"]
    # Portal's surge is that of db-1; web-1 has its problem already, so what Shop shows is looked into.
    assert {(each["ci"], each["service"]) for each in problems} == {("db-1", None), (None, "Shop")}
    assert {each["value"] for each in await found(steward, open=False)} == {"db-1", "Shop"}
    (entry,) = (await read(steward.client("manager"), f"/problem/problems/{problems[0]['id']}/timeline"))["items"]
    assert entry["actor"] == "steward"


async def test_who_may_look_and_who_may_open(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [rule()])
    await come(steward, *calm("db-1"), *surge("db-1"))
    await steward.ticked()
    (trend,) = (await read(steward.client("alice"), PATH, dimension="ci", value="db-1"))["items"]
    path = f"{PATH}/{trend['id']}/open-problem"
    assert (await steward.client("alice").post(path, json={})).status_code == 403
    assert (await steward.client("carol").get(PATH)).status_code == 403
    assert (await steward.client("manager").post(f"{PATH}/{uuid4()}/open-problem", json={})).status_code == 404
    assert (await told(steward.client("root"), path))["source"] == "trend"


@pytest.mark.parametrize("spec", [{"threshold": 2}, {"dimensions": ["caller"]}, {"colour": "red"}])
async def test_a_rule_that_is_none_is_refused_by_its_place(steward: Steward, spec: Json) -> None:
    answer = await steward.client("root").post("/problem/policies", json={"documents": [rule(**spec)]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("documents.0.spec")
