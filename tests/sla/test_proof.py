"""Every clock can be computed once more from its facts, differences are found, and a rebuild gives the same rows."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts.incident_care import OutageRecorded
from shared.database import Cause
from shared.events.rebuild import rebuilt
from tests.builders import Json, applied, closed_incident, moved_incident, opened_incident, read, told, waiting_incident
from tests.sla.desk import Desk
from tests.sla.documents import agreement, calendar, target
from tests.system import Steward

LOSE = text(
    "DELETE FROM event WHERE causation IN (SELECT event FROM fact WHERE kind = 'resolved' AND at = :now) "
    "AND type LIKE 'steward.clock.%' RETURNING 1"
)
pytestmark = pytest.mark.capability("SLM-7")


async def all_checked(steward: Steward) -> tuple[int, list[Json]]:
    """How many records were computed once more, and what was different."""
    checked = 0
    different: list[Json] = []
    cursor: dict[str, str] = {}
    while True:
        page = await read(steward.client("alice"), "/sla/verification", limit=2, **cursor)
        checked += page["checked"]
        different += page["different"]
        if page["next"] is None:
            return checked, different
        cursor = {"cursor": page["next"]}


async def busy(steward: Steward) -> list[Json]:
    """A day at the desk, with something of everything."""
    share: dict[str, Any] = {"warnings": [0.5, 0.75]}
    following = target("close", on_new_version="follow", on_priority_change="restart", **share)
    targets = (target(on_reopen="restart", **share), target("respond", **share), following)
    await applied(steward, "sla", [calendar(), agreement(*targets)])
    incidents = [await opened_incident(steward), await waiting_incident(steward), await closed_incident(steward)]
    await steward.ticked()
    steward.clock.advance(hours=3)
    await steward.ticked()
    await moved_incident(steward, incidents[1], "resume")
    await moved_incident(steward, incidents[0], "prioritise", impact=1, urgency=1)
    await moved_incident(steward, incidents[2], "reopen", reason="It came back")
    steward.clock.advance(days=1, hours=1)
    await steward.ticked()
    longer = target("close", on_new_version="follow", limits={1: "9h", 3: "20h"})
    await applied(steward, "sla", [agreement(longer, effective_from="2026-03-03T12:00:00Z")])
    await steward.ticked()
    await moved_incident(steward, incidents[1], "resolve", resolution_code="fixed")
    step = {"row": 1, "at": "2024-03-04T09:00:00Z", "action": "open"}
    past = {"reference": "A", "steps": [step | {"body": {"title": "Long ago", "organisation": "northwind"}}]}
    await told(steward.client("root"), "/incident/history", {"origin": "elsewhere", "records": [past]})
    steward.clock.advance(hours=5)
    await steward.ticked()
    return incidents


async def rows(steward: Steward) -> dict[str, list[Any]]:
    """Every row of the projection, and of the log of the clocks' events."""
    tables = {"clock": "id", "tracked": "id", "fact": "record, sequence", "outage": "record, id",
              "event": "aggregate_id, sequence"}  # fmt: skip
    return {
        table: [
            tuple(row)
            for row in await steward.database("sla").rows(text(f"SELECT * FROM {table} ORDER BY {order}"), {})
        ]
        for table, order in tables.items()
    }


async def test_what_is_stored_equals_what_the_facts_give(fresh_steward: Steward) -> None:
    incidents = await busy(fresh_steward)
    clocks = (await read(fresh_steward.client("alice"), "/sla/clocks", record=incidents[0]["id"]))["items"]
    assert len(clocks) == 3
    for clock in clocks:
        found = await read(fresh_steward.client("alice"), f"/sla/clocks/{clock['id']}/verification")
        assert found["equal"]
        assert found["stored"] == found["recomputed"]
        assert found["stored"]["outcome"] == clock["outcome"]
        assert [each["kind"] for each in found["facts"]] == ["opened", "changed"]
    assert await all_checked(fresh_steward) == (4, [])


async def down(steward: Steward) -> None:
    """A time in which a service could not be used is in the incidents' topic, and was taken in."""
    now = steward.clock.instant
    outage = OutageRecorded(
        kind="incident", organisation="northwind", state="active", priority=1, opened_at=now, outage=uuid4(),
        affected_service="Order portal", began_at=now,
    )  # fmt: skip
    async with steward.database("incident").transaction() as transaction:
        await transaction.tell(uuid4(), "INC-7", outage, Cause("alice", now, now, uuid4()))
    steward.runtime("incident").saved()
    await steward.drained()


async def test_a_rebuild_from_the_topics_gives_the_same_rows_and_tells_nothing_again(fresh_steward: Steward) -> None:
    await busy(fresh_steward)
    await down(fresh_steward)
    before = await rows(fresh_steward)
    assert len(before["outage"]) == 1
    runtime = fresh_steward.runtime("sla")
    counts = await rebuilt(runtime.service, runtime.database, runtime.bus, fresh_steward.clock)
    after = await rows(fresh_steward)
    for table in before:
        assert after[table] == before[table], table
    assert (counts["clock"], counts["fact"]) == (len(before["clock"]), len(before["fact"]))
    await fresh_steward.ticked()
    assert await rows(fresh_steward) == before


async def test_a_rebuild_tells_what_had_not_been_told_yet(fresh_steward: Steward) -> None:
    incidents = await busy(fresh_steward)
    runtime = fresh_steward.runtime("sla")
    # The last facts of two records never came in.
    await moved_incident(fresh_steward, incidents[0], "resolve", resolution_code="fixed")
    await moved_incident(fresh_steward, incidents[2], "resolve", resolution_code="fixed")
    await fresh_steward.drained()
    expected = await rows(fresh_steward)
    async with runtime.database.transaction() as transaction:
        await transaction.execute(text("ALTER TABLE event DISABLE TRIGGER event_rewritten"))
        lost = await transaction.execute(LOSE, {"now": fresh_steward.clock.instant})
        await transaction.execute(text("ALTER TABLE event ENABLE TRIGGER event_rewritten"))
    assert len(lost.all()) >= 2
    await rebuilt(runtime.service, runtime.database, runtime.bus, fresh_steward.clock)
    found = await rows(fresh_steward)
    assert (found["clock"], len(found["event"])) == (expected["clock"], len(expected["event"]))


@pytest.mark.parametrize(
    ("change", "fields"),
    [
        ("UPDATE clock SET elapsed = elapsed + 1", {"row.elapsed"}),
        ("UPDATE clock SET outcome = 'met'", {"row.outcome"}),
        ("UPDATE clock SET folded = jsonb_set(folded, '{outcome}', '\"met\"')", {"outcome", "row.outcome"}),
        ("UPDATE clock SET folded = jsonb_set(folded, '{elapsed}', '\"PT9S\"')", {"elapsed", "row.elapsed"}),
        ("UPDATE fact SET at = at + interval '1 hour' WHERE kind = 'opened'", {"started_at", "elapsed"}),
        ("DELETE FROM clock", {"exists"}),
    ],
)
async def test_a_row_that_somebody_changed_is_found(desk: Desk, change: str, fields: set[str]) -> None:
    await desk.promises()
    incident = await desk.opens()
    desk.passes(hours=5)
    await desk.resolves(incident)
    clock = await desk.clock(incident)
    where = "record" if "clock" in change or "fact" in change else "id"
    statement = f"{change} {'AND' if 'WHERE' in change else 'WHERE'} {where} = CAST(:id AS uuid)"
    async with desk.steward.database("sla").transaction() as transaction:
        await transaction.execute(text(statement), {"id": incident["id"]})
    _, different = await all_checked(desk.steward)
    found = {each["field"] for each in different if each["record"] == incident["id"]}
    assert fields <= found
    if change.startswith("UPDATE"):
        answer = await read(desk.steward.client("alice"), f"/sla/clocks/{clock['id']}/verification")
        assert not answer["equal"]
    async with desk.steward.database("sla").transaction() as transaction:
        for table, key in (("clock", "record"), ("fact", "record"), ("tracked", "id")):
            await transaction.execute(
                text(f"DELETE FROM {table} WHERE {key} = CAST(:id AS uuid)"), {"id": incident["id"]}
            )
