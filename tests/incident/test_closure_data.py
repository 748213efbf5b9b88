"""What a closed record leaves to be counted: cause and resolution codes, effort, outages per service (INC-11)."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.incident import IncidentClosed
from contracts.incident_care import OutageRecorded
from services.incident.domain.outages import LARGEST_EFFORT
from services.incident.lifecycle import Action
from shared.errors import Conflict, Invalid
from tests.builders import Json, applied, moved_incident, opened_incident, read, resolved_incident, started_incident
from tests.incident.samples import NOON, act, at, opened
from tests.system import Steward

pytestmark = pytest.mark.capability("INC-11")
INCIDENTS = "/incident/incidents"
SINCE = {"effective_from": "2026-01-01T00:00:00Z"}


def minute(number: int) -> str:
    return (NOON + timedelta(minutes=number)).isoformat()


async def refused(steward: Steward, incident: Json, verb: str, **order: Any) -> Json:
    answer = await steward.client("alice").post(f"{INCIDENTS}/{incident['id']}/{verb}", json=order)
    assert answer.status_code == 422, answer.text
    found: Json = answer.json()["errors"][0]
    return found


async def last(steward: Steward, incident: Json) -> str:
    return (await steward.runtime("incident").log.timeline(incident["id"]))[-1].data


async def test_outages_are_recorded_ended_and_withdrawn_and_each_is_told(steward: Steward) -> None:
    incident = await opened_incident(steward, service="Mail")
    found = await moved_incident(steward, incident, "record-outage", began_at="2026-03-02T08:00:00Z", ci="mail-1")
    (outage,) = found["outages"]
    assert outage == {
        "outage": outage["outage"], "service": "Mail", "ci": "mail-1", "began_at": "2026-03-02T08:00:00Z",
        "ended_at": None, "degree": "down", "planned": False,
    }  # fmt: skip
    other = await moved_incident(
        steward, incident, "record-outage", service="Web", began_at="2026-03-02T08:00:00Z",
        ended_at="2026-03-02T08:10:00Z", degree="degraded",
    )  # fmt: skip
    found = await moved_incident(steward, incident, "end-outage", outage=outage["outage"])
    assert [each["ended_at"] for each in found["outages"]] == ["2026-03-02T09:00:00Z", "2026-03-02T08:10:00Z"]
    told = OutageRecorded.model_validate_json(await last(steward, incident))
    assert (str(told.outage), told.affected_service, told.affected_ci) == (outage["outage"], "Mail", "mail-1")
    again = await moved_incident(steward, incident, "end-outage", outage=outage["outage"])
    assert again["version"] == found["version"], "nothing new is told"
    web = other["outages"][1]["outage"]
    found = await moved_incident(steward, incident, "withdraw-outage", outage=web, reason="it was Mail alone")
    assert [each["service"] for each in found["outages"]] == ["Mail"]
    assert OutageRecorded.model_validate_json(await last(steward, incident)).withdrawn
    customers = await read(steward.client("carol"), f"{INCIDENTS}/{incident['id']}/timeline")
    assert [each["event"] for each in customers["items"][1:]] == ["outage.recorded"] * 4


async def test_an_overlap_is_refused_and_names_the_other_interval(steward: Steward) -> None:
    incident = await opened_incident(steward, service="Mail")
    found = await moved_incident(steward, incident, "record-outage", began_at="2026-03-02T08:00:00Z")
    fault = await refused(steward, incident, "record-outage", began_at="2026-03-02T08:30:00Z")
    assert fault["field"] == "began_at"
    assert found["outages"][0]["outage"] in fault["message"]
    assert (await read(steward.client("alice"), f"{INCIDENTS}/{incident['id']}"))["version"] == 2


@pytest.mark.parametrize(
    ("order", "field"),
    [
        ({"began_at": "2026-03-02T08:00:00Z"}, "service"),
        ({"service": "Mail", "began_at": "2026-03-02T09:00:01Z"}, "began_at"),
        ({"service": "Mail", "began_at": "2026-03-02T08:00:00Z", "ended_at": "2026-03-02T08:00:00Z"}, "ended_at"),
        ({"service": "Mail", "began_at": "2026-03-02T08:00:00Z", "ended_at": "2026-03-02T09:00:01Z"}, "ended_at"),
        ({"service": "Mail", "began_at": "2026-03-02T08:00:00"}, "began_at"),
    ],
)
async def test_an_interval_that_makes_no_sense_is_refused(steward: Steward, order: Json, field: str) -> None:
    incident = await opened_incident(steward)
    assert (await refused(steward, incident, "record-outage", **order))["field"] == field
    fault = await refused(steward, incident, "end-outage", outage=str(uuid4()))
    assert fault["field"] == "outage"


async def test_a_planned_outage_may_lie_ahead(steward: Steward) -> None:
    incident = await opened_incident(steward)
    order: Json = {"began_at": "2026-03-03T08:00:00Z", "ended_at": "2026-03-03T09:00:00Z"}
    found = await moved_incident(steward, incident, "record-outage", service="Mail", planned=True, **order)
    assert found["outages"][0]["planned"]


async def test_effort_is_summed_up_and_told_at_closing(steward: Steward) -> None:
    incident = await started_incident(steward)
    for minutes in (15, 30):
        incident = await moved_incident(steward, incident, "log-effort", minutes=minutes, person="frank")
    assert incident["effort_minutes"] == 45
    await moved_incident(steward, incident, "resolve", resolution_code="fixed", cause_code="hardware")
    incident = await moved_incident(steward, incident, "close")
    closed = IncidentClosed.model_validate_json(await last(steward, incident))
    assert (closed.effort_minutes, closed.cause_code, closed.resolution_code) == (45, "hardware", "fixed")
    page = await read(steward.client("alice"), INCIDENTS, cause_code="hardware")
    assert [each["id"] for each in page["items"]] == [incident["id"]]


def test_effort_has_a_bound_that_its_column_can_hold() -> None:
    incident = opened()
    incident.effort_minutes = LARGEST_EFFORT - 1
    act(incident, Action.LOG_EFFORT, minutes=1)
    with pytest.raises(Invalid):
        act(incident, Action.LOG_EFFORT, minutes=1)


async def test_the_closure_policy_asks_for_one_of_its_causes(fresh_steward: Steward) -> None:
    steward = fresh_steward
    spec = {"cause_codes": ["software", "hardware"], "cause_code_required": True}
    await applied(steward, "incident", [{"kind": "incident/ClosurePolicy", "name": "usual", "spec": spec, **SINCE}])
    incident = await started_incident(steward)
    fault = await refused(steward, incident, "resolve", resolution_code="fixed")
    assert (fault["field"], "software, hardware" in fault["message"]) == ("cause_code", True)
    assert (await refused(steward, incident, "close"))["field"] == "cause_code"
    assert (await refused(steward, incident, "close", cause_code="gremlins"))["field"] == "cause_code"
    found = await moved_incident(steward, incident, "resolve", resolution_code="fixed", cause_code="software")
    assert found["cause_code"] == "software"
    assert (await moved_incident(steward, incident, "close"))["cause_code"] == "software"
    request = await started_incident(steward, kind="request")
    await moved_incident(steward, request, "resolve", resolution_code="fulfilled")
    original, repeated = await opened_incident(steward), await opened_incident(steward)
    await moved_incident(steward, repeated, "link", duplicate_of=original["id"])
    assert (await moved_incident(steward, repeated, "close"))["closure_code"] == "duplicate"


async def test_children_take_the_cause_of_their_parent(fresh_steward: Steward) -> None:
    steward = fresh_steward
    spec = {"cause_codes": ["software"], "cause_code_required": True}
    await applied(steward, "incident", [{"kind": "incident/ClosurePolicy", "name": "usual", "spec": spec, **SINCE}])
    for verb, order in (("resolve", {"resolution_code": "fixed"}), ("close", {})):
        parent, child = await opened_incident(steward), await opened_incident(steward)
        await moved_incident(steward, child, "link", parent=parent["id"])
        await refused(steward, parent, verb, **order)
        await moved_incident(steward, parent, verb, **order, cause_code="software")
        found = await read(steward.client("alice"), f"{INCIDENTS}/{child['id']}")
        assert (found["state"], found["cause_code"]) == ("resolved", "software")


async def test_the_past_of_another_desk_need_not_keep_to_it(fresh_steward: Steward) -> None:
    steward = fresh_steward
    spec = {"cause_codes": ["software"], "cause_code_required": True}
    await applied(steward, "incident", [{"kind": "incident/ClosurePolicy", "name": "usual", "spec": spec, **SINCE}])
    body = {"title": "It was on fire", "organisation": "northwind"}
    steps = [
        {"row": 1, "at": "2026-02-01T08:00:00Z", "action": "open", "body": body},
        {"row": 2, "at": "2026-02-02T08:00:00Z", "action": "resolve", "body": {"resolution_code": "Code 7"}},
    ]
    past = {"origin": "servicenow", "records": [{"reference": "INC7", "steps": steps}]}
    answer = (await steward.client("root").post("/incident/history", json=past)).json()["records"][0]
    assert answer["rejected"] == []


async def test_an_outage_that_outlasts_its_record_is_ended_later(steward: Steward) -> None:
    incident = await resolved_incident(steward, service="Mail")
    found = await moved_incident(steward, incident, "record-outage", began_at="2026-03-02T08:00:00Z")
    await moved_incident(steward, incident, "close")
    found = await moved_incident(steward, incident, "end-outage", outage=found["outages"][0]["outage"])
    assert (found["state"], found["outages"][0]["ended_at"]) == ("closed", "2026-03-02T09:00:00Z")


Interval = tuple[str, int, int | None]
intervals = st.tuples(st.sampled_from(["Mail", "Web"]), st.integers(0, 12), st.none() | st.integers(1, 13))


def minutes_of(interval: Interval) -> set[tuple[str, int]]:
    service, began, ended = interval
    return {(service, each) for each in range(began, 60 if ended is None else ended)}


@given(st.lists(intervals, max_size=8))
def test_no_minute_of_a_service_is_counted_twice_and_nothing_else_is_refused(wanted: Sequence[Interval]) -> None:
    incident, taken = opened(), set[tuple[str, int]]()
    now = at(60)
    for service, began, ended in wanted:
        order = {"service": service, "began_at": minute(began), "ended_at": None if ended is None else minute(ended)}
        minutes = minutes_of((service, began, ended))
        if not minutes or minutes & taken:
            with pytest.raises(Invalid):
                act(incident, Action.RECORD_OUTAGE, now, **order)
        else:
            act(incident, Action.RECORD_OUTAGE, now, **order)
            taken |= minutes
    kept = [
        (each["service"], minute_of(each["began_at"]), minute_of(each["ended_at"])) for each in incident.outages or ()
    ]
    assert set[tuple[str, int]]().union(*map(minutes_of, kept)) == taken


def minute_of(text: str | None) -> Any:
    return (datetime.fromisoformat(text) - NOON) // timedelta(minutes=1) if text else None


def test_a_record_has_a_bounded_number_of_outages() -> None:
    incident = opened(service="Mail")
    for number in range(200):
        act(incident, Action.RECORD_OUTAGE, at(900), began_at=minute(number), ended_at=minute(number + 1))
    with pytest.raises(Conflict):
        act(incident, Action.RECORD_OUTAGE, at(900), began_at=minute(500))
