"""Major incidents (INC-6): declared by who may under a stated criterion, led by one person, told on time, reviewed."""

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import asyncpg
import pytest
from sqlalchemy import text

from contracts.major_incident import MajorIncidentDeclared
from services.incident.api.major import VIEW, MajorIncidentQuery, MajorIncidentView
from services.incident.domain.major_fold import fold
from services.incident.jobs import tell_missed_major_updates
from services.incident.queries import MAJOR_INCIDENTS, MAJOR_STAFFS
from services.incident.tables import MajorIncident
from shared.database import columns
from shared.http.ask import Query
from tests.builders import Json, applied, moved_incident, opened_incident, read, resolved_incident, told
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("INC-6")
MAJORS = "/incident/major-incidents"
ORDER: Json = {"criterion": "critical-service-down", "reason": "No customer can order"}


async def declared(steward: Steward, incident: Json | None = None, by: str = "heidi", **order: Any) -> Json:
    incident = incident or await opened_incident(steward, service="Order portal")
    return await told(steward.client(by), f"/incident/incidents/{incident['id']}/declare-major", ORDER | order)


async def moved(steward: Steward, major: Json, verb: str, by: str = "heidi", **order: Any) -> Json:
    return await told(steward.client(by), f"{MAJORS}/{major['id']}/{verb}", order)


async def now(steward: Steward, major: Json) -> Json:
    return await read(steward.client("alice"), f"{MAJORS}/{major['id']}")


async def events(steward: Steward, major: Json) -> list[Json]:
    found: list[Json] = (await read(steward.client("alice"), f"{MAJORS}/{major['id']}/timeline"))["items"]
    return found


def at(**duration: float) -> str:
    return (MONDAY + timedelta(**duration)).isoformat().replace("+00:00", "Z")


async def test_a_major_incident_is_a_record_of_its_own_beside_the_incident(fresh_steward: Steward) -> None:
    steward = fresh_steward
    incident = await opened_incident(steward, service="Order portal", ci="web-1")
    major = await declared(steward, incident, scribe="heidi")
    assert (major["number"], major["state"], major["incident"]) == ("MAJ-1001", "declared", incident["id"])
    assert (major["manager"], major["declared_by"], major["scribe"]) == ("heidi", "heidi", "heidi")
    assert (major["service"], major["ci"], major["organisation"]) == ("Order portal", "web-1", "northwind")
    assert major["next_update_due"] == at(minutes=30)
    page = await read(steward.client("alice"), "/incident/incidents", major="true")
    assert [each["id"] for each in page["items"]] == [incident["id"]]
    assert (await read(steward.client("alice"), "/incident/incidents", major="false"))["items"] == []
    assert [each["id"] for each in (await read(steward.client("bob"), MAJORS, incident=incident["id"]))["items"]] == [
        major["id"]
    ]
    assert [each["event"] for each in await events(steward, major)] == [
        "major_incident.declared", "major_incident.role_assigned",
    ]  # fmt: skip


@pytest.mark.parametrize("who", ["alice", "bob", "grace", "carol", "nobody"])
async def test_who_may_not_declare_one_is_refused(steward: Steward, who: str) -> None:
    incident = await opened_incident(steward)
    answer = await steward.client(who).post(f"/incident/incidents/{incident['id']}/declare-major", json=ORDER)
    assert answer.status_code == 403


async def test_a_criterion_that_nobody_has_stated_is_refused_by_the_policy_in_force(fresh_steward: Steward) -> None:
    steward = fresh_steward
    spec = {"criteria": {"bank": "A bank is down."}, "update_every_minutes": 15}
    document = {"kind": "incident/MajorIncidentPolicy", "name": "ours", "effective_from": "2026-01-01T00:00:00Z"}
    await applied(steward, "incident", [document | {"spec": spec}])
    incident = await opened_incident(steward)
    answer = await steward.client("heidi").post(f"/incident/incidents/{incident['id']}/declare-major", json=ORDER)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "criterion")
    assert "bank" in answer.json()["detail"]
    major = await declared(steward, incident, criterion="bank")
    assert (major["policy"], major["policy_version"], major["next_update_due"]) == ("ours", 1, at(minutes=15))
    first = (await steward.runtime("incident").log.timeline(major["id"]))[0]
    assert MajorIncidentDeclared.model_validate_json(first.data).policy == "ours"


async def test_an_incident_has_one_open_major_incident_at_most(steward: Steward) -> None:
    incident = await opened_incident(steward)
    path = f"/incident/incidents/{incident['id']}/declare-major"
    answers = await asyncio.gather(*(steward.client("heidi").post(path, json=ORDER) for _ in range(4)))
    assert sorted(each.status_code for each in answers) == [200, 409, 409, 409]
    (major,) = [each.json() for each in answers if each.status_code == 200]
    assert major["number"] in next(each.json()["detail"] for each in answers if each.status_code == 409)
    await moved(steward, major, "stand-down", reason="it is up")
    again = await declared(steward, incident)
    assert again["id"] != major["id"]


async def test_the_database_itself_holds_no_second_open_one(steward: Steward) -> None:
    major = await declared(steward)
    names = ", ".join(f'"{name}"' for name in columns(MajorIncident) if name not in {"id", "number"})
    copy = text(f"INSERT INTO major_incident (id, {names}) SELECT :new, {names} FROM major_incident WHERE id = :id")
    with pytest.raises(asyncpg.UniqueViolationError, match="uq_major_incident_open"):
        await steward.database("incident").rows(copy, {"new": uuid4(), "id": major["id"]})


async def test_work_that_is_over_is_no_major_incident_any_more(steward: Steward) -> None:
    incident = await resolved_incident(steward)
    answer = await steward.client("heidi").post(f"/incident/incidents/{incident['id']}/declare-major", json=ORDER)
    assert answer.status_code == 409
    unknown = await steward.client("heidi").post(f"/incident/incidents/{uuid4()}/declare-major", json=ORDER)
    assert unknown.status_code == 404


async def test_a_misspelt_manager_is_refused(steward: Steward) -> None:
    incident = await opened_incident(steward)
    name = f"frank-{uuid4().hex[:8]}"
    order = ORDER | {"manager": name}
    path = f"/incident/incidents/{incident['id']}/declare-major"
    answer = await steward.client("heidi").post(path, json=order)
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "manager")
    await told(steward.client("alice"), "/incident/people", {"name": name})
    assert (await told(steward.client("heidi"), path, order))["manager"] == name


async def test_it_ends_by_its_managers_word_alone_or_an_administrators(steward: Steward) -> None:
    major = await declared(steward)
    chief = steward.client("chief")
    refused = await chief.post(f"{MAJORS}/{major['id']}/stand-down", json={"reason": "enough"})
    assert refused.status_code == 403
    assert "heidi" in refused.json()["detail"]
    assert (await now(steward, major))["version"] == major["version"]
    handed = await moved(steward, major, "hand-over", by="chief", manager="chief", reason="end of shift")
    assert handed["manager"] == "chief"
    refused = await steward.client("heidi").post(f"{MAJORS}/{major['id']}/stand-down", json={"reason": "enough"})
    assert refused.status_code == 403
    ended = await moved(steward, major, "stand-down", by="chief", reason="it is up")
    assert (ended["state"], ended["stood_down_at"], ended["next_update_due"]) == ("stood_down", at(), None)
    another = await declared(steward)
    assert (await moved(steward, another, "stand-down", by="root", reason="a mistake"))["state"] == "stood_down"


async def test_that_its_incident_is_over_does_not_end_it(steward: Steward) -> None:
    incident = await opened_incident(steward)
    major = await declared(steward, incident)
    await moved_incident(steward, incident, "close")
    assert (await now(steward, major))["state"] == "declared"


async def test_updates_have_a_timetable_and_a_miss_is_told_once_with_its_own_instant(fresh_steward: Steward) -> None:
    steward = fresh_steward
    major, other = await declared(steward, update_every_minutes=20), await declared(steward, update_every_minutes=20)
    steward.clock.advance(minutes=19)
    sent = await moved(steward, other, "send-update", by="alice", text="We are on it", audience="customers")
    assert (sent["updates_sent"], sent["next_update_due"]) == (1, at(minutes=39))
    steward.clock.advance(minutes=8)
    done = await asyncio.gather(*(tell_missed_major_updates(steward.runtime("incident")) for _ in range(3)))
    assert sum(done) == 1
    missed = await now(steward, major)
    assert (missed["update_overdue_since"], missed["next_update_due"], missed["updates_missed"]) == (
        at(minutes=20), None, 1,
    )  # fmt: skip
    assert [each["id"] for each in (await read(steward.client("heidi"), MAJORS, update_overdue="true"))["items"]] == [
        major["id"]
    ]
    sent = await moved(steward, major, "send-update", text="It took longer", next_update_due=at(hours=2))
    assert (sent["update_overdue_since"], sent["next_update_due"]) == (None, at(hours=2))
    last, before = (await events(steward, major))[:0:-1][:2]
    assert (last["data"]["late"], last["data"]["due"]) == (True, at(minutes=20))
    assert (before["event"], before["at"]) == ("major_incident.update_missed", at(minutes=20))
    in_time = (await events(steward, other))[-1]
    assert (in_time["data"]["late"], in_time["data"]["audience"]) == (False, "customers")
    refused = await steward.client("heidi").post(
        f"{MAJORS}/{major['id']}/send-update", json={"text": "x", "next_update_due": at(minutes=1)}
    )
    assert refused.json()["errors"][0]["field"] == "next_update_due"


async def test_customers_read_what_is_meant_for_them_and_of_their_own_organisation_alone(steward: Steward) -> None:
    major = await declared(steward)
    for audience, said in (("internal", "The vendor is slow"), ("customers", "We are on it"), ("public", "Again up")):
        await moved(steward, major, "send-update", text=said, audience=audience)
    await moved(steward, major, "assign-role", role="scribe", person="heidi")
    await moved(steward, major, "stand-down", reason="The vendor gave in")
    await moved(steward, major, "review", by="grace", went_well="a", to_improve="b", actions=["c"])
    carol, dave = steward.client("carol"), steward.client("dave")
    path = f"{MAJORS}/{major['id']}"

    told_them = (await read(carol, f"{path}/timeline"))["items"]
    assert [each["event"].removeprefix("major_incident.") for each in told_them] == [
        "declared", "update_sent", "update_sent", "stood_down",
    ]  # fmt: skip
    assert [each["data"].get("text") for each in told_them] == [None, "We are on it", "Again up", None]
    shown = await read(carol, path)
    assert {name: shown[name] for name in MAJOR_STAFFS} == dict.fromkeys(MAJOR_STAFFS)
    assert (shown["state"], shown["updates_sent"], shown["allowed_actions"]) == ("reviewed", 3, [])
    assert (await read(carol, MAJORS, incident=major["incident"]))["items"] == [shown]
    whole = str([told_them, shown])
    assert [secret for secret in ("vendor", ORDER["reason"], "went_well': 'a") if secret in whole] == []
    hidden = await carol.get(MAJORS, params={"update_overdue": "true"})
    assert (hidden.status_code, hidden.json()["detail"]) == (403, "this filter is staff's: update_overdue")

    for elsewhere in (path, f"{path}/timeline"):
        assert (await dave.get(elsewhere)).status_code == 404
    assert (await read(dave, MAJORS, incident=major["incident"]))["items"] == []
    assert (await carol.post(f"{path}/send-update", json={"text": "x"})).status_code == 403


async def test_the_stream_tells_customers_of_the_updates_that_are_meant_for_them(steward: Steward) -> None:
    major = await declared(steward)
    for audience in ("internal", "customers"):
        await moved(steward, major, "send-update", text="x", audience=audience)
    await moved(steward, major, "assign-role", role="scribe", person="heidi")
    timeline = await steward.runtime("incident").log.timeline(major["id"])
    heard = [each.sequence for each in timeline if steward.runtime("incident").service.told(each)]
    assert heard == [1, 3]


async def test_it_is_reviewed_after_its_end_and_apart_from_its_incident(steward: Steward) -> None:
    major = await declared(steward)
    learned: Json = {"went_well": "Found in minutes", "to_improve": "Told too late", "actions": ["Name a stand-in"]}
    early = await steward.client("grace").post(f"{MAJORS}/{major['id']}/review", json=learned)
    assert (early.status_code, early.json()["allowed"]) == (
        409, ["hand-over", "assign-role", "send-update", "stand-down"],
    )  # fmt: skip
    await moved(steward, major, "assign-role", role="technical_lead", person="heidi")
    await moved(steward, major, "stand-down", reason="it is up")
    reviewed = await moved(steward, major, "review", by="grace", **learned)
    assert {name: reviewed[name] for name in learned} == learned
    assert (reviewed["state"], reviewed["reviewed_at"], reviewed["allowed_actions"]) == ("reviewed", at(), [])


async def test_the_events_of_a_major_incident_fold_to_its_row(fresh_steward: Steward) -> None:
    steward = fresh_steward
    major = await declared(steward, communications="heidi")
    database, log = steward.database("incident"), steward.runtime("incident").log
    steps: list[tuple[str, Json]] = [
        ("send-update", {"text": "We are on it"}), ("hand-over", {"manager": "heidi", "reason": "as it was"}),
        ("assign-role", {"role": "scribe", "person": "heidi"}), ("late", {}), ("send-update", {"text": "Sorry"}),
        ("stand-down", {"reason": "it is up"}), ("review", {"went_well": "a", "to_improve": "b", "actions": ["c"]}),
    ]  # fmt: skip
    for verb, order in steps:
        steward.clock.advance(minutes=7)
        if verb == "late":
            steward.clock.advance(hours=1)
            await steward.ticked()
        else:
            await moved(steward, major, verb, **order)
        row = await database.load(MajorIncident, major["id"])
        assert row is not None
        assert fold(await log.timeline(major["id"])) == {name: getattr(row, name) for name in columns(MajorIncident)}


async def test_an_item_of_the_list_says_what_the_record_says_alone(steward: Steward) -> None:
    major = await moved(steward, await declared(steward), "stand-down", reason="it is up")
    major = await moved(steward, major, "review", went_well="a", to_improve="b")
    alone = (await steward.client("heidi").get(f"{MAJORS}/{major['id']}")).text
    page = await read(steward.client("heidi"), MAJORS, incident=major["incident"])
    assert MajorIncidentView.model_validate(page["items"][0]).model_dump_json() == alone
    assert [*MAJOR_INCIDENTS.shown, *MAJOR_INCIDENTS.chosen] == list(VIEW.fields)
    assert set(MAJOR_INCIDENTS.filters) == set(MajorIncidentQuery.model_fields) - set(Query.model_fields)


async def test_a_repeated_declaration_is_answered_again_and_declares_nothing(steward: Steward) -> None:
    incident = await opened_incident(steward)
    path, key = f"/incident/incidents/{incident['id']}/declare-major", {"Idempotency-Key": uuid4().hex}
    first, second = [await steward.client("heidi").post(path, json=ORDER, headers=key) for _ in range(2)]
    assert (first.status_code, first.json()) == (second.status_code, second.json())
    assert second.headers["Idempotency-Replayed"] == "true"
