"""What is resolved is closed when its user stays silent for as long as the closure policy declares (INC-8)."""

import asyncio
from typing import Any

import pytest

from contracts.incident_rules import ClosurePolicyPublished
from services.incident.jobs import BATCH, close_the_silent
from tests.builders import Json, applied, moved_incident, opened_incident, read, resolved_incident
from tests.system import Steward

pytestmark = pytest.mark.capability("INC-8")
INCIDENTS = "/incident/incidents"


def policy(days: float, effective_from: str = "2026-01-01T00:00:00Z") -> Json:
    spec = {"silence_days": days}
    return {"kind": "incident/ClosurePolicy", "name": "silence", "effective_from": effective_from, "spec": spec}


async def now(steward: Steward, incident: Json) -> Json:
    return await read(steward.client("alice"), f"{INCIDENTS}/{incident['id']}")


async def test_silence_closes_in_the_instant_that_the_policy_declares_and_not_before(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "incident", [policy(2)])
    incident = await resolved_incident(steward)
    steward.clock.advance(days=2, microseconds=-1)
    await steward.ticked()
    assert (await now(steward, incident))["state"] == "resolved"
    at = steward.clock.advance(microseconds=1)
    await steward.ticked()
    closed = await now(steward, incident)
    assert (closed["state"], closed["confirmed_by"], closed["close_due_at"]) == ("closed", "silence", None)
    timeline = await read(steward.client("alice"), f"{INCIDENTS}/{incident['id']}/timeline")
    assert (timeline["items"][-1]["actor"], timeline["items"][-1]["event"]) == ("steward", "incident.closed")
    assert closed["closed_at"] == at.isoformat().replace("+00:00", "Z")


async def test_a_user_who_speaks_is_not_silent(fresh_steward: Steward) -> None:
    steward = fresh_steward
    reopened, confirmed, unresolved = await resolved_incident(steward), await resolved_incident(steward), None
    unresolved = await opened_incident(steward)
    await moved_incident(steward, reopened, "reopen", by="carol", reason="it still smokes")
    await moved_incident(steward, confirmed, "confirm", by="carol")
    steward.clock.advance(days=90)
    await steward.ticked()
    found = [await now(steward, each) for each in (reopened, confirmed, unresolved)]
    assert [(each["state"], each["confirmed_by"]) for each in found] == [
        ("active", None), ("closed", "user"), ("new", None),
    ]  # fmt: skip


async def test_several_replicas_close_each_record_once(fresh_steward: Steward) -> None:
    steward = fresh_steward
    made = [await resolved_incident(steward) for _ in range(12)]
    steward.clock.advance(days=5)
    runtime = steward.runtime("incident")
    done = await asyncio.gather(*(close_the_silent(runtime) for _ in range(4)))
    assert sum(done) == len(made)
    assert {(await now(steward, each))["version"] for each in made} == {4}
    assert await close_the_silent(runtime) == 0


async def test_a_record_whose_past_is_being_played_in_waits_for_its_completion(fresh_steward: Steward) -> None:
    steward = fresh_steward
    steps: list[dict[str, Any]] = [
        {"row": 1, "at": "2026-02-01T08:00:00Z", "action": "open",
         "body": {"title": "It was on fire", "organisation": "northwind"}},
        {"row": 2, "at": "2026-02-02T08:00:00Z", "action": "resolve", "body": {"resolution_code": "fixed"}},
    ]  # fmt: skip
    body = {"origin": "servicenow", "records": [{"reference": "INC7", "steps": steps}]}
    root = steward.client("root")
    answer = (await root.post("/incident/history", json=body)).json()["records"][0]
    await steward.ticked()
    assert (await now(steward, answer))["state"] == "resolved"
    await root.post("/incident/history/complete", json={"origin": "servicenow"})
    await steward.ticked()
    assert (await now(steward, answer))["state"] == "closed"


async def test_a_policy_is_told_and_leaves_earlier_resolutions_as_they_were(fresh_steward: Steward) -> None:
    steward = fresh_steward
    before = await resolved_incident(steward)
    await applied(steward, "incident", [policy(1)])
    assert before["close_due_at"] == "2026-03-07T09:00:00Z"
    assert (await now(steward, before))["close_due_at"] == before["close_due_at"]
    assert (await resolved_incident(steward))["close_due_at"] == "2026-03-03T09:00:00Z"
    await steward.drained()
    told = [each for each in await steward.runtime("incident").log.read(0, 1000)
            if each.type == ClosurePolicyPublished.wire_type()]  # fmt: skip
    assert [ClosurePolicyPublished.model_validate_json(each.data).silence_days for each in told] == [1]


@pytest.mark.parametrize("days", [0, -1, 91, "soon"])
async def test_a_silence_that_makes_no_sense_is_refused(steward: Steward, days: Any) -> None:
    answer = await steward.client("root").post("/incident/policies", json={"documents": [policy(days)]})
    assert answer.status_code == 422
    assert answer.json()["errors"][0]["field"] == "documents.0.spec.silence_days"


def test_a_batch_is_bounded() -> None:
    assert 1 <= BATCH <= 1000
