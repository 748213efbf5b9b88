"""Closing an incident moves the problem behind it: a recurrence is counted, once per closing."""

from typing import Any

import pytest

from tests.builders import moved_incident, opened_incident, opened_problem, problem_with_incident, read, told
from tests.system import Steward


async def problem_now(steward: Steward, problem: dict[str, Any]) -> dict[str, Any]:
    return await read(steward.client("manager"), f"/problem/problems/{problem['id']}")


@pytest.mark.capability("PRB-1")
async def test_closing_a_linked_incident_counts_a_recurrence(steward: Steward) -> None:
    problem, incident = await problem_with_incident(steward)
    await moved_incident(steward, incident, "close")
    await steward.drained()
    found = await problem_now(steward, problem)
    assert (found["incidents_count"], found["recurrences"]) == (1, 1)
    timeline = await read(steward.client("manager"), f"/problem/problems/{problem['id']}/timeline")
    assert [each["event"] for each in timeline["items"]] == [
        "problem.opened",
        "problem.incident_linked",
        "problem.recurred",
    ]
    linked = await read(steward.client("manager"), f"/problem/problems/{problem['id']}/incidents")
    assert [(each["number"], each["state"], each["closings"]) for each in linked["items"]] == [
        (incident["number"], "closed", 1)
    ]


async def test_an_incident_linked_by_problem_management_counts_too(steward: Steward) -> None:
    incident = await opened_incident(steward)
    await steward.drained()
    problem = await opened_problem(steward, incidents=[incident["id"]])
    other = await opened_incident(steward)
    await steward.drained()
    await told(steward.client("alice"), f"/problem/problems/{problem['id']}/link", {"incident": other["id"]})
    await moved_incident(steward, incident, "close")
    await moved_incident(steward, other, "close")
    await steward.drained()
    assert (await problem_now(steward, problem))["recurrences"] == 2
