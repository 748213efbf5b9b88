"""Support groups and people: work is given only to somebody who is there, and a misspelt name is helped with."""

from uuid import uuid4

import pytest

from services.incident.queries.directory import nearest, require
from shared.database import Database
from shared.errors import Invalid
from tests.builders import moved_incident, opened_incident, read, told
from tests.system import Steward

GROUPS, PEOPLE = "/incident/groups", "/incident/people"


async def test_groups_and_people_are_registered_once_and_listed_by_name(fresh_steward: Steward) -> None:
    alice = fresh_steward.client("alice")
    for name in ("Network", "Desk", "Applications"):
        await told(alice, GROUPS, {"name": name, "line": 1})
    assert (await alice.post(GROUPS, json={"name": " Network "})).status_code == 409
    assert await told(alice, PEOPLE, {"name": "frank", "group": "Network"}) == {
        "name": "frank", "group": "Network", "origin": None,
    }  # fmt: skip
    await told(alice, PEOPLE, {"name": "mona"})
    assert (await alice.post(PEOPLE, json={"name": "otto", "group": "Netwerk"})).status_code == 422
    first = await read(alice, GROUPS, limit=2)
    assert [each["name"] for each in first["items"]] == ["Applications", "Desk"]
    rest = await read(alice, GROUPS, limit=2, cursor=first["next"])
    assert ([each["name"] for each in rest["items"]], rest["next"]) == (["Network"], None)
    found = await read(alice, PEOPLE, group="Network")
    assert [each["name"] for each in found["items"]] == ["frank"]


async def test_a_repeated_registration_is_answered_again(steward: Steward) -> None:
    body, key = {"name": uuid4().hex}, uuid4().hex
    first = await told(steward.client("alice"), GROUPS, body, Idempotency_Key=key)
    assert await told(steward.client("alice"), GROUPS, body, Idempotency_Key=key) == first


@pytest.mark.parametrize("verb", ["open", "assign"])
async def test_work_is_not_given_to_somebody_who_is_not_there(steward: Steward, verb: str) -> None:
    mark = uuid4().hex
    alice = steward.client("alice")
    await told(alice, GROUPS, {"name": f"Network {mark}"})
    await told(alice, PEOPLE, {"name": f"Frank {mark}"})
    if verb == "open":
        path, body = "/incident/incidents", {"title": "x", "organisation": "northwind"}
    else:
        incident = await opened_incident(steward)
        path, body = f"/incident/incidents/{incident['id']}/assign", {}
    answer = await alice.post(path, json={**body, "group": f"NETWORK {mark}", "assignee": f"Frnak {mark}"})
    assert answer.status_code == 422
    errors = {error["field"]: error["near"][0] for error in answer.json()["errors"]}
    assert errors == {"group": f"Network {mark}", "assignee": f"Frank {mark}"}
    answer = await alice.post(path, json={**body, "group": f"Network {mark}", "assignee": f"Frank {mark}"})
    assert answer.is_success


async def test_nobody_is_always_there(steward: Steward) -> None:
    incident = await opened_incident(steward)
    taken = await moved_incident(steward, incident, "assign", group=None, assignee=None)
    assert (taken["group"], taken["assignee"]) == (None, None)


async def test_another_replica_knows_at_once_whom_this_one_registered(steward: Steward) -> None:
    replica = Database(steward.database("incident").url, pool=1)
    name = uuid4().hex
    try:
        with pytest.raises(Invalid):
            await require(replica, name, None)
        await told(steward.client("alice"), GROUPS, {"name": name})
        await require(replica, name, None)
    finally:
        await replica.close()


def test_near_is_what_looks_alike_whatever_its_case() -> None:
    assert nearest("netwrok", ["Network", "Desk", "NETWORK", "Mail"]) == ["Network", "NETWORK"]
    assert nearest("zzz", ["Network"]) == []
