"""The short path: one named authoriser, paperwork that is due and told when it is late, counted by month."""

from datetime import timedelta

import pytest
from sqlalchemy import text

from tests.builders import Json, applied, read
from tests.change.samples import SAFE, Estate, asked, assessed, events, refused, verb
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("CHG-8")
PAPERS: Json = {
    "justified": True, "review": "The cooling failed", "plan": "Move it", "backout": "Move it back",
    "backout_tested": False,
}  # fmt: skip


async def test_an_emergency_is_declared_authorised_by_one_and_owes_its_paperwork(steward: Steward) -> None:
    change = await asked(steward, emergency=True)
    assert (change["state"], change["change_class"], change["risk"]) == ("assessed", "emergency", None)
    assert (await refused(steward, change, "approve", by="erin"))[:2] == (409, "emergency-only")
    assert (await refused(steward, change, "authorise", by="alice", reason="x"))[0] == 403
    assert (await refused(steward, change, "start"))[0] == 409
    found = await verb(steward, change, "authorise", by="erin", reason="The cooling fails")
    assert (found["state"], found["authorised_by"], found["approvers"]) == ("approved", "erin", ["erin"])
    assert found["paperwork_due"] == (MONDAY + timedelta(hours=24)).isoformat().replace("+00:00", "Z")
    assert await events(steward, change) == [
        "change.submitted", "change.classified", "emergency.authorised", "change.approved",
    ]  # fmt: skip
    # No window, no plan, and yet it starts.
    await verb(steward, change, "start", by="alice")
    await verb(steward, change, "complete", by="alice")
    assert (await refused(steward, change, "close"))[:2] == (409, "paperwork-before-the-end")
    status, rule, said = await refused(steward, change, "document", by="alice", justified=True, review="It was")
    assert (status, rule) == (409, "back-out-plan-by-class")
    assert said["missing"][0] == "an implementation plan"
    found = await verb(steward, change, "document", by="alice", **PAPERS)
    assert (found["plan"], found["justified"], found["review"]) == ("Move it", True, "The cooling failed")
    assert (await refused(steward, change, "document", by="alice", **PAPERS))[0] == 409
    assert (await verb(steward, change, "close"))["state"] == "closed"
    entry = (await read(steward.client("bob"), f"/change/changes/{change['id']}/timeline"))["items"][-2]
    assert (entry["event"], entry["data"]["late"]) == ("emergency.documented", False)


async def test_nobody_authorises_their_own_emergency_nor_another_class(steward: Steward) -> None:
    mine = await asked(steward, by="erin", emergency=True)
    assert "authorise" not in mine["allowed_actions"]
    assert (await refused(steward, mine, "authorise", by="erin", reason="x"))[:2] == (403, "requester-never-approves")
    normal = await assessed(steward)
    assert (await refused(steward, normal, "authorise", by="erin", reason="x"))[:2] == (409, "emergency-only")
    assert (await refused(steward, normal, "document", by="alice", **PAPERS))[0] == 409
    own = text("UPDATE change SET authorised_by = requester WHERE id = CAST(:id AS uuid)")
    with pytest.raises(Exception, match="ck_change_requester_never_authorises"):
        await steward.database("change").rows(own, {"id": mine["id"]})


async def test_an_emergency_goes_ahead_in_spite_of_what_is_in_the_way(steward: Steward) -> None:
    estate = await Estate(steward).items("db")
    window = {"planned_start": MONDAY.isoformat(), "planned_end": (MONDAY + timedelta(hours=1)).isoformat()}
    await assessed(steward, items=[estate.name("db")], **window)
    change = await asked(steward, emergency=True, items=[estate.name("db")], **window)
    await verb(steward, change, "authorise", by="erin", reason="The cooling fails")
    assert (await verb(steward, change, "start", by="alice"))["state"] == "implementing"


async def test_a_declared_emergency_can_turn_out_to_be_none_before_anybody_authorised_it(steward: Steward) -> None:
    change = await asked(steward, emergency=True)
    found = await verb(steward, change, "classify", answers=SAFE)
    assert found["change_class"] == "normal"
    found = await verb(steward, change, "classify", answers=SAFE, emergency=True)
    assert (found["change_class"], found["risk"]) == ("emergency", "low")


async def test_late_paperwork_is_told_once_and_counted_by_month(fresh_steward: Steward) -> None:
    steward = fresh_steward
    steps = [{"step": "approval", "role": "approver"}]
    spec = {"classes": {"normal": steps, "major": steps}, "paperwork_hours": 2}
    document = {"kind": "change/ApprovalPolicy", "name": "short", "effective_from": MONDAY.isoformat(), "spec": spec}
    await applied(steward, "change", [document])
    await assessed(steward)
    changes = [await asked(steward, emergency=True) for _ in range(3)]
    for change in changes:
        await verb(steward, change, "authorise", by="erin", reason="It burns")
    await verb(steward, changes[0], "document", by="alice", **PAPERS)
    steward.clock.advance(hours=2, microseconds=-1)
    await steward.ticked()
    assert "emergency.paperwork_overdue" not in await events(steward, changes[1])
    steward.clock.advance(microseconds=1)
    for _ in range(2):
        await steward.ticked()
    told = [(await events(steward, change)).count("emergency.paperwork_overdue") for change in changes]
    assert told == [0, 1, 1]
    late = await read(steward.client("bob"), "/change/changes", overdue=True)
    assert {each["number"] for each in late["items"]} == {each["number"] for each in changes[1:]}
    steward.clock.advance(minutes=5)
    await verb(steward, changes[1], "document", by="alice", **PAPERS | {"justified": False})
    months = (await read(steward.client("bob"), "/change/emergencies", months=2))["items"]
    assert months[0] == {
        "month": "2026-03", "changes": 4, "authorised": 3, "documented": 2, "late": 1, "overdue": 1, "justified": 1,
        "unjustified": 1, "unsuccessful": 0,
    }  # fmt: skip
    assert (months[1]["month"], months[1]["changes"], months[1]["authorised"]) == ("2026-02", 0, 0)
    assert (await steward.client("bob").get("/change/emergencies", params={"months": 0})).status_code == 422
