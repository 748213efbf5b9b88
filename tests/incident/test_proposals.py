"""What is known already of a failure: its impact from the graph (INC-3), known errors, problems and changes (INC-4)."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from contracts.cmdb import RelationshipRemoved
from contracts.incident import IncidentOpened
from contracts.known_error import KnownErrorRetired
from tests.builders import Json, applied, moved_incident, opened_incident, read
from tests.incident.elsewhere import Elsewhere
from tests.system import MONDAY, Steward

HOUR = timedelta(hours=1)


async def proposals(steward: Steward, **query: Any) -> Json:
    return await read(steward.client("alice"), "/incident/opening-proposals", **query)


async def portal(steward: Steward, criticality: int | None = 1) -> Elsewhere:
    """A shop that needs a web server that needs a database that needs a switch."""
    elsewhere = Elsewhere(steward)
    await elsewhere.item("shop", "service", criticality=criticality)
    for each in ("web", "db", "switch"):
        await elsewhere.item(each)
    for dependent, provider in (("shop", "web"), ("web", "db"), ("db", "switch")):
        await elsewhere.needs(dependent, provider)
    return elsewhere


@pytest.mark.capability("INC-3")
async def test_impact_is_proposed_from_the_services_that_a_failure_reaches_with_the_path(steward: Steward) -> None:
    elsewhere = await portal(steward)
    found = (await proposals(steward, ci=elsewhere.name("switch")))["impact"]
    path = [elsewhere.name(each) for each in ("switch", "db", "web", "shop")]
    assert (found["impact"], found["complete"], found["services_count"]) == (1, True, 1)
    assert found["services"] == [{"name": elsewhere.name("shop"), "criticality": 1, "path": path}]
    assert found["reason"] == "it reaches 1 service of criticality 1; 1 or more: impact 1"


@pytest.mark.capability("INC-3")
async def test_an_incident_without_an_impact_takes_the_proposed_one_and_says_so(steward: Steward) -> None:
    elsewhere = await portal(steward)
    taken = await opened_incident(steward, ci=elsewhere.name("switch"))
    given = await opened_incident(steward, ci=elsewhere.name("switch"), impact=3)
    unknown = await opened_incident(steward, ci=elsewhere.name("nobody-knows-it"))
    assert [each["impact"] for each in (taken, given, unknown)] == [1, 3, 2]
    told = [
        IncidentOpened.model_validate_json((await steward.runtime("incident").log.timeline(each["id"]))[0].data)
        for each in (taken, given, unknown)
    ]
    assert [(each.impact, each.proposed_impact) for each in told] == [(1, 1), (3, None), (2, None)]
    assert taken["priority"] == 2


@pytest.mark.capability("INC-3")
async def test_what_is_not_used_any_more_or_not_tied_any_more_is_not_reached(steward: Steward) -> None:
    elsewhere = await portal(steward)
    await elsewhere.item("old-shop", "service", criticality=1, status="retired")
    await elsewhere.needs("old-shop", "web")
    assert (await proposals(steward, ci=elsewhere.name("db")))["impact"]["services_count"] == 1
    await elsewhere.item("wiki", "service", criticality=3)
    edge = await elsewhere.needs("wiki", "switch")
    assert (await proposals(steward, ci=elsewhere.name("switch")))["impact"]["services_count"] == 2
    ends = {"source": elsewhere.ids[elsewhere.name("wiki")], "target": elsewhere.ids[elsewhere.name("switch")]}
    gone = RelationshipRemoved(
        kind="depends-on", source=ends["source"], source_ci="wiki", target=ends["target"], target_ci="switch",
        provider=ends["target"], dependent=ends["source"], valid_from=MONDAY - HOUR, valid_to=MONDAY,
    )  # fmt: skip
    await elsewhere.come(elsewhere.message(edge, "wiki switch", gone))
    assert (await proposals(steward, ci=elsewhere.name("switch")))["impact"]["services_count"] == 1


@pytest.mark.capability("INC-3")
async def test_the_rule_is_a_document_and_its_bounds_are_told(fresh_steward: Steward) -> None:
    steward = fresh_steward
    elsewhere = await portal(steward, criticality=None)
    assert (await proposals(steward, ci=elsewhere.name("switch")))["impact"]["impact"] == 3
    spec = {"steps": [{"impact": 2, "at_least": 1}], "otherwise": 3, "depth": 2}
    rule = {"kind": "incident/ImpactRule", "name": "strict", "effective_from": "2026-01-01T00:00:00Z", "spec": spec}
    await applied(steward, "incident", [rule])
    found = (await proposals(steward, ci=elsewhere.name("switch")))["impact"]
    assert (found["services_count"], found["complete"], found["rule"], found["rule_version"]) == (0, False, "strict", 1)
    found = (await proposals(steward, ci=elsewhere.name("db")))["impact"]
    assert (found["impact"], found["complete"]) == (2, True)


@pytest.mark.capability("INC-4")
async def test_known_errors_are_offered_by_item_then_service_then_words(steward: Steward) -> None:
    elsewhere = await portal(steward)
    word = uuid4().hex[:8]
    by_words = await elsewhere.known_error("KE-3", f"The {word} printer smokes")
    by_service = await elsewhere.known_error("KE-2", "Slow at noon", service=elsewhere.name("shop"))
    by_switch = await elsewhere.known_error("KE-4", "Port flaps", "switch")
    by_web = await elsewhere.known_error("KE-1", "Memory leaks", "web")
    await elsewhere.known_error("KE-5", "Only the printers are alike")
    found = await proposals(
        steward, ci=elsewhere.name("web"), service=elsewhere.name("shop"), title=f"A printer {word} is smoking"
    )
    expected = [
        (by_web, ["item"], ["web"]), (by_switch, ["item"], ["switch", "db", "web"]), (by_service, ["service"], []),
        (by_words, ["words"], []),
    ]  # fmt: skip
    assert [(each["id"], each["matched"], each["path"]) for each in found["known_errors"]] == [
        (str(id), matched, [elsewhere.name(each) for each in path]) for id, matched, path in expected
    ]
    assert found["known_errors"][0]["workaround"] == "Restart it"


@pytest.mark.capability("INC-4")
async def test_a_known_error_is_offered_while_it_is_valid_alone(fresh_steward: Steward) -> None:
    steward, elsewhere = fresh_steward, Elsewhere(fresh_steward)
    await elsewhere.item("web")
    error = await elsewhere.known_error(
        "KE-1", "Leaks", "web", valid_from=MONDAY + HOUR, valid_to=MONDAY + 2 * HOUR
    )  # fmt: skip
    seen = []
    for _ in range(3):
        seen.append(len((await proposals(steward, ci=elsewhere.name("web")))["known_errors"]))
        steward.clock.advance(hours=1)
    assert seen == [0, 1, 0]
    always = await elsewhere.known_error("KE-2", "Leaks", "web")
    assert [each["number"] for each in (await proposals(steward, ci=elsewhere.name("web")))["known_errors"]] == ["KE-2"]
    await elsewhere.known_error("KE-2", "Leaks", "web", id=always, event=KnownErrorRetired, state="retired", reason="x")
    assert (await proposals(steward, ci=elsewhere.name("web")))["known_errors"] == []
    incident = await opened_incident(steward)
    for id, why in ((error, "KE-1 is valid from"), (always, "KE-2 is retired"), (uuid4(), "nothing was heard")):
        answer = await steward.client("alice").post(
            f"/incident/incidents/{incident['id']}/apply-workaround", json={"known_error": str(id), "helped": True}
        )
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == "known_error"
        assert why in answer.json()["errors"][0]["message"]


@pytest.mark.capability("INC-4")
async def test_open_problems_and_recent_changes_are_offered_with_an_open_incident(steward: Steward) -> None:
    elsewhere = await portal(steward)
    problem = await elsewhere.problem("PRB-7", "Port flaps", ci=elsewhere.name("switch"))
    await elsewhere.problem("PRB-8", "Port flaps", ci=elsewhere.name("switch"), state="closed")
    near = await elsewhere.change("CHG-1", "web", start=MONDAY - 30 * HOUR, end=MONDAY - 29 * HOUR)
    far = await elsewhere.change("CHG-2", "switch", "other", start=MONDAY - HOUR)
    await elsewhere.change("CHG-3", "web", start=MONDAY - 400 * HOUR, end=MONDAY - 399 * HOUR)
    await elsewhere.change("CHG-4", "other", start=MONDAY - HOUR, end=MONDAY)
    incident = await opened_incident(steward, ci=elsewhere.name("web"))
    found = await read(steward.client("alice"), f"/incident/incidents/{incident['id']}/proposals")
    assert [each["id"] for each in found["problems"]] == [str(problem)]
    assert [(each["id"], each["minutes_ago"], each["path"]) for each in found["changes"]] == [
        (str(near), 29 * 60, [elsewhere.name("web")]),
        (str(far), 60, [elsewhere.name(each) for each in ("switch", "db", "web")]),
    ]
    assert found["impact"]["impact"] == 1


@pytest.mark.capability("INC-4")
async def test_that_a_workaround_was_used_is_on_the_record(steward: Steward) -> None:
    elsewhere = Elsewhere(steward)
    error = await elsewhere.known_error("KE-7", "It burns")
    incident = await opened_incident(steward)
    order: Json = {"known_error": str(error), "note": "second try"}
    await moved_incident(steward, incident, "apply-workaround", **order, helped=False)
    incident = await moved_incident(steward, incident, "apply-workaround", **order, helped=True)
    assert incident["workarounds"] == [
        {"known_error": str(error), "number": "KE-7", "helped": True, "at": "2026-03-02T09:00:00Z"}
    ]
    timeline = await read(steward.client("alice"), f"/incident/incidents/{incident['id']}/timeline")
    assert [each["data"]["helped"] for each in timeline["items"][1:]] == [False, True]
    customers = await read(steward.client("carol"), f"/incident/incidents/{incident['id']}")
    assert customers["workarounds"] is None


@pytest.mark.parametrize(
    "title", ["", "'", "a & b | !c", "the of and", "<->", "x\\y", "é💥", "https://a.example/b?c&d=e"]
)
async def test_any_title_can_be_asked_about(steward: Steward, title: str) -> None:
    assert (await proposals(steward, title=title))["impact"] is None


async def test_a_customer_is_not_offered_what_staff_know(steward: Steward) -> None:
    incident = await opened_incident(steward)
    for path in ("/incident/opening-proposals", f"/incident/incidents/{incident['id']}/proposals"):
        assert (await steward.client("carol").get(path)).status_code == 403
