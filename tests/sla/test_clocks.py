"""Clocks start, pause, resume and stop with what happens to incidents, through HTTP and the bus."""

import pytest

from tests.builders import applied, moved_incident, opened_incident, read
from tests.sla.documents import agreement, calendar
from tests.system import Steward


@pytest.mark.capability("SLM-5")
async def test_a_clock_pauses_while_the_user_is_waited_for_and_is_met(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "sla", [calendar(), agreement()])
    incident = await opened_incident(steward)
    await steward.drained()
    found = (await read(steward.client("alice"), "/sla/clocks", record=incident["id"]))["items"]
    print(found)
    assert [(each["number"], each["state"], each["due_at"]) for each in found] == [
        (f"{incident['number']}/resolve", "running", "2026-03-02T13:00:00Z")
    ]
