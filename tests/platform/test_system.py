"""The system that tests share answers, and time in it is the test's."""

from tests.builders import closed_incident, opened_incident, read
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
