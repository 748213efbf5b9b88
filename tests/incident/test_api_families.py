"""Families over HTTP (INC-9): one transaction, whatever happens at the same time."""

import asyncio
from uuid import UUID, uuid4

import pytest
from starlette.requests import Request

from services.incident.api.desk import desk
from services.incident.api.families import tie
from services.incident.api.views import VIEW
from services.incident.domain.fold import fold
from services.incident.domain.orders import Link
from shared.auth import Caller
from shared.errors import Invalid, NotFound
from shared.http.ask import Ask
from tests.builders import Json, moved_incident, opened_incident, read, resolved_incident, told
from tests.system import Steward

pytestmark = pytest.mark.capability("INC-9")
INCIDENTS = "/incident/incidents"
FIXED = {"resolution_code": "fixed", "note": "the switch was replaced"}


async def family(steward: Steward, size: int = 2) -> tuple[Json, list[Json]]:
    parent = await opened_incident(steward)
    children = [await opened_incident(steward, organisation=f"customer {number}") for number in range(size)]
    for child in children:
        await moved_incident(steward, child, "link", parent=parent["id"])
    return parent, children


async def now(steward: Steward, incident: Json) -> Json:
    return await read(steward.client("alice"), f"{INCIDENTS}/{incident['id']}")


async def test_the_children_follow_the_resolution_each_with_its_own_events(steward: Steward) -> None:
    parent, children = await family(steward)
    assert (await moved_incident(steward, parent, "resolve", **FIXED))["state"] == "resolved"
    for child in children:
        found = await now(steward, child)
        assert (found["state"], found["resolution_note"]) == ("resolved", FIXED["note"])
        timeline = await read(steward.client("alice"), f"{INCIDENTS}/{child['id']}/timeline")
        last = timeline["items"][-1]
        assert (last["event"], last["sequence"]) == ("incident.resolved", found["version"])
        assert (last["data"]["with_parent"], last["data"]["organisation"]) == (parent["id"], child["organisation"])


async def test_the_log_of_a_family_folds_to_its_rows(steward: Steward) -> None:
    parent, (child, other) = await family(steward)
    await moved_incident(steward, other, "unlink", relation="parent")
    await moved_incident(steward, parent, "resolve", **FIXED)
    log = steward.runtime("incident").log
    states = [fold(await log.timeline(UUID(each["id"]))) for each in (parent, child, other)]
    assert [(state["state"], state["children"], state["parent"]) for state in states] == [
        ("resolved", 1, None),
        ("resolved", 0, UUID(parent["id"])),
        ("new", 0, None),
    ]


async def test_a_family_command_that_is_repeated_is_answered_again_and_done_once(steward: Steward) -> None:
    parent, (child, _) = await family(steward)
    path, headers = f"{INCIDENTS}/{parent['id']}/resolve", {"Idempotency-Key": uuid4().hex}
    client = steward.client("alice")
    first = await client.post(path, json=FIXED, headers=headers)
    again = await client.post(path, json=FIXED, headers=headers)
    assert (again.status_code, again.text) == (200, first.text)
    assert again.headers["Idempotency-Replayed"] == "true"
    # Even where the state would permit it once more by now.
    await moved_incident(steward, parent, "reopen", reason="it is back")
    await moved_incident(steward, child, "reopen", reason="it is back")
    assert (await client.post(path, json=FIXED, headers=headers)).text == first.text
    assert (await now(steward, child))["state"] == "active"
    other = await client.post(path, json={"resolution_code": "other"}, headers=headers)
    assert (other.status_code, other.json()["type"].rsplit("/")[-1]) == (422, "idempotency-key-reused")


async def test_what_is_refused_leaves_no_trace_on_any_of_them(steward: Steward) -> None:
    parent, (child, _) = await family(steward)
    before = [await now(steward, each) for each in (parent, child)]
    client = steward.client("alice")
    stale = await client.post(f"{INCIDENTS}/{parent['id']}/resolve", json=FIXED, headers={"If-Match": '"1"'})
    assert stale.status_code == 412
    cancelled = await client.post(f"{INCIDENTS}/{parent['id']}/cancel", json={"reason": "x"})
    assert (cancelled.status_code, child["number"] in cancelled.json()["detail"]) == (409, True)
    assert [await now(steward, each) for each in (parent, child)] == before


@pytest.mark.parametrize("verb", ["link", "unlink"])
async def test_a_link_to_what_has_changed_since_it_was_read_is_refused(steward: Steward, verb: str) -> None:
    parent, (child,) = await family(steward, 1)
    if verb == "link":
        child = await opened_incident(steward)
        await moved_incident(steward, child, "start")
    body = {"parent": parent["id"]} if verb == "link" else {"relation": "parent"}
    path, client = f"{INCIDENTS}/{child['id']}/{verb}", steward.client("alice")
    assert (await client.post(path, json=body, headers={"If-Match": '"1"'})).status_code == 412
    assert (await client.post(path, json=body, headers={"If-Match": '"2"'})).status_code == 200


async def test_no_record_of_another_organisation_is_tied_even_if_a_contact_had_the_verb(steward: Steward) -> None:
    own, other, theirs = [
        UUID((await opened_incident(steward, organisation=name))["id"])
        for name in ("northwind", "northwind", "contoso")
    ]
    # No token makes such a caller; the check below the permissions holds all the same.
    olga = Caller("olga", "Olga", frozenset({"service_desk"}), "northwind")
    request = Request({"type": "http", "method": "POST", "path": "/", "headers": []})
    ask = Ask(request, steward.runtime("incident"), olga)
    for relation in ("parent", "duplicate_of"):
        with pytest.raises(Invalid, match="there is no incident"):
            await tie(ask, own, Link.model_validate({relation: theirs}), desk(ask), VIEW)
        with pytest.raises(NotFound):
            await tie(ask, theirs, Link.model_validate({relation: own}), desk(ask), VIEW)
    assert (await tie(ask, own, Link(parent=other), desk(ask), VIEW)).status_code == 200


@pytest.mark.parametrize("relation", ["parent", "duplicate_of"])
async def test_what_is_not_there_cannot_be_linked_to(steward: Steward, relation: str) -> None:
    incident = await opened_incident(steward)
    for target in (str(uuid4()), incident["id"]):
        answer = await steward.client("alice").post(f"{INCIDENTS}/{incident['id']}/link", json={relation: target})
        assert answer.status_code == 422
        assert answer.json()["errors"][0]["field"] == relation
    unknown = await steward.client("alice").post(f"{INCIDENTS}/{uuid4()}/link", json={relation: incident["id"]})
    assert unknown.status_code == 404


async def test_a_duplicate_is_linked_and_closed_as_one(steward: Steward) -> None:
    original, repeated = await opened_incident(steward), await opened_incident(steward)
    await moved_incident(steward, repeated, "link", duplicate_of=original["id"])
    closed = await moved_incident(steward, repeated, "close")
    assert (closed["state"], closed["closure_code"], closed["duplicate_of"]) == ("closed", "duplicate", original["id"])
    page = await read(steward.client("alice"), INCIDENTS, duplicate_of=original["id"])
    assert [each["id"] for each in page["items"]] == [repeated["id"]]


async def test_a_child_that_its_user_reopened_is_not_resolved_by_closing_the_parent(steward: Steward) -> None:
    parent, (child, _) = await family(steward)
    await moved_incident(steward, parent, "resolve", **FIXED)
    await moved_incident(steward, child, "reopen", reason="not for us")
    await moved_incident(steward, parent, "close")
    assert (await now(steward, child))["state"] == "active"


async def test_of_two_who_make_each_other_the_parent_one_is_refused(steward: Steward) -> None:
    for _ in range(8):
        one, other = await opened_incident(steward), await opened_incident(steward)
        answers = await asyncio.gather(
            steward.client("alice").post(f"{INCIDENTS}/{one['id']}/link", json={"parent": other["id"]}),
            steward.client("alice").post(f"{INCIDENTS}/{other['id']}/link", json={"parent": one["id"]}),
        )
        assert sorted(answer.status_code for answer in answers) in ([200, 409], [200, 422]), answers


async def test_a_child_that_is_linked_while_its_parent_is_resolved_is_not_left_behind(steward: Steward) -> None:
    client = steward.client("alice")
    for round in range(8):
        parent, (first, *_) = await family(steward, 1 if round % 2 else 2)
        late = [await opened_incident(steward) for _ in range(3)]
        answers = await asyncio.gather(
            client.post(f"{INCIDENTS}/{parent['id']}/resolve", json=FIXED),
            *(client.post(f"{INCIDENTS}/{each['id']}/link", json={"parent": parent["id"]}) for each in late),
        )
        assert answers[0].status_code == 200
        assert (await now(steward, first))["state"] == "resolved"
        for each, answer in zip(late, answers[1:], strict=True):
            # Either it came in time and was resolved too, or it was told that there is nothing left to follow.
            state = (await now(steward, each))["state"]
            assert (answer.status_code, state) in {(200, "resolved"), (422, "new")}, answer.text


async def test_the_first_child_that_comes_while_its_parent_is_resolved_is_not_left_behind(steward: Steward) -> None:
    client = steward.client("alice")
    for _ in range(8):
        parent, late = await opened_incident(steward), await opened_incident(steward)
        resolved, linked = await asyncio.gather(
            client.post(f"{INCIDENTS}/{parent['id']}/resolve", json=FIXED),
            client.post(f"{INCIDENTS}/{late['id']}/link", json={"parent": parent["id"]}),
        )
        assert resolved.status_code == 200
        state = (await now(steward, late))["state"]
        assert (linked.status_code, state) in {(200, "resolved"), (422, "new")}, linked.text


async def test_siblings_that_are_unlinked_at_once_are_all_counted(steward: Steward) -> None:
    parent, children = await family(steward, 5)
    await asyncio.gather(*(moved_incident(steward, each, "unlink", relation="parent") for each in children))
    state = fold(await steward.runtime("incident").log.timeline(UUID(parent["id"])))
    assert (state["children"], state["version"]) == (0, 11)


async def test_a_parent_whose_children_are_gone_ends_alone(steward: Steward) -> None:
    parent, (child,) = await family(steward, 1)
    await moved_incident(steward, child, "unlink", relation="parent")
    assert (await moved_incident(steward, parent, "cancel", reason="a test"))["state"] == "cancelled"
    assert (await now(steward, child))["state"] == "new"


async def test_unlinking_from_no_parent_is_refused(steward: Steward) -> None:
    incident = await resolved_incident(steward)
    answer = await steward.client("alice").post(f"{INCIDENTS}/{incident['id']}/unlink", json={"relation": "parent"})
    assert (answer.status_code, answer.json()["allowed"]) == (409, ["link"])


async def test_a_problem_may_be_linked_by_a_problem_manager(steward: Steward) -> None:
    incident, problem = await opened_incident(steward), str(uuid4())
    body = {"problem": problem}
    found = await told(steward.client("manager"), f"{INCIDENTS}/{incident['id']}/link", body)
    assert found["problem"] == problem
