"""Who approves, in which order, in whose place: by the policy, and in the end by the database's own constraints."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from shared.local.people import Person
from tests.builders import Json, applied, read, told
from tests.change.samples import (
    END,
    HOUR,
    PLANS,
    RISKY,
    SECOND,
    START,
    THIRD,
    approved,
    asked,
    assessed,
    edited,
    events,
    refused,
    verb,
)
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("CHG-4")
DELEGATIONS = "/change/delegations"


def policy(paperwork: float = 24) -> Json:
    steps = [{"step": "manager", "role": "change_manager"}, {"step": "board", "role": "approver", "count": 2}]
    spec = {"classes": {"normal": [steps[1]], "major": steps}, "paperwork_hours": paperwork}
    return {"kind": "change/ApprovalPolicy", "name": "board", "effective_from": MONDAY.isoformat(), "spec": spec}


async def delegated(steward: Steward, approver: str | Person, delegate: str, **terms: Any) -> Json:
    ends = (steward.clock.now() + timedelta(days=7)).isoformat()
    return await told(steward.client(approver), DELEGATIONS, {"delegate": delegate, "ends": ends, **terms})


async def test_a_policy_is_gone_through_step_by_step_by_different_people(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "change", [policy()])
    change = await assessed(steward, answers=RISKY)
    path = f"/change/changes/{change['id']}/approvals"
    shown = await read(steward.client("alice"), path)
    assert [(each["step"], each["role"], each["missing"]) for each in shown["steps"]] == [
        ("manager", "change_manager", 1), ("board", "approver", 2),
    ]  # fmt: skip
    assert (shown["policy"], shown["policy_version"]) == ("board", 1)
    assert (await refused(steward, change, "approve", by="erin"))[:2] == (409, "steps-in-order")
    assert (await refused(steward, change, "approve", by="bob", step="board"))[:2] == (409, "steps-in-order")
    assert (await refused(steward, change, "approve", by="grace"))[:2] == (403, "step-needs-its-role")
    assert (await verb(steward, change, "approve", by=THIRD))["state"] == "assessed"
    # Somebody of both roles has spoken, and does not speak again for the next step.
    assert (await refused(steward, change, "approve", by=THIRD))[:2] == (409, "one-person-one-approval")
    assert (await refused(steward, change, "approve", by="bob"))[:2] == (403, "step-needs-its-role")
    found = await verb(steward, change, "approve", by="erin", note="Fine")
    assert (found["state"], found["approvers"]) == ("assessed", ["third", "erin"])
    assert (await refused(steward, change, "approve", by="erin"))[:2] == (409, "one-person-one-approval")
    found = await verb(steward, change, "approve", by=SECOND, step="board")
    assert (found["state"], found["policy"], found["policy_version"]) == ("approved", "board", 1)
    assert found["approvers"] == ["third", "erin", "second"]
    shown = await read(steward.client("alice"), path)
    assert [[each["by"] for each in step["given"]] for step in shown["steps"]] == [["third"], ["erin", "second"]]
    assert [each["missing"] for each in shown["steps"]] == [0, 0]
    assert await events(steward, change) == [
        "change.submitted", "change.classified", "change.scheduled", *["change.approval_given"] * 3, "change.approved",
    ]  # fmt: skip


async def test_the_requester_never_approves_whatever_their_roles(steward: Steward) -> None:
    for who in ("erin", "root", THIRD):
        change = await assessed(steward, by=who)
        assert "approve" not in change["allowed_actions"]
        assert (await refused(steward, change, "approve", by=who))[:2] == (403, "requester-never-approves")


async def test_an_administrator_has_no_role_of_a_step(steward: Steward) -> None:
    assert (await refused(steward, await assessed(steward), "approve", by="root"))[:2] == (403, "step-needs-its-role")


async def test_a_delegate_approves_in_the_approvers_place_until_it_ends(fresh_steward: Steward) -> None:
    steward = fresh_steward
    first, second, third = [await assessed(steward) for _ in range(3)]
    assert (await refused(steward, first, "approve", by="grace", for_whom="erin"))[:2] == (403, "delegation-in-force")
    later = (steward.clock.now() + HOUR).isoformat()
    delegation = await delegated(steward, "erin", "grace", begins=later)
    assert (await refused(steward, first, "approve", by="grace", for_whom="erin"))[0] == 403
    steward.clock.advance(hours=1)
    found = await verb(steward, first, "approve", by="grace", for_whom="erin")
    assert (found["state"], found["approvers"]) == ("approved", ["grace"])
    shown = await read(steward.client("bob"), f"/change/changes/{first['id']}/approvals")
    assert [(each["by"], each["for_whom"]) for each in shown["steps"][0]["given"]] == [("grace", "erin")]
    # Others do not hold it, and a delegate does not pass it on.
    assert (await refused(steward, second, "approve", by="bob", for_whom="erin"))[0] == 403
    await told(steward.client("erin"), f"{DELEGATIONS}/{delegation['id']}/end")
    assert (await refused(steward, second, "approve", by="grace", for_whom="erin"))[:2] == (403, "delegation-in-force")
    ends = (steward.clock.now() + HOUR).isoformat()
    await delegated(steward, "erin", "grace", ends=ends)
    await verb(steward, second, "approve", by="grace", for_whom="erin")
    steward.clock.advance(hours=1)
    assert (await refused(steward, third, "approve", by="grace", for_whom="erin"))[:2] == (403, "delegation-in-force")
    told_of = [each.type for each in await steward.runtime("change").log.timeline(delegation["id"])]
    assert told_of == ["steward.delegation.granted.v1", "steward.delegation.ended.v1"]


async def test_a_delegate_has_the_roles_that_the_approver_had(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await delegated(steward, "bob", "grace")
    change = await assessed(steward)
    assert (await refused(steward, change, "approve", by="grace", for_whom="bob"))[:2] == (403, "step-needs-its-role")


async def test_one_person_counts_once_whoever_signs(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "change", [policy()])
    await delegated(steward, "erin", "second")
    change = await assessed(steward)
    await verb(steward, change, "approve", by=SECOND, for_whom="erin")
    # Erin's word is given, and Sam has spoken.
    assert (await refused(steward, change, "approve", by="erin"))[:2] == (409, "one-person-one-approval")
    assert (await refused(steward, change, "approve", by=SECOND))[:2] == (409, "one-person-one-approval")


async def test_neither_as_a_delegate_nor_through_one_does_the_requester_approve(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await delegated(steward, "erin", "second")
    await delegated(steward, SECOND, "erin")
    for requester, delegate in (("erin", SECOND), (SECOND, "erin")):
        change = await assessed(steward, by=requester)
        whom = requester if isinstance(requester, str) else requester.subject
        other = delegate if isinstance(delegate, str) else delegate.subject
        through = await refused(steward, change, "approve", by=delegate, for_whom=whom)
        as_delegate = await refused(steward, change, "approve", by=requester, for_whom=other)
        assert through[:2] == as_delegate[:2] == (403, "requester-never-approves")


async def test_a_delegation_is_the_approvers_own_to_grant_and_to_end(steward: Steward) -> None:
    ends = (steward.clock.now() + timedelta(days=1)).isoformat()
    assert (await steward.client("alice").post(DELEGATIONS, json={"delegate": "bob", "ends": ends})).status_code == 403
    for body, field in (
        ({"delegate": "erin", "ends": ends}, "delegate"), ({"delegate": "bob"}, "ends"),
        ({"delegate": "bob", "ends": MONDAY.isoformat()}, "ends"),
        ({"delegate": "bob", "ends": (MONDAY + timedelta(days=400)).isoformat()}, "ends"),
        ({"delegate": "bob", "begins": (MONDAY - HOUR).isoformat(), "ends": ends}, "begins"),
    ):  # fmt: skip
        answer = await steward.client("erin").post(DELEGATIONS, json=body)
        assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, field)
    delegation = await delegated(steward, "erin", f"d{uuid4().hex}")
    path = f"{DELEGATIONS}/{delegation['id']}"
    assert (await steward.client("bob").post(f"{path}/end", json={})).json()["rule"] == "own-request-only"
    now = steward.clock.now().isoformat()
    listed = await read(steward.client("alice"), DELEGATIONS, delegate=delegation["delegate"], at=now)
    assert [each["number"] for each in listed["items"]] == [delegation["number"]]
    await told(steward.client("erin"), f"{path}/end")
    assert (await steward.client("erin").post(f"{path}/end", json={})).status_code == 409
    assert (await read(steward.client("alice"), DELEGATIONS, delegate=delegation["delegate"], at=now))["items"] == []
    assert (await read(steward.client("alice"), path))["ended_at"] is not None


@pytest.mark.parametrize(
    "scope",
    [{"planned_end": (END + HOUR).isoformat()}, {"plan": "Otherwise"}, {"backout": "Otherwise"}, {"remedy": "Mend"},
     {"backout_minutes": 1}, {"backout_tested": False}],
)  # fmt: skip
async def test_another_scope_voids_what_was_approved(steward: Steward, scope: Json) -> None:
    change = await approved(steward)
    found = await edited(steward, change, **scope)
    assert (found["state"], found["approvers"], found["policy"]) == ("assessed", [], None)
    assert (await events(steward, change))[-1] == "change.approval_voided"
    shown = await read(steward.client("bob"), f"/change/changes/{change['id']}/approvals")
    assert [each["by"] for each in shown["void"]] == ["erin"]
    assert shown["steps"][0]["missing"] == 1
    assert (await refused(steward, change, "start", reason="Now"))[0] == 409
    # The same person may agree to what it is now.
    assert (await verb(steward, change, "approve", by="erin"))["state"] == "approved"


async def test_an_approval_that_is_not_the_last_is_voided_too(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "change", [policy()])
    change = await assessed(steward)
    await verb(steward, change, "approve", by="erin")
    found = await edited(steward, change, backout="Otherwise")
    assert found["approvers"] == []
    await verb(steward, change, "approve", by=SECOND)
    assert (await verb(steward, change, "approve", by="erin"))["state"] == "approved"


async def test_another_risk_or_class_voids_what_was_approved_with_it(steward: Steward) -> None:
    change = await approved(steward)
    found = await verb(steward, change, "classify", answers=RISKY | {"reach": "nobody"})
    assert (found["change_class"], found["risk"], found["state"]) == ("normal", "medium", "assessed")
    assert found["approvers"] == []


async def test_better_words_leave_an_approval_as_it_is(steward: Steward) -> None:
    change = await approved(steward)
    found = await edited(steward, change, title="The driver", impact="Less", outage_minutes=3)
    assert (found["state"], found["approvers"]) == ("approved", ["erin"])
    found = await verb(steward, change, "void", reason="Something else was meant")
    assert (found["state"], found["approvers"]) == ("assessed", [])


@pytest.mark.capability("CHG-5")
async def test_no_approval_without_the_plans_that_the_class_demands(steward: Steward) -> None:
    change = await assessed(steward, backout="", backout_tested=None, backout_minutes=None)
    status, rule, said = await refused(steward, change, "approve", by="erin")
    assert (status, rule) == (409, "back-out-plan-by-class")
    assert said["missing"] == [
        "a back-out or remedy plan", "the time by which backing out is decided (backout_minutes)",
        "whether that plan was tested (backout_tested)",
    ]  # fmt: skip
    await edited(steward, change, remedy="Mend it by hand", backout_minutes=10, backout_tested=False)
    assert (await verb(steward, change, "approve", by="erin"))["state"] == "approved"


async def test_an_approval_comes_before_the_fact_and_for_a_window(steward: Steward) -> None:
    change = await asked(steward, answers={**RISKY, "reach": "nobody", "experience": "often"}, **PLANS)
    assert (await refused(steward, change, "approve", by="erin"))[:2] == (409, "window-before-approval")
    done = await approved(steward, planned_start=MONDAY.isoformat())
    await verb(steward, done, "start")
    assert (await refused(steward, done, "approve", by=SECOND))[:2] == (409, "no-approval-after-the-fact")
    over = {"planned_start": (MONDAY - 2 * HOUR).isoformat(), "planned_end": (MONDAY - HOUR).isoformat()}
    late = await assessed(steward, **over)
    assert (await refused(steward, late, "approve", by="erin"))[:2] == (409, "no-approval-after-the-fact")


# What the service's own code refuses before, the database refuses as well: this goes past the code.
ATTEMPT = text(
    """
DO $$
DECLARE
  done int := 0;
  constrained text;
BEGIN
  FOR n IN 1..%d LOOP
    BEGIN
      INSERT INTO approval (id, change, requester, round, step, "by", for_whom, counted, given_at, note)
      SELECT gen_random_uuid(), change.id, CASE n %% 5 WHEN 4 THEN 'somebody' ELSE change.requester END, n, 'approval',
        CASE n %% 5 WHEN 0 THEN change.requester WHEN 1 THEN change.requester ELSE 'd' || n END,
        CASE n %% 5 WHEN 1 THEN 'erin' WHEN 2 THEN change.requester WHEN 3 THEN change.requester END,
        CASE n %% 5 WHEN 0 THEN change.requester WHEN 1 THEN 'erin' WHEN 3 THEN 'd' || n WHEN 4 THEN 'd' || n
          ELSE change.requester END,
        now(), ''
      FROM change WHERE number = '%s';
      done := done + 1;
    EXCEPTION WHEN check_violation OR foreign_key_violation THEN
      GET STACKED DIAGNOSTICS constrained = CONSTRAINT_NAME;
    END;
  END LOOP;
  IF done > 0 THEN RAISE EXCEPTION '%% approvals by the requester', done; END IF;
END $$""".replace("%d", "1250").replace("%%", "%")
)


async def test_ten_thousand_racing_approvals_of_ones_own_request_come_to_nothing(steward: Steward) -> None:
    """As the requester, as another's delegate, through a delegate, with a forged count, with a forged requester."""
    change = await assessed(steward, by="erin")
    database = steward.database("change")
    attempt = text(ATTEMPT.text.replace("%s", change["number"]))

    async def attempts() -> None:
        async with database.transaction() as transaction:
            await transaction.execute(attempt)

    await asyncio.gather(*(attempts() for _ in range(8)))
    counted = text("SELECT count(*) AS n FROM approval WHERE change = CAST(:id AS uuid)")
    assert (await database.rows(counted, {"id": change["id"]}))[0].n == 0
    # An honest one is taken by the same table, so the attempts failed for what they were.
    assert (await verb(steward, change, "approve", by=SECOND))["state"] == "approved"
    assert (await database.rows(counted, {"id": change["id"]}))[0].n == 1


async def test_racing_approvals_are_decided_one_after_the_other(fresh_steward: Steward) -> None:
    """Many press approve at once: those who may, those who may not, the requester, one of them twice."""
    steward = fresh_steward
    await applied(steward, "change", [policy()])
    await delegated(steward, "erin", "second")
    await delegated(steward, SECOND, "alice")
    change = await assessed(steward)
    path = f"/change/changes/{change['id']}/approve"
    presses: list[tuple[str | Person, Json]] = [
        ("erin", {}), (SECOND, {}), (SECOND, {"for_whom": "erin"}), ("alice", {}), ("alice", {"for_whom": "second"}),
        ("grace", {}), (THIRD, {}),
    ]  # fmt: skip
    answers = await asyncio.gather(*(steward.client(who).post(path, json=body) for who, body in presses * 4))
    assert {answer.status_code for answer in answers} <= {200, 403, 409}
    assert sum(answer.status_code == 200 for answer in answers) == 2
    shown = await read(steward.client("bob"), f"/change/changes/{change['id']}/approvals")
    given = shown["steps"][0]["given"]
    assert len({each["for_whom"] or each["by"] for each in given}) == len({each["by"] for each in given}) == 2
    assert "alice" not in {name for each in given for name in (each["by"], each["for_whom"])}
    assert (await events(steward, change)).count("change.approval_given") == 2


async def test_an_approval_and_another_scope_at_once_leave_nothing_approved_that_was_not_seen(steward: Steward) -> None:
    """Whichever comes first: the approval is for what is there, or it is void."""
    for number in range(6):
        change = await assessed(steward)
        path = f"/change/changes/{change['id']}"
        plan = {"planned_start": (START + HOUR).isoformat(), "planned_end": (END + HOUR).isoformat()}
        both = await asyncio.gather(
            steward.client("erin").post(f"{path}/approve", json={}),
            steward.client("alice").post(f"{path}/schedule", json=plan),
        )
        assert [each.status_code for each in both] == [200, 200], number
        happened = await events(steward, change)
        now = await read(steward.client("bob"), path)
        if happened[-1] == "change.approval_voided":
            assert now["state"] == "assessed"
        else:
            assert happened[-3:] == ["change.scheduled", "change.approval_given", "change.approved"]
            assert now["state"] == "approved"
