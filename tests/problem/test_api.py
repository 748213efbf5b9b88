"""Problems over HTTP: what each verb asks for, who may use it, what lists show."""

from typing import Any
from uuid import uuid4

import pytest

from services.problem.api.problems import ProblemView
from services.problem.lifecycle import Action
from tests.builders import Json, opened_incident, opened_problem, read, told
from tests.system import Steward

PATH = "/problem/problems"


async def verb(steward: Steward, problem: Json, name: str, by: str = "manager", **order: Any) -> Json:
    return await told(steward.client(by), f"{PATH}/{problem['id']}/{name}", order)


async def listed(steward: Steward, **query: Any) -> list[str]:
    found = await read(steward.client("manager"), PATH, **query)
    return [each["number"] for each in found["items"]]


@pytest.mark.capability("PRB-1")
@pytest.mark.parametrize("source", ["incident", "trend", "supplier", "test"])
async def test_a_problem_is_opened_from_whatever_shows_it(steward: Steward, source: str) -> None:
    incidents = [str(uuid4()), str(uuid4())]
    found = await opened_problem(steward, source=source, incidents=[*incidents, incidents[0]])
    assert (found["source"], found["state"], found["incidents_count"], found["version"]) == (source, "new", 2, 1)
    for incident in incidents:
        assert await listed(steward, incident=incident) == [found["number"]]


async def test_a_title_is_all_that_a_problem_needs(steward: Steward) -> None:
    found = await told(steward.client("alice"), PATH, {"title": "Printers catch fire"})
    assert found["number"].startswith("PRB-")
    assert (found["priority"], found["organisation"], found["source"]) == (None, None, "incident")


async def test_the_same_key_opens_one_problem(steward: Steward) -> None:
    key, body = uuid4().hex, {"title": "Once", "description": "x", "organisation": "northwind"}
    answers = [await steward.client("root").post(PATH, json=body, headers={"Idempotency-Key": key}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].json() == answers[1].json()
    assert answers[1].headers["idempotency-replayed"] == "true"


@pytest.mark.capability("PRB-5")
async def test_a_problem_from_its_opening_to_its_end(steward: Steward) -> None:
    problem = await opened_problem(steward, service="Order portal")
    await verb(steward, problem, "classify", ci="orders-db-1", category="Application")
    found = await verb(steward, problem, "prioritise", frequency=2, impact=1, cost=2)
    assert found["priority"] == 2
    await verb(steward, problem, "assign", group="Databases", assignee="grace")
    assert (await verb(steward, problem, "start"))["state"] == "active"
    await verb(steward, problem, "workaround", text="Restart the pool")
    found = await verb(steward, problem, "request-change", title="New driver", reason="It leaks")
    assert (found["state"], found["waiting_reason"]) == ("waiting", "change")
    await steward.drained()
    assert (await verb(steward, problem, "resume"))["waiting_reason"] is None
    await verb(steward, problem, "wait", reason="evidence")
    cause: Json = {"cause": "The driver leaks", "method": "fault-tree", "evidence": ["It does so in a test"]}
    await verb(steward, problem, "identify-cause", **cause)
    found = await verb(steward, problem, "resolve", resolution="Changed")
    assert (found["state"], found["resolution_code"], found["cause"]) == ("resolved", "Changed", "The driver leaks")
    found = await verb(steward, problem, "close", closure_code="Proved", proof="A month without one")
    assert (found["state"], found["service"], found["ci"]) == ("closed", "Order portal", "orders-db-1")
    assert found["allowed_actions"] == ["reopen", "link", "unlink", "comment", "propose-improvement", "review"]
    await verb(steward, problem, "reopen", reason="It came back")
    await verb(steward, problem, "cancel", reason="PRB-1 has it")
    timeline = await read(steward.client("manager"), f"{PATH}/{problem['id']}/timeline")
    assert [each["event"] for each in timeline["items"]] == [
        "problem.opened", "problem.classified", "problem.prioritised", "problem.assigned",
        "problem.started", "problem.status_changed", "workaround.recorded", "problem.status_changed",
        "problem.change_requested", "problem.waiting", "problem.status_changed", "problem.change_followed",
        "problem.resumed", "problem.status_changed", "problem.waiting", "problem.status_changed",
        "cause.identified", "problem.resolved", "problem.status_changed", "problem.closed", "problem.status_changed",
        "problem.reopened", "problem.status_changed", "problem.cancelled", "problem.status_changed",
    ]  # fmt: skip
    assert [each["sequence"] for each in timeline["items"]] == list(range(1, 26))
    assert {each["actor"] for each in timeline["items"]} == {"manager"}


@pytest.mark.capability("PRB-8")
async def test_the_status_tells_the_linked_incidents_what_to_do_meanwhile(steward: Steward) -> None:
    incident = await opened_incident(steward)
    problem = await opened_problem(steward, incidents=[incident["id"]], title="Printers catch fire")
    await verb(steward, problem, "workaround", text="Use the one upstairs")
    told_last = (await read(steward.client("alice"), f"{PATH}/{problem['id']}/timeline"))["items"][-1]
    assert told_last["event"] == "problem.status_changed"
    assert told_last["data"]["workaround"] == "Use the one upstairs"
    assert told_last["data"]["title"] == "Printers catch fire"
    assert told_last["data"]["incidents"] == [incident["id"]]


async def test_a_timeline_is_read_in_pages(steward: Steward) -> None:
    problem = await opened_problem(steward)
    for number in range(4):
        await verb(steward, problem, "comment", text=f"{number}")
    seen: list[int] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await read(steward.client("manager"), f"{PATH}/{problem['id']}/timeline", limit=2, **cursor)
        seen += [each["sequence"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert seen == [1, 2, 3, 4, 5]


async def test_linked_incidents_are_read_in_pages(steward: Steward) -> None:
    problem = await opened_problem(steward, incidents=[str(uuid4()) for _ in range(5)])
    seen: list[str] = []
    cursor: dict[str, Any] = {}
    while True:
        page = await read(steward.client("manager"), f"{PATH}/{problem['id']}/incidents", limit=2, **cursor)
        assert 1 <= len(page["items"]) <= 2
        seen += [each["id"] for each in page["items"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen)) == 5


async def test_lists_are_filtered_by_what_a_problem_manager_looks_for(steward: Steward) -> None:
    mark = uuid4().hex
    mine = await opened_problem(
        steward, title=f"Leak {mark}", service=f"s{mark}", ci=f"c{mark}", category=f"k{mark}", group=f"g{mark}",
        assignee=f"a{mark}", organisation=f"o{mark}", frequency=1, impact=1, cost=1,
    )  # fmt: skip
    other = await opened_problem(steward, title=f"Drip {mark}", organisation=f"o{mark}")
    await verb(steward, other, "cancel", reason="None")
    for query in ({"service": f"s{mark}"}, {"ci": f"c{mark}"}, {"category": f"k{mark}"}, {"group": f"g{mark}"},
                  {"assignee": f"a{mark}"}, {"q": f"leak {mark}"}, {"q": mine["number"]}):  # fmt: skip
        assert await listed(steward, **query) == [mine["number"]], query
    here = {"organisation": f"o{mark}"}
    assert await listed(steward, **here, sort="priority") == [mine["number"], other["number"]]
    for query, numbers in (
        ({"open": True}, [mine]), ({"open": False}, [other]), ({"state": ["cancelled"]}, [other]),
        ({"state": ["new", "cancelled"]}, [other, mine]), ({"priority": [1]}, [mine]), ({"recurred": True}, []),
        ({"source": ["trend"]}, []),
    ):  # fmt: skip
        assert await listed(steward, **here, **query) == [each["number"] for each in numbers], query


async def test_an_item_of_a_list_is_the_record_as_it_is_shown_alone(steward: Steward) -> None:
    problem = await opened_problem(steward, incidents=[str(uuid4())], title=f"Same {uuid4().hex}")
    await verb(steward, problem, "workaround", text="Wait")
    alone = await read(steward.client("alice"), f"{PATH}/{problem['id']}")
    (item,) = (await read(steward.client("alice"), PATH, q=problem["title"]))["items"]
    assert ProblemView.model_validate(item) == ProblemView.model_validate(alone)
    assert set(item) == set(alone) == set(ProblemView.model_fields)


@pytest.mark.parametrize("query", [{"state": "odd"}, {"colour": "red"}, {"incident": "x"}, {"sort": "title"}])
async def test_a_filter_that_a_list_does_not_have_is_refused(steward: Steward, query: dict[str, str]) -> None:
    assert (await steward.client("manager").get(PATH, params=query)).status_code == 422


@pytest.mark.parametrize(
    "body", [{}, {"title": ""}, {"title": "x", "source": "gossip"}, {"title": "x", "frequency": 1},
             {"title": "x", "colour": "red"}, {"title": "x", "incidents": ["y"]}]
)  # fmt: skip
async def test_a_problem_that_makes_no_sense_is_not_opened(steward: Steward, body: Json) -> None:
    assert (await steward.client("manager").post(PATH, json=body)).status_code == 422


async def test_an_edit_says_what_it_read(steward: Steward) -> None:
    client, problem = steward.client("manager"), await opened_problem(steward)
    path, body = f"{PATH}/{problem['id']}", {"title": "Printers smoke"}
    assert (await client.patch(path, json=body)).status_code == 428
    assert (await client.patch(path, json=body, headers={"If-Match": '"7"'})).status_code == 412
    answer = await client.patch(path, json=body, headers={"If-Match": '"1"'})
    assert (answer.status_code, answer.json()["title"], answer.headers["etag"]) == (200, "Printers smoke", '"2"')
    assert (await client.patch(path, json={"title": None}, headers={"If-Match": '"2"'})).status_code == 422


async def test_a_verb_out_of_turn_is_refused_with_what_is_allowed(steward: Steward) -> None:
    problem = await opened_problem(steward)
    answer = await steward.client("manager").post(f"{PATH}/{problem['id']}/close", json={})
    assert answer.status_code == 409
    assert answer.json()["allowed"] == problem["allowed_actions"]


async def test_service_desk_opens_reads_links_and_comments_and_no_more(steward: Steward) -> None:
    problem = await opened_problem(steward, by="alice")
    assert problem["allowed_actions"] == ["link", "comment"]
    for action in Action:
        if action is Action.EDIT:
            answer = await steward.client("alice").patch(f"{PATH}/{problem['id']}", json={})
        else:
            answer = await steward.client("alice").post(f"{PATH}/{problem['id']}/{action}", json=WELL_FORMED[action])
        expected = 200 if action in (Action.LINK, Action.COMMENT) else 403
        assert answer.status_code == expected, (action, answer.text)


@pytest.mark.parametrize("who", ["carol", "dave", "nobody"])
async def test_customers_and_visitors_see_nothing_of_problems(steward: Steward, who: str) -> None:
    problem = await opened_problem(steward, organisation="northwind")
    path = f"{PATH}/{problem['id']}"
    for asked in (PATH, path, f"{path}/incidents", f"{path}/timeline", "/problem/incidents", "/problem/stream",
                  "/problem/dead-letters", "/problem/log/verification"):  # fmt: skip
        assert (await steward.client(who).get(asked)).status_code == 403, asked
    assert (await steward.client(who).post(PATH, json={"title": "x"})).status_code == 403
    assert (await steward.client(who).post(f"{path}/comment", json={"text": "x"})).status_code == 403


async def test_what_is_not_there_is_not_found(steward: Steward) -> None:
    for path in (f"{PATH}/{uuid4()}", f"{PATH}/{uuid4()}/incidents", f"{PATH}/{uuid4()}/timeline"):
        assert (await steward.client("manager").get(path)).status_code == 404
    answer = await steward.client("manager").post(f"{PATH}/{uuid4()}/start", json={})
    assert answer.status_code == 404


async def test_linking_twice_links_once(steward: Steward) -> None:
    incident = await opened_incident(steward)
    await steward.drained()
    problem = await opened_problem(steward)
    first = await verb(steward, problem, "link", incident=incident["id"])
    second = await verb(steward, problem, "link", incident=incident["id"])
    assert (first["incidents_count"], first["version"]) == (second["incidents_count"], second["version"]) == (1, 2)
    entry = (await read(steward.client("manager"), f"{PATH}/{problem['id']}/timeline"))["items"][-1]
    assert entry["data"]["incident_number"] == incident["number"]
    assert (await verb(steward, problem, "unlink", incident=incident["id"]))["incidents_count"] == 0


WELL_FORMED: dict[Action, Json] = {
    Action.ASSIGN: {"group": "Network"},
    Action.START: {},
    Action.WAIT: {"reason": "vendor"},
    Action.RESUME: {},
    Action.REQUEST_CHANGE: {"title": "x", "reason": "y"},
    Action.RESOLVE: {"resolution": "Changed"},
    Action.CLOSE: {},
    Action.REOPEN: {"reason": "x"},
    Action.CANCEL: {"reason": "x"},
    Action.PRIORITISE: {"frequency": 1, "impact": 1, "cost": 1},
    Action.CLASSIFY: {"service": "x"},
    Action.LINK: {"incident": str(uuid4())},
    Action.UNLINK: {"incident": str(uuid4())},
    Action.WORKAROUND: {"text": "x"},
    Action.COMMENT: {"text": "x"},
    Action.IDENTIFY_CAUSE: {"cause": "x", "method": "other", "evidence": ["y"]},
    Action.REVIEW: {"learned": "x"},
    Action.PROPOSE_IMPROVEMENT: {"proposal": "x"},
}
