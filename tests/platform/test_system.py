"""The system that tests share answers, and time in it is the test's."""

from sqlalchemy import text

from tests.builders import (
    agreed,
    closed_incident,
    opened_incident,
    problem_with_incident,
    read,
    resolved_incident,
    waiting_incident,
)
from tests.system import Steward


async def test_people_ask_with_tokens_of_their_own(steward: Steward) -> None:
    incident = await opened_incident(steward)
    shown = await read(steward.client("carol"), f"/incident/incidents/{incident['id']}")
    assert shown["number"] == incident["number"]
    hidden = await steward.client("dave").get(f"/incident/incidents/{incident['id']}")
    assert hidden.status_code == 404
    assert (await steward.client(None).get("/incident/incidents")).status_code == 401


async def test_a_system_of_ones_own_is_empty_and_its_time_stands_still(fresh_steward: Steward) -> None:
    assert (await read(fresh_steward.client("alice"), "/incident/incidents"))["items"] == []
    incident = await closed_incident(fresh_steward)
    assert incident["opened_at"] == incident["closed_at"] == "2026-03-02T09:00:00Z"
    fresh_steward.clock.advance(days=2)
    later = await opened_incident(fresh_steward)
    assert later["opened_at"] == "2026-03-04T09:00:00Z"
    await fresh_steward.ticked()


async def test_scenarios_begin_in_the_state_they_say(steward: Steward) -> None:
    assert (await waiting_incident(steward))["waiting_reason"] == "user"
    assert (await resolved_incident(steward))["state"] == "resolved"
    problem, incident = await problem_with_incident(steward)
    assert incident["problem"] == problem["id"]


async def test_time_that_passes_has_its_consequences_when_the_test_says_so(fresh_steward: Steward) -> None:
    service = await agreed(fresh_steward, limit="2h")
    incident = await opened_incident(fresh_steward, service=service)
    await fresh_steward.drained()

    breached = text("SELECT count(*) AS n FROM event WHERE type = 'steward.clock.breached.v1'")

    async def breaches() -> int:
        return int((await fresh_steward.database("sla").rows(breached, {}))[0].n)

    assert len((await read(fresh_steward.client("alice"), "/sla/clocks", record=incident["id"]))["items"]) == 1
    fresh_steward.clock.advance(hours=3)
    await fresh_steward.drained()
    assert await breaches() == 0
    await fresh_steward.ticked()
    assert await breaches() == 1
