"""Requests for change through the API: recorded, corrected, found, refused; and by the wish of problem management."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts.problem import ChangeRequested
from services.change.api.view import ChangeView
from services.change.lifecycle import Action
from tests.builders import Json, opened_problem, read, told
from tests.change.samples import (
    END,
    HOUR,
    PLANS,
    RISKY,
    SAFE,
    START,
    Estate,
    approved,
    asked,
    assessed,
    come,
    edited,
    events,
    message,
    refused,
    verb,
)
from tests.system import MONDAY, Steward

PATH = "/change/changes"


async def listed(steward: Steward, **query: Any) -> list[str]:
    return [each["number"] for each in (await read(steward.client("bob"), PATH, limit=200, **query))["items"]]


@pytest.mark.capability("CHG-1")
async def test_a_request_keeps_everything_that_was_said(steward: Steward) -> None:
    estate = await Estate(steward).items("db", "web")
    said: Json = {
        "title": "New driver", "reason": "It leaks", "description": "The one of March", "benefit": "No restarts",
        "impact": "Orders wait for a minute", "resources": "Two people, a night", "organisation": "northwind",
        "service": "Order portal", "items": [estate.name("db"), estate.name("web")], "group": "Databases",
        "assignee": "frank", "outage_minutes": 5, "problem": str(uuid4()), "request": str(uuid4()),
        "incident": str(uuid4()), "remedy": "By hand", **PLANS,
    }  # fmt: skip
    found = await asked(steward, **said)
    assert {name: found[name] for name in said} == said
    assert (found["number"][:4], found["state"], found["requester"]) == ("CHG-", "requested", "alice")
    assert (found["change_class"], found["risk"]) == (None, None)
    seen_by_erin = found | {"allowed_actions": ["reject", "acknowledge", "comment"]}
    assert await read(steward.client("erin"), f"{PATH}/{found['id']}") == seen_by_erin
    assert await events(steward, found) == ["change.submitted"]


@pytest.mark.capability("CHG-1")
async def test_items_that_there_are_not_are_refused_by_place_with_what_is_near(steward: Steward) -> None:
    estate = await Estate(steward).items("orders-db", "orders-web")
    there, wrong = estate.name("orders-db"), estate.name("orders-dv")
    body = {"title": "x", "reason": "y", "items": [there, wrong, f"moon{uuid4().hex}"]}
    answer = await steward.client("alice").post(PATH, json=body)
    assert answer.status_code == 422
    errors = answer.json()["errors"]
    assert [each["field"] for each in errors] == ["items.1", "items.2"]
    assert there in errors[0]["near"]
    assert errors[1]["near"] == []
    assert await listed(steward, item=there) == []
    found = await asked(steward, items=[there, there])
    assert found["items"] == [there]
    answer = await steward.client("alice").patch(
        f"{PATH}/{found['id']}", json={"items": [wrong]}, headers={"If-Match": '"1"'}
    )
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "items.0")
    assert await listed(steward, item=there) == [found["number"]]


@pytest.mark.capability("CHG-1")
async def test_a_rejected_request_is_kept_with_the_reason(steward: Steward) -> None:
    change = await asked(steward, title=f"Doomed {uuid4().hex}")
    found = await verb(steward, change, "reject", by="erin", reason="Too dear")
    assert (found["state"], found["allowed_actions"]) == ("rejected", ["comment"])
    assert await listed(steward, q=change["title"]) == [change["number"]]
    assert await listed(steward, q=change["title"], open=True) == []
    entry = (await read(steward.client("bob"), f"{PATH}/{change['id']}/timeline"))["items"][-1]
    assert (entry["event"], entry["data"]["reason"], entry["actor"]) == ("change.rejected", "Too dear", "erin")
    assert (await refused(steward, change, "classify", answers=SAFE))[0] == 409
    await verb(steward, change, "comment", text="Ask again in May")


@pytest.mark.capability("CHG-1")
async def test_a_wish_of_problem_management_opens_one_change(fresh_steward: Steward) -> None:
    steward = fresh_steward
    problem = await opened_problem(steward, by="grace", service="Order portal", organisation="northwind")
    body = {"title": "New driver", "reason": "It leaks", "description": "Since March"}
    wish = await told(steward.client("grace"), f"/problem/problems/{problem['id']}/request-change", body)
    await steward.drained()
    (found,) = (await read(steward.client("bob"), PATH))["items"]
    assert {key: found[key] for key in body} == body
    assert (found["problem"], found["request"]) == (problem["id"], wish["change_request"])
    assert (found["requester"], found["state"], found["service"]) == ("grace", "requested", "Order portal")
    assert found["organisation"] == "northwind"
    (submitted,) = await steward.runtime("change").log.timeline(found["id"])
    requested = next(
        each for each in await steward.runtime("problem").log.timeline(problem["id"])
        if each.type == "steward.problem.change_requested.v1"
    )  # fmt: skip
    assert (submitted.causation, submitted.correlation) == (requested.id, requested.correlation)


async def test_a_wish_that_is_heard_again_or_was_recorded_by_hand_opens_no_second_change(steward: Steward) -> None:
    wish = ChangeRequested(state="waiting", opened_at=MONDAY, request=uuid4(), title="New driver", reason="Leaks")
    # Another message of the same wish each time: the inbox does not know it.
    messages = [message(wish, uuid4(), "PRB-7", 1, MONDAY, "problem") for _ in range(2)]
    for each in messages:
        await come(steward, "problem", [each])
    (number,) = await listed(steward, request=str(wish.request))
    other = uuid4()
    by_hand = await asked(steward, request=str(other))
    later = wish.model_copy(update={"request": other})
    messages.append(message(later, uuid4(), "PRB-8", 1, MONDAY, "problem"))
    await come(steward, "problem", messages[2:])
    assert await listed(steward, request=str(other)) == [by_hand["number"]]
    body = {"title": "x", "reason": "y", "request": str(wish.request)}
    answer = await steward.client("alice").post(PATH, json=body)
    assert (answer.status_code, number in answer.json()["detail"]) == (409, True)
    parked = text("SELECT reason FROM parked WHERE aggregate_id = ANY(CAST(:ids AS uuid[]))")
    assert await steward.database("change").rows(parked, {"ids": [each.aggregate_id for each in messages]}) == []


async def test_the_same_key_asks_once(steward: Steward) -> None:
    key, body = uuid4().hex, {"title": "Once", "reason": "x", "request": str(uuid4())}
    answers = [await steward.client("alice").post(PATH, json=body, headers={"Idempotency-Key": key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotency-replayed"] == "true"
    assert answers[0].headers["location"] == f"{PATH}/{answers[0].json()['id']}"
    assert answers[0].headers["etag"] == '"1"'


@pytest.mark.capability("CHG-9")
async def test_a_change_from_its_request_to_its_end(steward: Steward) -> None:
    change = await asked(steward)
    await edited(steward, change, **PLANS, impact="Orders wait")
    found = await verb(steward, change, "classify", answers=SAFE)
    assert (found["state"], found["change_class"], found["risk"], found["points"]) == ("assessed", "normal", "low", 0)
    await verb(steward, change, "assign", group=f"g{uuid4().hex}", assignee="frank")
    await verb(steward, change, "schedule", planned_start=MONDAY.isoformat(), planned_end=(MONDAY + HOUR).isoformat())
    found = await verb(steward, change, "approve", by="erin")
    assert (found["state"], found["approvers"]) == ("approved", ["erin"])
    found = await verb(steward, change, "start", by="alice")
    assert (found["state"], found["decide_by"]) == ("implementing", "2026-03-02T09:30:00Z")
    found = await verb(steward, change, "complete", by="alice", note="All well")
    assert (found["state"], found["outcome"], found["ended_at"]) == ("implemented", "implemented", found["started_at"])
    found = await verb(steward, change, "close")
    assert (found["state"], found["allowed_actions"]) == ("closed", ["comment"])
    timeline = (await read(steward.client("bob"), f"{PATH}/{change['id']}/timeline"))["items"]
    assert [each["event"] for each in timeline] == [
        "change.submitted", "change.edited", "change.classified", "change.assigned", "change.scheduled",
        "change.approval_given", "change.approved", "change.started", "change.implemented", "change.closed",
    ]  # fmt: skip
    assert [each["sequence"] for each in timeline] == list(range(1, 11))


@pytest.mark.capability("CHG-9")
async def test_a_failed_change_is_backed_out_or_repaired_with_actual_times(fresh_steward: Steward) -> None:
    steward = fresh_steward
    window = {"planned_start": MONDAY.isoformat(), "planned_end": (MONDAY + 4 * HOUR).isoformat()}
    reversed_one, repaired = await approved(steward, **window), await approved(steward, **window)
    for change in (reversed_one, repaired):
        await verb(steward, change, "start", by="alice")
        steward.clock.advance(minutes=20)
        found = await verb(steward, change, "fail", by="alice", note="It does not start")
        assert (found["state"], found["outcome"]) == ("failed", "failed")
        assert (await refused(steward, change, "close"))[0] == 422
    at = steward.clock.advance(minutes=15)
    found = await verb(steward, reversed_one, "back-out", by="alice", restored=True, note="As before",
                       ended_at=(at - 5 * HOUR / 60).isoformat())  # fmt: skip
    assert (found["state"], found["restored"], found["outcome"]) == ("backed_out", True, "backed_out")
    assert found["ended_at"] == "2026-03-02T09:50:00Z"
    found = await verb(steward, repaired, "repair", by="alice", note="By hand")
    assert (found["state"], found["outcome"]) == ("implemented", "implemented")
    ends = [(await verb(steward, each, "close", note="Over"))["outcome"] for each in (reversed_one, repaired)]
    assert ends == ["backed_out", "implemented"]
    last = (await read(steward.client("bob"), f"{PATH}/{repaired['id']}/timeline"))["items"][-2]
    assert (last["event"], last["data"]["repaired"]) == ("change.implemented", True)


@pytest.mark.capability("CHG-9")
async def test_a_start_outside_the_approved_window_needs_a_reason(steward: Steward) -> None:
    change = await approved(steward)
    status, rule, _ = await refused(steward, change, "start", by="alice")
    assert (status, rule) == (409, "start-in-the-approved-window")
    await verb(steward, change, "start", by="alice", reason="The customer asked for it")
    entry = (await read(steward.client("bob"), f"{PATH}/{change['id']}/timeline"))["items"][-1]
    assert (entry["data"]["outside_window"], entry["data"]["reason"]) == (True, "The customer asked for it")


async def test_times_that_cannot_be_are_refused_by_field(steward: Steward) -> None:
    change = await approved(steward, planned_start=MONDAY.isoformat())
    later, earlier = (MONDAY + HOUR).isoformat(), (MONDAY - HOUR).isoformat()
    status, _, said = await refused(steward, change, "start", by="alice", started_at=later)
    assert (status, said["errors"][0]["field"]) == (422, "started_at")
    await verb(steward, change, "start", by="alice")
    for ended in (later, earlier):
        status, _, said = await refused(steward, change, "complete", by="alice", ended_at=ended)
        assert (status, said["errors"][0]["field"]) == (422, "ended_at")


@pytest.mark.capability("CHG-2")
async def test_the_class_follows_from_the_answers(steward: Steward) -> None:
    change = await asked(steward, answers=RISKY)
    assert (change["state"], change["change_class"], change["risk"], change["points"]) == (
        "assessed",
        "major",
        "high",
        10,
    )
    assert change["answers"][0] == {"question": "reach", "answer": "several services", "points": 4}
    found = await verb(steward, change, "classify", answers=SAFE)
    assert (found["change_class"], found["version"]) == ("normal", 3)
    assert (await verb(steward, change, "classify", answers=SAFE))["version"] == 3
    status, _, said = await refused(steward, change, "classify", answers=SAFE | {"reach": "the moon"})
    assert (status, [each["field"] for each in said["errors"]]) == (422, ["answers.reach"])
    rule = await read(steward.client("alice"), "/change/risk-rule")
    assert [each["question"] for each in rule["questions"]] == list(SAFE)


@pytest.mark.parametrize(
    "body", [{}, {"title": "x"}, {"title": "", "reason": "y"}, {"title": "x", "reason": "y", "colour": "red"},
             {"title": "x", "reason": "y", "emergency": True, "model": "port"},
             {"title": "x", "reason": "y", "model": "no such model"}, {"title": "x", "reason": "y", "answers": {}},
             {"title": "x", "reason": "y", "planned_start": START.isoformat()},
             {"title": "x", "reason": "y", "backout_minutes": -1}]
)  # fmt: skip
async def test_a_request_that_makes_no_sense_is_not_recorded(steward: Steward, body: Json) -> None:
    answer = await steward.client("alice").post(PATH, json=body)
    assert answer.status_code == 422
    assert answer.json()["errors"]


async def test_a_window_that_ends_before_it_starts_is_refused_by_the_rules_name(steward: Steward) -> None:
    window = {"planned_start": END.isoformat(), "planned_end": START.isoformat()}
    answer = await steward.client("alice").post(PATH, json={"title": "x", "reason": "y", **window})
    assert (answer.status_code, answer.json()["rule"]) == (409, "window-ends-after-it-starts")
    status, rule, said = await refused(steward, await asked(steward), "schedule", **window)
    assert (status, rule, said["errors"][0]["field"]) == (409, "window-ends-after-it-starts", "planned_end")


async def test_an_edit_says_what_it_read(steward: Steward) -> None:
    client, change = steward.client("alice"), await asked(steward)
    path, body = f"{PATH}/{change['id']}", {"title": "Newer driver"}
    assert (await client.patch(path, json=body)).status_code == 428
    assert (await client.patch(path, json=body, headers={"If-Match": '"7"'})).status_code == 412
    answer = await client.patch(path, json=body, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["title"], answer.headers["etag"]) == (200, "Newer driver", '"2"')
    assert (await client.patch(path, json={"title": None}, headers={"If-Match": '"2"'})).status_code == 422
    assert (await client.patch(path, json=body, headers={"If-Match": '"2"'})).json()["version"] == 2


async def test_a_person_moves_their_own_requests_and_change_management_all(steward: Steward) -> None:
    change = await asked(steward)
    window = {"planned_start": START.isoformat(), "planned_end": END.isoformat()}
    for action, body in (("schedule", window), ("cancel", {"reason": "x"})):
        status, rule, _ = await refused(steward, change, action, by="grace", **body)
        assert (status, rule) == (403, "own-request-only")
    mine = await read(steward.client("alice"), f"{PATH}/{change['id']}")
    theirs = await read(steward.client("grace"), f"{PATH}/{change['id']}")
    assert mine["allowed_actions"] == ["cancel", "schedule", "edit", "comment"]
    assert theirs["allowed_actions"] == ["comment"]
    await verb(steward, change, "schedule", by="bob", **window)
    assert (await verb(steward, change, "cancel", by="alice", reason="Not needed"))["state"] == "cancelled"


async def test_lists_are_filtered_by_what_a_change_manager_looks_for(steward: Steward) -> None:
    mark = uuid4().hex
    here: Json = {"organisation": f"o{mark}"}
    ids = {name: str(uuid4()) for name in ("problem", "request", "incident")}
    one = await assessed(steward, title=f"Leak {mark}", service=f"s{mark}", group=f"g{mark}", assignee=f"a{mark}",
                         **here, **ids)  # fmt: skip
    two = await asked(steward, title=f"Drip {mark}", emergency=True, **here)
    await verb(steward, two, "cancel", by="alice", reason="None")
    for query in ({"service": f"s{mark}"}, {"group": f"g{mark}"}, {"assignee": f"a{mark}"}, {"q": f"leak {mark}"},
                  {"q": one["number"]}, *({name: id} for name, id in ids.items())):  # fmt: skip
        assert await listed(steward, **query) == [one["number"]], query
    for query, numbers in (
        ({"open": True}, [one]), ({"open": False}, [two]), ({"state": ["cancelled"]}, [two]),
        ({"risk": ["low"]}, [one]),
        ({"change_class": ["normal"]}, [one]), ({"change_class": ["normal", "emergency"]}, [two, one]),
        ({"requester": "alice"}, [two, one]), ({"requester": "bob"}, []),
        ({"overdue": True}, []), ({"outcome": ["failed"]}, []),
        ({"planned_after": START.isoformat(), "planned_before": END.isoformat()}, [one]),
        ({"planned_after": END.isoformat()}, []), ({"sort": "planned_start"}, [one, two]),
    ):  # fmt: skip
        assert await listed(steward, **here, **query) == [each["number"] for each in numbers], query
    first = await read(steward.client("bob"), PATH, limit=1, **here)
    rest = await read(steward.client("bob"), PATH, limit=1, cursor=first["next"], **here)
    assert [first["items"][0]["number"], rest["items"][0]["number"]] == [two["number"], one["number"]]


@pytest.mark.parametrize("who", ["alice", "bob", "erin", "root"])
async def test_an_item_of_a_list_is_the_record_as_it_is_shown_alone(steward: Steward, who: str) -> None:
    change = await assessed(steward, title=f"Same {uuid4().hex}")
    alone = await read(steward.client(who), f"{PATH}/{change['id']}")
    (item,) = (await read(steward.client(who), PATH, q=change["title"]))["items"]
    assert ChangeView.model_validate(item) == ChangeView.model_validate(alone)
    assert set(item) == set(alone) == set(ChangeView.model_fields)


@pytest.mark.parametrize("query", [{"state": "odd"}, {"colour": "red"}, {"problem": "x"}, {"sort": "title"}])
async def test_a_filter_that_a_list_does_not_have_is_refused(steward: Steward, query: dict[str, str]) -> None:
    assert (await steward.client("bob").get(PATH, params=query)).status_code == 422


@pytest.mark.parametrize("who", ["carol", "dave", "nobody"])
async def test_customers_and_visitors_see_nothing_of_changes(steward: Steward, who: str) -> None:
    change = await asked(steward, organisation="northwind")
    path = f"{PATH}/{change['id']}"
    for there in (PATH, path, f"{path}/timeline", f"{path}/collisions", f"{path}/approvals", "/change/schedule",
                  "/change/schedule.ics", "/change/schedule/availability", "/change/delegations", "/change/emergencies",
                  "/change/risk-rule", "/change/stream", "/change/dead-letters"):  # fmt: skip
        assert (await steward.client(who).get(there)).status_code == 403, there
    assert (await steward.client(who).post(PATH, json={"title": "x", "reason": "y"})).status_code == 403
    for action in Action:
        if action is not Action.EDIT:
            answer = await steward.client(who).post(f"{path}/{action}", json=WELL_FORMED[action])
            assert answer.status_code == 403, action


async def test_what_is_not_there_is_not_found(steward: Steward) -> None:
    for path in ("", "/timeline", "/collisions", "/approvals"):
        assert (await steward.client("bob").get(f"{PATH}/{uuid4()}{path}")).status_code == 404
    for action in (Action.START, Action.APPROVE, Action.CLOSE):
        answer = await steward.client("bob").post(f"{PATH}/{uuid4()}/{action}", json=WELL_FORMED[action])
        assert answer.status_code == 404


async def test_a_verb_out_of_turn_is_refused_with_what_is_allowed(steward: Steward) -> None:
    status, _, said = await refused(steward, await asked(steward), "start")
    assert status == 409
    assert said["allowed"] == ["classify", "reject", "cancel", "schedule", "acknowledge", "edit", "assign", "comment"]


WELL_FORMED: dict[Action, Json] = {
    Action.CLASSIFY: {"answers": SAFE},
    Action.SCHEDULE: {"planned_start": START.isoformat(), "planned_end": END.isoformat()},
    Action.ACKNOWLEDGE: {"collision": str(uuid4()), "reason": "x"},
    Action.APPROVE: {},
    Action.AUTHORISE: {"reason": "x"},
    Action.VOID: {"reason": "x"},
    Action.REJECT: {"reason": "x"},
    Action.CANCEL: {"reason": "x"},
    Action.START: {},
    Action.COMPLETE: {},
    Action.FAIL: {"note": "x"},
    Action.BACK_OUT: {"restored": True, "note": "x"},
    Action.REPAIR: {"note": "x"},
    Action.DOCUMENT: {"justified": True, "review": "x"},
    Action.CLOSE: {},
    Action.ASSIGN: {"group": "x"},
    Action.COMMENT: {"text": "x"},
}
