"""The rules as versioned documents: the example that comes with Steward, in force; and what they make of changes."""

import json
from typing import Any

import pytest
from sqlalchemy import text

from tests.builders import Json, applied, read
from tests.change.samples import HOUR, SAFE, START, asked, edited, refused, verb
from tests.sla.test_examples import FOLDER, documents
from tests.system import MONDAY, Steward

ANSWERS = SAFE | {"data": "none"}
WINDOW = {"planned_start": START.isoformat(), "planned_end": (START + HOUR).isoformat()}


async def told(steward: Steward, type: str) -> list[Json]:
    sql = text("SELECT data FROM event WHERE type = :type ORDER BY serial")
    return [json.loads(row.data) for row in await steward.database("change").rows(sql, {"type": type})]


@pytest.fixture
async def ruled(fresh_steward: Steward) -> Steward:
    await applied(fresh_steward, "change", documents(FOLDER / "change.yaml"))
    return fresh_steward


@pytest.mark.capability("CHG-2")
async def test_a_standard_change_is_done_as_its_model_says_and_needs_no_approval_of_its_own(ruled: Steward) -> None:
    change = await asked(ruled, model="switch-port", planned_start=START.isoformat(), plan="Mine")
    assert (change["state"], change["change_class"], change["risk"]) == ("approved", "standard", "low")
    assert (change["plan"][:13], change["backout_minutes"], change["backout_tested"]) == ("Open the port", 15, True)
    assert change["planned_end"] == "2026-03-04T09:30:00Z"
    assert (change["approvers"], change["policy"], change["model_version"]) == ([], "approvals", 1)
    answer = await ruled.client("alice").patch(
        f"/change/changes/{change['id']}", json={"plan": "Mine"}, headers={"If-Match": f'"{change["version"]}"'}
    )
    assert (answer.status_code, answer.json()["rule"]) == (409, "standard-keeps-its-model")
    # Without a window it waits for one; as another class it waits for people.
    waiting = await asked(ruled, model="certificate")
    assert waiting["state"] == "assessed"
    assert (await verb(ruled, waiting, "schedule", by="alice", **WINDOW))["state"] == "approved"
    found = await verb(ruled, waiting, "classify", answers=ANSWERS)
    assert (found["state"], found["change_class"], found["model"]) == ("assessed", "normal", None)
    answer = await ruled.client("alice").post(
        "/change/changes", json={"title": "x", "reason": "y", "model": "switch-prot"}
    )
    assert (answer.status_code, "near it: switch-port" in answer.json()["detail"]) == (422, True)


@pytest.mark.capability("CHG-2")
async def test_a_standard_change_with_something_in_the_way_waits_until_that_is_answered_for(ruled: Steward) -> None:
    # The portal's window of the example is at night.
    change = await asked(ruled, model="switch-port", service="Order portal", planned_start=START.isoformat())
    assert change["state"] == "assessed"
    (seen,) = (await read(ruled.client("bob"), f"/change/changes/{change['id']}/collisions"))["items"]
    assert (seen["kind"], seen["with_what"]) == ("outside-window", "portal-nights")
    found = await verb(ruled, change, "acknowledge", collision=seen["id"], reason="Nobody orders on Wednesdays")
    assert found["state"] == "approved"
    moved = await edited(ruled, change, planned_end=(START + HOUR).isoformat())
    assert moved["state"] == "assessed"


@pytest.mark.capability("CHG-2")
@pytest.mark.capability("CHG-4")
async def test_a_rule_counts_from_its_day_on_and_classifications_name_it(ruled: Steward) -> None:
    change = await asked(ruled, answers=ANSWERS | {"data": "all", "experience": "never"})
    assert (change["change_class"], change["risk"], change["rule"], change["rule_version"]) == (
        "normal", "medium", "risk", 1,
    )  # fmt: skip
    status, _, said = await refused(ruled, change, "classify", answers=SAFE)
    assert (status, said["errors"][0]["field"]) == (422, "answers.data")
    (stricter,) = [each for each in documents(FOLDER / "change.yaml") if each["kind"] == "change/RiskRule"]
    later: Any = {**stricter, "effective_from": (MONDAY + HOUR).isoformat()}
    later["spec"] = {**stricter["spec"], "high_from": 5}
    await applied(ruled, "change", [later])
    assert (await verb(ruled, change, "classify", answers={a["question"]: a["answer"] for a in change["answers"]}))[
        "change_class"
    ] == "normal"
    ruled.clock.advance(hours=1)
    found = await verb(ruled, change, "classify", answers={a["question"]: a["answer"] for a in change["answers"]})
    assert (found["change_class"], found["rule_version"]) == ("major", 2)


async def test_documents_are_told_as_they_are_applied(ruled: Steward) -> None:
    (freeze,) = await told(ruled, "steward.freeze.published.v1")
    assert (freeze["freeze"], freeze["services"], freeze["begins"]) == (
        "year-end-2026", ["Order portal"], "2026-12-14T00:00:00+01:00",
    )  # fmt: skip
    (window,) = await told(ruled, "steward.change_window.published.v1")
    assert window["weekly"] == {"monday-thursday": ["22:00-05:00"], "saturday": ["20:00-24:00"]}
    (policy,) = await told(ruled, "steward.approval_policy.published.v1")
    assert (policy["classes"]["major"][1], policy["paperwork_hours"]) == (
        {"step": "board", "role": "approver", "count": 2}, 48.0,
    )  # fmt: skip
    assert {each["model"] for each in await told(ruled, "steward.change_model.published.v1")} == {
        "switch-port", "certificate",
    }  # fmt: skip
    (rule,) = await told(ruled, "steward.risk_rule.published.v1")
    assert [each["question"] for each in rule["questions"]] == list(ANSWERS)


@pytest.mark.parametrize(
    ("kind", "spec", "field"),
    [("Freeze", {"begins": MONDAY.isoformat(), "ends": MONDAY.isoformat()}, "spec"),
     ("Freeze", {"begins": MONDAY.isoformat()}, "spec.ends"), ("Model", {"title": "x"}, "spec.plan"),
     ("ApprovalPolicy", {"classes": {"odd": []}}, "spec.classes.odd.[key]"),
     ("RiskRule", {"questions": {}, "medium_from": 1, "high_from": 2}, "spec.questions"),
     ("Window", {"zone": "UTC", "weekly": {"monday": ["1-2"]}, "items": ["a"]}, "spec")],
)  # fmt: skip
async def test_a_document_that_makes_no_sense_is_refused_by_its_field(
    steward: Steward, kind: str, spec: Json, field: str
) -> None:
    document = {"kind": f"change/{kind}", "name": "odd", "effective_from": MONDAY.isoformat(), "spec": spec}
    answer = await steward.client("root").post("/change/policies", json={"documents": [document]})
    assert answer.status_code == 422
    assert f"documents.0.{field}" in {each["field"] for each in answer.json()["errors"]}
