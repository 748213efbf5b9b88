"""An incident caused by a change is tied to that change, by hand or proposed by time and items (INC-12)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.incident.jobs import propose_causes
from services.incident.rules.causes import before
from tests.builders import Json, applied, closed_incident, moved_incident, opened_incident, read
from tests.incident.elsewhere import Elsewhere
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("INC-12")
HOUR = timedelta(hours=1)


async def estate(steward: Steward) -> Elsewhere:
    elsewhere = Elsewhere(steward)
    for each in ("web", "db", "switch"):
        await elsewhere.item(each)
    await elsewhere.needs("web", "db")
    await elsewhere.needs("db", "switch")
    return elsewhere


async def suspects(steward: Steward, incident: Json) -> list[tuple[str, str, int | None, list[str]]]:
    await steward.ticked()
    found = await read(steward.client("alice"), f"/incident/incidents/{incident['id']}")
    return [(each["number"], each["status"], each["minutes_after"], each["path"]) for each in found["suspects"]]


async def test_a_change_below_the_item_within_a_day_is_proposed_nearest_first(fresh_steward: Steward) -> None:
    steward = fresh_steward
    elsewhere = await estate(steward)
    await elsewhere.change("CHG-1", "switch", start=MONDAY - 3 * HOUR, end=MONDAY - 2 * HOUR)
    await elsewhere.change("CHG-2", "web", start=MONDAY - 5 * HOUR, end=MONDAY - 4 * HOUR)
    await elsewhere.change("CHG-3", "db", start=MONDAY - HOUR)
    await elsewhere.change("CHG-4", "web", start=MONDAY - 26 * HOUR, end=MONDAY - 25 * HOUR)
    await elsewhere.change("CHG-5", "elsewhere", start=MONDAY - HOUR, end=MONDAY)
    incident = await opened_incident(steward, ci=elsewhere.name("web"), impact=2)
    assert incident["suspects"] == []
    web, db, switch = (elsewhere.name(each) for each in ("web", "db", "switch"))
    assert await suspects(steward, incident) == [
        ("CHG-2", "suspected", 240, [web]), ("CHG-3", "suspected", 60, [db, web]),
        ("CHG-1", "suspected", 120, [switch, db, web]),
    ]  # fmt: skip
    timeline = await read(steward.client("alice"), f"/incident/incidents/{incident['id']}/timeline")
    assert {(each["event"], each["actor"]) for each in timeline["items"][1:]} == {("cause.change_suspected", "steward")}
    log = await steward.runtime("incident").log.timeline(incident["id"])
    assert {(each.causation, each.correlation) for each in log[1:]} == {(log[0].id, log[0].correlation)}


async def test_what_is_classified_later_is_looked_at_then_and_told_once(fresh_steward: Steward) -> None:
    steward = fresh_steward
    elsewhere = await estate(steward)
    change = await elsewhere.change("CHG-1", "db", start=MONDAY - HOUR)
    incident = await opened_incident(steward)
    assert await suspects(steward, incident) == []
    await moved_incident(steward, incident, "classify", ci=elsewhere.name("web"))
    assert len(await suspects(steward, incident)) == 1
    await moved_incident(steward, incident, "dismiss-change", change=str(change), reason="not that server")
    await moved_incident(steward, incident, "classify", category="network")
    assert [each[1] for each in await suspects(steward, incident)] == ["dismissed"]


async def test_a_change_that_is_told_of_afterwards_is_proposed_then_and_once(fresh_steward: Steward) -> None:
    steward = fresh_steward
    elsewhere = await estate(steward)
    incident = await opened_incident(steward, ci=elsewhere.name("web"))
    unrelated = await opened_incident(steward, ci=elsewhere.name("switch"))
    assert await suspects(steward, incident) == []
    await elsewhere.change("CHG-1", "db", start=MONDAY - HOUR)
    await elsewhere.change("CHG-2", "db", start=MONDAY - 25 * HOUR)
    await elsewhere.change("CHG-3", "db", start=MONDAY + HOUR)
    db, web = elsewhere.name("db"), elsewhere.name("web")
    assert await suspects(steward, incident) == [("CHG-1", "suspected", 60, [db, web])]
    assert await suspects(steward, unrelated) == []
    opened, told = await steward.runtime("incident").log.timeline(incident["id"])
    assert told.causation not in (None, opened.id) and told.correlation != opened.correlation
    await moved_incident(steward, incident, "classify", category="network")
    assert len(await suspects(steward, incident)) == 1


async def test_the_past_of_change_management_is_not_proposed_and_others_wait_for_their_turn(
    fresh_steward: Steward,
) -> None:
    steward = fresh_steward
    elsewhere = await estate(steward)
    await elsewhere.change("CHG-1", "web", start=MONDAY - HOUR)
    incident = await opened_incident(steward, ci=elsewhere.name("web"))
    await elsewhere.change("CHG-2", "web", start=MONDAY - HOUR, historical=True)
    await elsewhere.change("CHG-3", "web", start=MONDAY - HOUR)
    found = await read(steward.client("alice"), f"/incident/incidents/{incident['id']}")
    assert [each["number"] for each in found["suspects"]] == ["CHG-3"]


async def test_the_time_that_counts_is_that_of_the_failure(fresh_steward: Steward) -> None:
    steward = fresh_steward
    elsewhere = await estate(steward)
    await elsewhere.change("CHG-1", "web", start=MONDAY - HOUR, end=MONDAY)
    before_it = (MONDAY - 2 * HOUR).isoformat()
    early = await opened_incident(steward, ci=elsewhere.name("web"), occurred_at=before_it)
    during = await opened_incident(steward, ci=elsewhere.name("web"), occurred_at=(MONDAY - HOUR / 2).isoformat())
    assert await suspects(steward, early) == []
    assert [each[2] for each in await suspects(steward, during)] == [30]


async def test_the_window_and_the_number_are_a_policys(fresh_steward: Steward) -> None:
    steward = fresh_steward
    elsewhere = await estate(steward)
    spec = {"within_hours": 2, "most": 1}
    document = {"kind": "incident/ChangeCausePolicy", "name": "short", "effective_from": "2026-01-01T00:00:00Z"}
    await applied(steward, "incident", [document | {"spec": spec}])
    await elsewhere.change("CHG-1", "web", start=MONDAY - 4 * HOUR, end=MONDAY - 3 * HOUR)
    await elsewhere.change("CHG-2", "db", start=MONDAY - 2 * HOUR)
    await elsewhere.change("CHG-3", "db", start=MONDAY - HOUR)
    incident = await opened_incident(steward, ci=elsewhere.name("web"))
    assert [each[0] for each in await suspects(steward, incident)] == ["CHG-3"]


async def test_several_replicas_propose_each_change_once(fresh_steward: Steward) -> None:
    steward = fresh_steward
    elsewhere = await estate(steward)
    await elsewhere.change("CHG-1", "web", start=MONDAY - HOUR)
    made = [await opened_incident(steward, ci=elsewhere.name("web")) for _ in range(6)]
    await steward.drained()
    await asyncio.gather(*(propose_causes(steward.runtime("incident")) for _ in range(4)))
    await steward.ticked()
    found = [await read(steward.client("alice"), f"/incident/incidents/{each['id']}") for each in made]
    assert [(each["version"], len(each["suspects"])) for each in found] == [(2, 1)] * len(made)


async def test_by_hand_a_change_is_suspected_confirmed_and_dismissed(steward: Steward) -> None:
    elsewhere = Elsewhere(steward)
    one, other = [str(await elsewhere.change(number, start=MONDAY)) for number in ("CHG-1", "CHG-2")]
    incident = await opened_incident(steward)
    for change in (one, other):
        await moved_incident(steward, incident, "suspect-change", by="bob", change=change, reason="the same night")
    found = await moved_incident(steward, incident, "confirm-change", by="bob", change=one)
    assert found["cause_change"] == one
    client, path = steward.client("alice"), f"/incident/incidents/{incident['id']}"
    refused = await client.post(f"{path}/confirm-change", json={"change": other})
    assert (refused.status_code, refused.json()["allowed"]) == (409, ["dismiss-change"])
    assert "CHG-1" in refused.json()["detail"]
    for filters in ({"cause_change": one}, {"suspected": "true", "cause_change": one}):
        page = await read(client, "/incident/incidents", **filters)
        assert [each["id"] for each in page["items"]] == [incident["id"]]
    found = await moved_incident(steward, incident, "dismiss-change", change=one, reason="it was the disk")
    assert found["cause_change"] is None
    assert [each["status"] for each in found["suspects"]] == ["dismissed", "suspected"]
    found = await moved_incident(steward, incident, "suspect-change", change=one, reason="or was it?")
    assert [each["status"] for each in found["suspects"]] == ["suspected", "suspected"]
    customers = await read(steward.client("carol"), path)
    assert (customers["suspects"], customers["cause_change"]) == (None, None)
    told = await read(steward.client("carol"), f"{path}/timeline")
    assert [each["event"] for each in told["items"]] == ["incident.opened"]


async def test_a_change_that_nobody_has_heard_of_is_refused(steward: Steward) -> None:
    incident = await closed_incident(steward)
    path = f"/incident/incidents/{incident['id']}"
    answer = await steward.client("alice").post(f"{path}/suspect-change", json={"change": str(uuid4()), "reason": "x"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "change")
    for verb in ("confirm-change", "dismiss-change"):
        body: dict[str, Any] = {"change": str(uuid4()), "reason": "x"}
        answer = await steward.client("alice").post(f"{path}/{verb}", json=body)
        assert (answer.status_code, answer.json()["allowed"]) == (409, ["suspect-change"])


async def test_the_past_of_another_desk_is_not_looked_at(fresh_steward: Steward) -> None:
    steward = fresh_steward
    elsewhere = await estate(steward)
    await elsewhere.change("CHG-1", "web", start=MONDAY - HOUR)
    body = {"title": "It was on fire", "organisation": "northwind", "ci": elsewhere.name("web")}
    steps = [{"row": 1, "at": MONDAY.isoformat(), "action": "open", "body": body}]
    past = {"origin": "servicenow", "records": [{"reference": "INC7", "steps": steps}]}
    answer = (await steward.client("root").post("/incident/history", json=past)).json()["records"][0]
    assert await suspects(steward, answer) == []


instants = st.integers(-100, 100).map(lambda minutes: MONDAY + timedelta(minutes=minutes))


@given(instants, instants, st.none() | instants)
def test_minutes_count_from_the_changes_last_step_before_the_failure(
    began: datetime, started: datetime, ended: datetime | None
) -> None:
    steps = [each for each in (started, ended) if each is not None and each <= began and each >= started]
    expected = began - max(steps) if started <= began else None
    assert before(began, started, max(started, ended) if ended else None) == expected
