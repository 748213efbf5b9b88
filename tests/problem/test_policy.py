"""The priority rule as a versioned document: applied, in force from its day on, never edited."""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import Json, applied, opened_problem, read, told
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("PRB-2")
DEGREES: Json = {"frequency": 2, "impact": 2, "cost": 2}


def rule(up_to: list[int], days: int = 0) -> Json:
    at = (MONDAY + timedelta(days=days)).isoformat()
    return {"kind": "problem/PriorityRule", "name": "standard", "effective_from": at, "spec": {"up_to": up_to}}


async def prioritised(steward: Steward, problem: Json) -> Json:
    timeline = await read(steward.client("manager"), f"/problem/problems/{problem['id']}/timeline")
    found: Json = [each["data"] for each in timeline["items"] if each["event"] == "problem.prioritised"][-1]
    return found


async def test_a_rule_counts_from_its_day_on_and_priorities_name_it(fresh_steward: Steward) -> None:
    steward = fresh_steward
    before = await opened_problem(steward, **DEGREES)
    assert before["priority"] == 3
    assert (await prioritised(steward, before))["rule"] is None
    await applied(steward, "problem", [rule([8, 9, 10, 11])])
    await applied(steward, "problem", [rule([0, 1, 2, 3], days=7)])
    now = await opened_problem(steward, **DEGREES)
    assert now["priority"] == 1
    said = await prioritised(steward, now)
    assert (said["rule"], said["rule_version"]) == ("standard", 1)
    steward.clock.advance(days=7)
    later = await opened_problem(steward, **DEGREES)
    assert later["priority"] == 5
    path = f"/problem/problems/{before['id']}/prioritise"
    assert (await told(steward.client("manager"), path, DEGREES))["priority"] == 5
    assert (await prioritised(steward, before))["rule_version"] == 2


async def test_applying_the_same_rule_again_changes_nothing(fresh_steward: Steward) -> None:
    for expected in ("applied", "unchanged"):
        answer = await applied(fresh_steward, "problem", [rule([1, 2, 3, 4])])
        assert [each["version"] for each in answer[expected]] == [1]


@pytest.mark.parametrize("spec", [{"up_to": [4, 2, 9, 18]}, {"up_to": [1, 2, 3]}, {"up_to": [1, 2, 3, 4], "x": 1}])
async def test_a_rule_that_is_none_is_refused_by_its_place(steward: Steward, spec: dict[str, Any]) -> None:
    body = {"documents": [rule([1, 2, 3, 4]) | {"spec": spec}]}
    answer = await steward.client("root").post("/problem/policies", json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"].startswith("documents.0.spec")


async def test_only_an_administrator_applies_a_rule(steward: Steward) -> None:
    body = {"documents": [rule([1, 2, 3, 4])]}
    assert (await steward.client("manager").post("/problem/policies", json=body)).status_code == 403
