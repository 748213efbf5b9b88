"""Who may do what: role × verb, and customers who see their own organisation's records alone."""

from collections.abc import Awaitable, Callable
from typing import Any
from uuid import uuid4

import httpx
import pytest

from services.incident.app import service
from services.incident.lifecycle import PERMISSIONS, Action
from tests.builders import Json, moved_incident, opened_incident, read, resolved_incident, told
from tests.incident.elsewhere import Elsewhere
from tests.incident.samples import ORDERS
from tests.system import MONDAY, Steward

INCIDENTS = "/incident/incidents"
# Written apart from the service's table: who may use each verb. An administrator may use all.
CAUSES = {"suspect-change", "confirm-change", "dismiss-change"}
MAY: dict[str, set[str]] = {
    "alice": {*map(str, Action)},  # the service desk
    "manager": {"comment", "acknowledge", "link", *CAUSES},  # problem manager
    "bob": {"comment", "acknowledge", *CAUSES},  # change manager
    "erin": {"comment", "acknowledge"},  # approver
    "keeper": {"comment", "acknowledge"},  # service level manager
    "chief": {"comment", "acknowledge", *CAUSES},  # incident manager
    "carol": {"confirm", "reopen", "comment"},  # a customer's contact
    "nobody": set(),
    "root": {*map(str, Action)},
}
ROLES = {
    "alice": "service_desk", "manager": "problem_manager", "bob": "change_manager", "erin": "approver",
    "keeper": "service_level_manager", "chief": "incident_manager", "carol": "customer",
    "nobody": "visitor", "root": "administrator",
}  # fmt: skip
STAFF = {"alice", "manager", "bob", "erin", "keeper", "chief", "root"}
MAJOR = {"chief", "root"}
ELSEWHERE = {
    "incident:open": {"alice", "carol", "root"},
    "incident:read": STAFF | {"carol"},
    "incident:import": {"root"},
    "known-problem:read": STAFF,
    "proposal:read": STAFF,
    "major-incident:read": STAFF | {"carol"},
    "major-incident:declare": MAJOR,
    "major-incident:hand-over": MAJOR,
    "major-incident:assign-role": MAJOR,
    "major-incident:send-update": MAJOR | {"alice"},
    "major-incident:stand-down": MAJOR,
    "major-incident:review": MAJOR | {"manager", "keeper"},
    "directory:read": STAFF,
    "directory:change": {"alice", "root"},
    "policy:read": STAFF,
    "policy:apply": {"root"},
    "log:follow": STAFF | {"carol"},
    "log:verify": STAFF,
    "dead-letter:read": STAFF,
    "dead-letter:settle": {"root"},
}
MAJOR_ORDERS: dict[str, Json] = {
    "hand-over": {"manager": "heidi", "reason": "end of shift"},
    "assign-role": {"role": "scribe", "person": "heidi"},
    "send-update": {"text": "We are on it"},
    "stand-down": {"reason": "it is up"},
    "review": {"went_well": "x", "to_improve": "y"},
}
Send = Callable[[httpx.AsyncClient, Json], Awaitable[httpx.Response]]


def test_the_table_of_permissions_is_what_is_written_here() -> None:
    written = {f"incident:{action}": {who for who, may in MAY.items() if action in may} for action in Action}
    written |= ELSEWHERE
    table = service.permissions.table
    assert set(table) == set(PERMISSIONS) == set(written)
    assert {name: {who for who, role in ROLES.items() if role in table[name]} for name in table} == written


NOBODYS = "018f2b6e-7f6a-7c1e-9d3c-0a5b6c7d8e9f"


@pytest.mark.parametrize("who", MAY)
async def test_each_role_may_use_its_verbs_and_no_other(steward: Steward, who: str) -> None:
    incident = await opened_incident(steward)
    client = steward.client(who)
    elsewhere = Elsewhere(steward)
    change = await elsewhere.change("CHG-31", start=MONDAY)
    error = await elsewhere.known_error("KE-7", "It burns")
    named: dict[str, Json] = {
        "suspect-change": {"change": str(change)},
        "apply-workaround": {"known_error": str(error)},
    }
    for action in Action:
        path = f"{INCIDENTS}/{incident['id']}"
        # Nothing changes by it: it is the wrong version. Who may not, is told so before.
        headers = {"If-Match": '"999"'}
        if action is Action.EDIT:
            answer = await client.patch(path, json=ORDERS[action], headers=headers)
        else:
            body = {"assignee": None} if action is Action.ASSIGN else ORDERS[action] | named.get(action, {})
            answer = await client.post(f"{path}/{action}", json=body, headers=headers)
        assert answer.status_code == (412 if action in MAY[who] else 403), f"{who} {action}: {answer.text}"
        if answer.status_code == 403:
            assert answer.json()["permission"] == f"incident:{action}"
    left = await read(steward.client("alice"), f"{INCIDENTS}/{incident['id']}")
    assert left["version"] == 1


@pytest.mark.parametrize("who", MAY)
async def test_what_is_not_a_verb_has_its_permissions_too(steward: Steward, who: str) -> None:
    incident = await opened_incident(steward)
    client, one = steward.client(who), f"{INCIDENTS}/{incident['id']}"
    for permission, method, path, body in (
        ("incident:read", "GET", INCIDENTS, None),
        ("incident:read", "GET", one, None),
        ("incident:read", "GET", f"{one}/timeline", None),
        ("incident:read", "GET", f"{one}/comments", None),
        ("known-problem:read", "GET", f"{one}/problem", None),
        ("proposal:read", "GET", f"{one}/proposals", None),
        ("proposal:read", "GET", "/incident/opening-proposals", None),
        ("major-incident:read", "GET", "/incident/major-incidents", None),
        ("major-incident:read", "GET", f"/incident/major-incidents/{uuid4()}", None),
        ("major-incident:read", "GET", f"/incident/major-incidents/{uuid4()}/timeline", None),
        ("major-incident:declare", "POST", f"{one}/declare-major", {"criterion": "x", "reason": "x"}),
        *(
            (f"major-incident:{verb}", "POST", f"/incident/major-incidents/{uuid4()}/{verb}", body)
            for verb, body in MAJOR_ORDERS.items()
        ),
        ("incident:open", "POST", INCIDENTS, {"title": "x", "organisation": "northwind"}),
        ("directory:read", "GET", "/incident/groups", None),
        ("directory:read", "GET", "/incident/people", None),
        ("directory:change", "POST", "/incident/groups", {"name": uuid4().hex}),
        ("directory:change", "POST", "/incident/people", {"name": uuid4().hex}),
        ("incident:import", "GET", "/incident/history/summary", None),
        ("policy:read", "GET", "/incident/policies", None),
    ):
        answer = await client.request(method, path, json=body)
        refused = answer.status_code == 403
        assert refused == (who not in ELSEWHERE[permission]), f"{who} {method} {path}: {answer.text}"


@pytest.mark.parametrize("who", [who for who, may in MAY.items() if may])
async def test_a_record_names_the_verbs_that_its_reader_may_use_now(steward: Steward, who: str) -> None:
    incident = await resolved_incident(steward)
    shown = await read(steward.client(who), f"{INCIDENTS}/{incident['id']}")
    assert set(shown["allowed_actions"]) == set(incident["allowed_actions"]) & MAY[who]


async def test_without_a_token_nothing_is_told(steward: Steward) -> None:
    for path in (INCIDENTS, f"{INCIDENTS}/{uuid4()}", "/incident/groups"):
        assert (await steward.client(None).get(path)).status_code == 401


async def test_a_customers_record_is_as_unknown_to_another_customer_as_any_id(steward: Steward) -> None:
    own = await resolved_incident(steward)
    dave, unknown = steward.client("dave"), str(uuid4())
    for method, path, body in (
        ("GET", "", None),
        ("GET", "/timeline", None),
        ("GET", "/comments", None),
        ("POST", "/comment", {"text": "hello"}),
        ("POST", "/confirm", {}),
        ("POST", "/reopen", {"reason": "x"}),
    ):
        theirs = await dave.request(method, f"{INCIDENTS}/{own['id']}{path}", json=body)
        nobodys = await dave.request(method, f"{INCIDENTS}/{unknown}{path}", json=body)
        assert theirs.status_code == nobodys.status_code == 404
        assert theirs.text.replace(own["id"], "") == nobodys.text.replace(unknown, "")


async def test_a_customers_list_has_its_own_records_alone_whatever_it_asks_for(steward: Steward) -> None:
    mark = uuid4().hex
    own = await opened_incident(steward, service=mark)
    theirs = await opened_incident(steward, service=mark, organisation="contoso")
    queries: list[dict[str, Any]] = [{}, {"organisation": "contoso"}, {"q": "printer"}, {"open": "true"}]
    for query in queries:
        page = await read(steward.client("carol"), INCIDENTS, service=mark, **query)
        assert theirs["id"] not in str(page)
        assert [each["id"] for each in page["items"]] == ([] if query.get("organisation") else [own["id"]])


async def test_a_cursor_of_staff_shows_a_customer_nothing_more(steward: Steward) -> None:
    mark = uuid4().hex
    for organisation in ("contoso", "northwind", "contoso"):
        await opened_incident(steward, service=mark, organisation=organisation)
    first = await read(steward.client("alice"), INCIDENTS, service=mark, limit=1)
    page = await read(steward.client("carol"), INCIDENTS, service=mark, cursor=first["next"])
    assert {each["organisation"] for each in page["items"]} == {"northwind"}


@pytest.mark.parametrize("query", [{"parent": NOBODYS}, {"problem": NOBODYS}, {"escalated": "true"}], ids=str)
async def test_a_customer_cannot_filter_by_what_it_is_not_shown(steward: Steward, query: dict[str, str]) -> None:
    assert (await steward.client("carol").get(INCIDENTS, params=query)).status_code == 403


async def test_a_customer_opens_for_itself_alone(steward: Steward) -> None:
    carol = steward.client("carol")
    assert (await told(carol, INCIDENTS, {"title": "x", "impact": 1, "urgency": 3}))["organisation"] == "northwind"
    for wrong in ({"organisation": "contoso"}, {"group": None, "assignee": "frank"}):
        assert (await carol.post(INCIDENTS, json={"title": "x", **wrong})).status_code == 422


async def test_a_customers_timeline_has_nothing_that_staff_wrote_for_each_other(steward: Steward) -> None:
    secret = uuid4().hex
    parent = await opened_incident(steward, organisation="contoso", title=secret)
    problem = str(uuid4())
    incident = await opened_incident(steward)
    for verb, order in (
        ("comment", {"text": secret, "internal": True}),
        ("comment", {"text": "We look into it"}),
        ("link", {"parent": parent["id"]}),
        ("link", {"problem": problem}),
        ("prioritise", {"impact": 1, "urgency": 1, "reason": secret}),
        ("escalate", {"to": "functional", "target": secret, "reason": secret}),
        ("acknowledge", {}),
        ("assign", {"assignee": None, "group": None, "reason": secret}),
        ("wait", {"reason": "vendor", "note": secret}),
        ("resume", {"note": secret}),
        ("unlink", {"relation": "parent"}),
        ("resolve", {"resolution_code": "fixed", "note": "A new one was sent", "cause": secret}),
        ("close", {"note": secret}),
    ):
        await moved_incident(steward, incident, verb, **order)
    carol = steward.client("carol")
    timeline = await read(carol, f"{INCIDENTS}/{incident['id']}/timeline")
    comments = await read(carol, f"{INCIDENTS}/{incident['id']}/comments")
    for hidden in (secret, parent["id"], problem):
        assert hidden not in str(timeline) + str(comments)
    assert [entry["event"] for entry in timeline["items"]] == [
        "incident.opened", "incident.commented", "incident.prioritised", "incident.waiting", "incident.resumed",
        "incident.resolved", "incident.closed",
    ]  # fmt: skip
    assert [each["text"] for each in comments["items"]] == ["We look into it"]
    assert timeline["items"][-2]["data"]["note"] == "A new one was sent"
    whole = await read(steward.client("alice"), f"{INCIDENTS}/{incident['id']}/timeline")
    assert secret in str(whole)
    assert [entry["sequence"] for entry in whole["items"]] == list(range(1, len(whole["items"]) + 1))
