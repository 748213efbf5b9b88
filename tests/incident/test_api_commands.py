"""Commands over HTTP: keys, versions, refusals, and what cannot be stored."""

import asyncio
from typing import Any
from uuid import uuid4

import pytest

from tests.builders import moved_incident, opened_incident, read, resolved_incident, told
from tests.system import Steward

INCIDENTS = "/incident/incidents"


@pytest.mark.capability("INC-1")
async def test_each_contact_gets_a_number_of_its_own(steward: Steward) -> None:
    found = await asyncio.gather(*(opened_incident(steward) for _ in range(20)))
    assert len({each["number"] for each in found}) == 20
    assert all(each["number"].startswith("INC-") for each in found)


async def test_a_repeated_command_is_answered_again_and_done_once(steward: Steward) -> None:
    incident = await opened_incident(steward)
    path, key = f"{INCIDENTS}/{incident['id']}/start", uuid4().hex
    first = await steward.client("alice").post(path, json={}, headers={"Idempotency-Key": key})
    again = await steward.client("alice").post(path, json={}, headers={"Idempotency-Key": key})
    assert (first.status_code, again.status_code) == (200, 200)
    assert first.json() == again.json()
    assert again.headers["Idempotency-Replayed"] == "true"
    timeline = await read(steward.client("alice"), f"{INCIDENTS}/{incident['id']}/timeline")
    assert [entry["event"] for entry in timeline["items"]] == ["incident.opened", "incident.started"]


async def test_a_move_that_the_state_does_not_have_is_refused_with_those_it_has(steward: Steward) -> None:
    incident = await opened_incident(steward)
    answer = await steward.client("alice").post(f"{INCIDENTS}/{incident['id']}/confirm", json={})
    assert answer.status_code == 409
    assert answer.json()["allowed"][:5] == ["start", "wait", "resolve", "close", "cancel"]
    assert "confirm" not in incident["allowed_actions"]


async def test_an_edit_says_which_version_it_read(steward: Steward) -> None:
    incident = await opened_incident(steward)
    path, client = f"{INCIDENTS}/{incident['id']}", steward.client("alice")
    assert (await client.patch(path, json={"title": "x"})).status_code == 428
    assert (await client.patch(path, json={"title": "x"}, headers={"If-Match": '"9"'})).status_code == 412
    done = await client.patch(path, json={"title": "x"}, headers={"If-Match": '"1"'})
    assert (done.status_code, done.json()["title"], done.headers["ETag"]) == (200, "x", '"2"')


async def test_a_verb_with_an_old_version_is_refused(steward: Steward) -> None:
    incident = await opened_incident(steward)
    path = f"{INCIDENTS}/{incident['id']}"
    await told(steward.client("alice"), f"{path}/start")
    stale = await steward.client("alice").post(f"{path}/wait", json={"reason": "user"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


NUL = "a\x00b"
HOSTILE: list[tuple[str, dict[str, Any], str]] = [
    ("", {"title": NUL}, "title"),
    ("", {"title": "x", "description": NUL}, "description"),
    ("", {"title": "   "}, "title"),
    ("", {"title": "x", "impact": 4}, "impact"),
    ("", {"title": "x", "occurred_at": "0001-01-01T00:00:00+14:00"}, "occurred_at"),
    ("", {"title": "x", "occurred_at": "9999-12-31T23:59:59-14:00"}, "occurred_at"),
    ("", {"title": "x", "occurred_at": "2026-03-02T09:00:00"}, "occurred_at"),
    ("", {"title": "x", "surprise": 1}, "surprise"),
    ("/{id}/comment", {"text": NUL}, "text"),
    ("/{id}/assign", {"group": NUL}, "group"),
    ("/{id}/escalate", {"to": "functional", "target": "\u2003", "reason": "x"}, "target"),
    ("/{id}/resolve", {"resolution_code": "c" * 201}, "resolution_code"),
    ("/{id}/reopen", {"reason": " "}, "reason"),
]


@pytest.mark.parametrize(("path", "body", "field"), HOSTILE, ids=[f"{path}{field}" for path, _, field in HOSTILE])
async def test_what_cannot_be_kept_is_refused_by_its_field(
    steward: Steward, path: str, body: dict[str, Any], field: str
) -> None:
    incident = await opened_incident(steward)
    where = INCIDENTS + path.format(id=incident["id"])
    answer = await steward.client("alice").post(where, json={"organisation": "northwind", **body} if not path else body)
    assert answer.status_code == 422, answer.text
    assert [error["field"] for error in answer.json()["errors"]] == [field]


@pytest.mark.parametrize(
    "query",
    [
        {"q": NUL},
        {"service": "s" * 201},
        {"service": NUL},
        {"priority": "99999999999"},
        {"priority": "0"},
        {"state": "asleep"},
        {"kind": "change"},
        {"opened_after": "0001-01-01T00:00:00+14:00"},
        {"parent": "17"},
        {"limit": "201"},
        {"limit": "0"},
        {"sort": "title"},
        {"surprise": "1"},
    ],
    ids=str,
)
async def test_a_query_that_no_list_can_answer_is_refused(steward: Steward, query: dict[str, str]) -> None:
    answer = await steward.client("alice").get(INCIDENTS, params=query)
    assert answer.status_code == 422, answer.text
    assert answer.json()["errors"][0]["field"].split(".")[0] == next(iter(query))


@pytest.mark.parametrize("q", ["'", '"', "a & | !", "-", "%", "\\", "printer or 'x", "💥", ":*", ""])
async def test_any_words_may_be_searched_for(steward: Steward, q: str) -> None:
    assert (await read(steward.client("alice"), INCIDENTS, q=q))["items"] is not None


@pytest.mark.capability("INC-5")
async def test_escalations_that_nobody_has_acknowledged_are_a_list(steward: Steward) -> None:
    waiting, taken, never = [await opened_incident(steward, service="Escalated") for _ in range(3)]
    for each in (waiting, taken):
        await moved_incident(steward, each, "escalate", to="functional", target="Network", reason="needs a trace")
    # It may have been escalated to somebody of any process, not to the desk.
    await moved_incident(steward, taken, "acknowledge", by="keeper")
    client = steward.client("alice")
    found = await read(client, INCIDENTS, service="Escalated", escalated="true", acknowledged="false")
    assert [each["id"] for each in found["items"]] == [waiting["id"]]
    found = await read(client, INCIDENTS, service="Escalated", escalated="false")
    assert [each["id"] for each in found["items"]] == [never["id"]]


@pytest.mark.capability("INC-8")
async def test_the_users_word_closes_and_the_users_refusal_reopens(steward: Steward) -> None:
    accepted, refused = [await resolved_incident(steward) for _ in range(2)]
    accepted = await moved_incident(steward, accepted, "confirm", by="carol")
    refused = await moved_incident(steward, refused, "reopen", by="carol", reason="it still smokes")
    assert (accepted["state"], accepted["confirmed_by"]) == ("closed", "user")
    assert (refused["state"], refused["reopen_count"], refused["resolved_at"]) == ("active", 1, None)


@pytest.mark.capability("INC-8")
async def test_records_of_closed_work_are_not_edited(steward: Steward) -> None:
    incident = await resolved_incident(steward)
    incident = await moved_incident(steward, incident, "close")
    edited = await steward.client("alice").patch(
        f"{INCIDENTS}/{incident['id']}", json={"title": "x"}, headers={"If-Match": "*"}
    )
    assert edited.status_code == 409
