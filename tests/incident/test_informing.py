"""The customer is kept informed (INC-7): a deadline of its own, a miss that is seen, a warning in time."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest

from contracts.sla import ClockBreached, ClockPaused, ClockRetargeted, ClockStopped, ClockWarned
from services.incident.jobs import tell_missed_updates
from tests.builders import Json, applied, moved_incident, opened_incident, read
from tests.incident.elsewhere import Elsewhere
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("INC-7")
INCIDENTS = "/incident/incidents"


def policy(**spec: Any) -> Json:
    document = {"kind": "incident/InformPolicy", "name": "usual", "effective_from": "2026-01-01T00:00:00Z"}
    return document | {"spec": spec}


def at(**duration: float) -> str:
    return (MONDAY + timedelta(**duration)).isoformat().replace("+00:00", "Z")


async def now(steward: Steward, incident: Json, by: str = "alice") -> Json:
    return await read(steward.client(by), f"{INCIDENTS}/{incident['id']}")


async def events(steward: Steward, incident: Json, by: str = "alice") -> list[Json]:
    found: list[Json] = (await read(steward.client(by), f"{INCIDENTS}/{incident['id']}/timeline"))["items"]
    return found


async def test_by_priority_the_policy_says_when_the_customer_is_told_next(fresh_steward: Steward) -> None:
    steward = fresh_steward
    before = await opened_incident(steward)
    await applied(steward, "incident", [policy(every_minutes={"1": 30, "3": 120})])
    incident, request = await opened_incident(steward), await opened_incident(steward, kind="request")
    assert [each["next_update_due"] for each in (before, incident, request)] == [None, at(minutes=120), None]
    steward.clock.advance(minutes=10)
    urgent = await moved_incident(steward, incident, "prioritise", impact=1, urgency=1)
    assert urgent["next_update_due"] == at(minutes=40)
    calmer = await moved_incident(steward, incident, "prioritise", impact=3, urgency=3)
    assert calmer["next_update_due"] == at(minutes=40), "what was promised stands"
    told = await moved_incident(steward, incident, "inform", text="We are on it", next_update_due=at(hours=9))
    assert (told["informed_at"], told["next_update_due"]) == (at(minutes=10), at(hours=9))
    resolved = await moved_incident(steward, incident, "resolve", resolution_code="fixed")
    assert resolved["next_update_due"] is None
    assert (await moved_incident(steward, incident, "inform", text="Thank you"))["next_update_due"] is None


async def test_a_missed_update_is_told_once_with_its_own_instant_and_seen_until_the_customer_is_told(
    fresh_steward: Steward,
) -> None:
    steward = fresh_steward
    await applied(steward, "incident", [policy(every_minutes={"3": 60})])
    incident, other = await opened_incident(steward), await opened_incident(steward)
    steward.clock.advance(minutes=60, microseconds=-1)
    await steward.ticked()
    assert (await now(steward, incident))["update_overdue_since"] is None
    await moved_incident(steward, other, "inform", text="We are on it")
    steward.clock.advance(minutes=20)
    await steward.ticked()
    late = await now(steward, incident)
    assert (late["update_overdue_since"], late["next_update_due"]) == (at(minutes=60), None)
    page = await read(steward.client("alice"), INCIDENTS, update_overdue="true")
    assert [each["id"] for each in page["items"]] == [incident["id"]]
    steward.clock.advance(hours=9)
    await moved_incident(steward, other, "resolve", resolution_code="fixed")
    await steward.ticked()
    (missed,) = [each for each in await events(steward, incident) if each["event"] == "customer.update_missed"]
    assert (missed["at"], missed["data"]["due"], missed["actor"]) == (at(minutes=60), at(minutes=60), "steward")
    told = await moved_incident(steward, incident, "inform", text="Sorry for the silence")
    assert told["update_overdue_since"] is None
    assert "customer.update_missed" not in [each["event"] for each in await events(steward, incident, "carol")]


async def test_several_replicas_tell_each_missed_update_once(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "incident", [policy(every_minutes={"3": 60})])
    made = [await opened_incident(steward) for _ in range(8)]
    steward.clock.advance(hours=2)
    done = await asyncio.gather(*(tell_missed_updates(steward.runtime("incident")) for _ in range(4)))
    assert sum(done) == len(made)
    assert {(await now(steward, each))["version"] for each in made} == {2}


async def test_the_customer_reads_what_it_was_told_and_no_staff_notes(steward: Steward) -> None:
    incident = await opened_incident(steward)
    await moved_incident(steward, incident, "inform", text="Orders are kept", warning=True, next_update_due=at(hours=4))
    await moved_incident(steward, incident, "log-effort", minutes=20, note="their own fault")
    told = await events(steward, incident, "carol")
    assert [each["event"] for each in told] == ["incident.opened", "customer.informed"]
    data = told[-1]["data"]
    assert (data["text"], data["warning"], data["next_update_due"]) == ("Orders are kept", True, at(hours=4))
    shown = await now(steward, incident, "carol")
    assert (shown["next_update_due"], shown["effort_minutes"]) == (at(hours=4), None)
    filters = await steward.client("carol").get(INCIDENTS, params={"update_overdue": "true"})
    assert filters.status_code == 403


@pytest.mark.parametrize("due", [at(), at(microseconds=-1), at(days=-1)])
async def test_nobody_can_be_told_in_the_past(steward: Steward, due: str) -> None:
    incident = await opened_incident(steward)
    answer = await steward.client("alice").post(
        f"{INCIDENTS}/{incident['id']}/inform", json={"text": "x", "next_update_due": due}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "next_update_due")


async def test_a_promise_in_danger_marks_the_record_and_has_the_customer_told_soon(fresh_steward: Steward) -> None:
    steward, elsewhere = fresh_steward, Elsewhere(fresh_steward)
    await applied(steward, "incident", [policy(warn_from=0.75, warn_within_minutes=20)])
    incident = await opened_incident(steward)
    due = at(hours=1)
    clock = await elsewhere.clock(incident["id"], ClockWarned, due_at=due, fraction=0.5)
    marked = await now(steward, incident)
    assert (marked["sla_state"], marked["sla_due_at"], marked["next_update_due"]) == ("at_risk", due, None)
    await elsewhere.clock(incident["id"], ClockWarned, id=clock, due_at=due, fraction=0.75)
    assert (await now(steward, incident))["next_update_due"] == at(minutes=20)
    steward.clock.advance(minutes=5)
    await moved_incident(steward, incident, "inform", text="It may take longer", warning=True)
    breached: Json = {"outcome": "missed", "due_at": due, "breached_at": due}
    await elsewhere.clock(incident["id"], ClockBreached, id=clock, **breached)
    marked = await now(steward, incident)
    assert (marked["sla_state"], marked["sla_due_at"], marked["next_update_due"]) == ("breached", due, at(minutes=25))
    for filters, found in (({"sla": "breached"}, 1), ({"sla": "at_risk"}, 0), ({"sla": ["at_risk", "breached"]}, 1)):
        assert len((await read(steward.client("alice"), INCIDENTS, **filters))["items"]) == found
    stopped: Json = {"outcome": "missed", "state": "stopped", "stopped_at": at(hours=2), "breached_at": due}
    await elsewhere.clock(incident["id"], ClockStopped, id=clock, **stopped)
    marked = await now(steward, incident)
    assert (marked["sla_state"], marked["sla_due_at"]) == ("breached", due)
    assert (await now(steward, incident, "carol"))["sla_state"] is None


async def test_a_promise_that_is_out_of_danger_takes_its_mark_away(steward: Steward) -> None:
    elsewhere = Elsewhere(steward)
    incident = await opened_incident(steward)
    first = await elsewhere.clock(incident["id"], ClockWarned, due_at=at(hours=1), fraction=0.5, target="taken up")
    second = await elsewhere.clock(incident["id"], ClockWarned, due_at=at(hours=2), fraction=0.5)
    assert (await now(steward, incident))["sla_due_at"] == at(hours=1)
    stopped: Json = {"state": "stopped", "outcome": "met", "stopped_at": at(minutes=50), "target": "taken up"}
    await elsewhere.clock(incident["id"], ClockStopped, id=first, **stopped)
    assert (await now(steward, incident))["sla_due_at"] == at(hours=2)
    await elsewhere.clock(incident["id"], ClockPaused, id=second, state="paused", reason="user")
    paused = await now(steward, incident)
    assert (paused["sla_state"], paused["sla_due_at"]) == ("at_risk", None)
    moved: Json = {
        "cause": "priority", "rule": "carry", "previous_priority": 3, "previous_agreement": "gold",
        "previous_agreement_version": 1, "previous_calendar": "24x7", "previous_calendar_version": 1,
        "previous_limit_microseconds": 3_600_000_000, "due_at": at(days=2),
    }  # fmt: skip
    await elsewhere.clock(incident["id"], ClockRetargeted, id=second, **moved)
    found = await now(steward, incident)
    assert (found["sla_state"], found["sla_due_at"]) == (None, None)
    changes = [each["data"] for each in await events(steward, incident) if each["event"] == "incident.sla_changed"]
    assert [each["danger"] for each in changes] == ["at_risk", "at_risk", "at_risk", None]


async def test_clocks_in_no_danger_and_the_past_leave_the_record_alone(steward: Steward) -> None:
    elsewhere = Elsewhere(steward)
    incident = await opened_incident(steward)
    await elsewhere.clock(incident["id"], ClockStopped, state="stopped", outcome="met", stopped_at=at())
    await elsewhere.clock(incident["id"], ClockPaused, state="paused", reason="user")
    breached: Json = {"outcome": "missed", "due_at": at(), "breached_at": at()}
    await elsewhere.clock(incident["id"], ClockBreached, historical=True, **breached)
    await elsewhere.clock(str(UUID(int=7)), ClockBreached, **breached)
    assert (await now(steward, incident))["version"] == 1
