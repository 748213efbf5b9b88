"""What is kept of others' facts derives from them alone: whatever batches they come in, and anew from the start."""

from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from contracts import change, cmdb, known_error, problem, sla
from contracts.envelope import Message
from services.incident.handlers import HANDLERS
from shared.events.handling import Projection
from shared.memory import arrival
from tests.incident.elsewhere import CHANGED, CLOCK, ITEM, Elsewhere
from tests.system import MONDAY, Steward

HOUR = timedelta(hours=1)
TABLES = sorted({table.name for each in HANDLERS if isinstance(each, Projection) for table in each.tables})  # type: ignore[attr-defined]  # they are tables


def history(elsewhere: Elsewhere) -> list[Message]:
    """A life of one of each: an item, a relationship, a change, a known error, a problem and a clock, taking turns."""
    item, other, edge, changed, error, trouble, clock = (elsewhere.ids.setdefault(each, UUID(int=n + 1)) for n, each in
                                                         enumerate("iorcept"))  # fmt: skip
    ends: dict[str, Any] = {"kind": "runs-on", "source": item, "source_ci": "web", "target": other, "target_ci": "db",
                            "provider": other, "dependent": item, "valid_from": MONDAY - HOUR}  # fmt: skip
    about: dict[str, Any] = {**CHANGED, "title": "Move it", "items": ["web", "db"], "service": "Shop"}
    known: dict[str, Any] = {
        "problem": trouble, "problem_number": "PRB-1", "title": "Leaks", "symptom": "slow", "workaround": "Restart",
        "items": ["web"], "valid_from": MONDAY, "review_at": MONDAY + HOUR,
    }  # fmt: skip
    issue: dict[str, Any] = {"opened_at": MONDAY, "service": "Shop", "ci": "web"}
    ticking: dict[str, Any] = {**CLOCK, "record": item, "record_number": "INC-1", "due_at": MONDAY + HOUR}
    retargeted: dict[str, Any] = {
        "cause": "priority", "rule": "carry", "previous_priority": 3, "previous_agreement": "gold",
        "previous_agreement_version": 1, "previous_calendar": "24x7", "previous_calendar_version": 1,
        "previous_limit_microseconds": 1,
    }  # fmt: skip
    title = {"title": {"before": "Leaks", "after": "Leaks at noon"}}
    stopped: dict[str, Any] = {"state": "stopped", "outcome": "missed", "due_at": None, "stopped_at": MONDAY}
    told = [
        (item, cmdb.ItemRegistered(**ITEM, ci="web", nature="component")),
        (other, cmdb.ItemRegistered(**ITEM, ci="db", nature="component", criticality=2)),
        (edge, cmdb.RelationshipAdded(**ends)),
        (changed, change.ChangeSubmitted(**about, state="requested", reason="old")),
        (trouble, problem.ProblemOpened(**issue, state="new", title="Leaks", source="incident")),
        (error, known_error.KnownErrorPublished(**known, state="published")),
        (clock, sla.ClockPaused(**ticking | {"state": "paused", "due_at": None}, reason="user")),
        (clock, sla.ClockResumed(**ticking, paused_at=MONDAY)),
        (clock, sla.ClockWarned(**ticking, fraction=0.75)),
        (changed, change.ChangeStarted(**about, state="implementing", started_at=MONDAY - HOUR)),
        (item, cmdb.ItemStatusChanged(**ITEM | {"status": "retired"}, ci="web", nature="component",
                                      previous_status="live")),
        (trouble, problem.WorkaroundRecorded(**issue, state="active", title="Leaks", workaround="Restart")),
        (trouble, problem.ProblemEdited(**issue, state="active", changes=title)),
        (clock, sla.ClockRetargeted(**ticking, **retargeted)),
        (clock, sla.ClockBreached(**ticking | {"outcome": "missed"}, breached_at=MONDAY)),
        (changed, change.ChangeImplemented(**about, state="implemented", started_at=MONDAY - HOUR, ended_at=MONDAY)),
        (changed, change.ChangeClosed(**about, state="closed", outcome="implemented", started_at=MONDAY - HOUR,
                                      ended_at=MONDAY)),
        (edge, cmdb.RelationshipRemoved(**ends, valid_to=MONDAY)),
        (error, known_error.KnownErrorRevised(**known | {"workaround": "Restart twice"}, state="published",
                                              fields=("workaround",))),
        (error, known_error.KnownErrorRetired(**known, state="retired", reason="fixed")),
        (clock, sla.ClockStopped(**ticking | stopped)),
    ]  # fmt: skip
    return [elsewhere.message(id, "CI-7", event) for id, event in told]


async def kept(steward: Steward) -> dict[str, list[Any]]:
    database = steward.database("incident")
    return {
        table: [tuple(row) for row in await database.rows(text(f"SELECT * FROM {table} ORDER BY id"), {})]
        for table in TABLES
    }


@pytest.mark.parametrize("size", [1, 4, 100])
async def test_batches_make_no_difference_and_a_rebuild_gives_the_same(fresh_steward: Steward, size: int) -> None:
    elsewhere = Elsewhere(fresh_steward)
    messages = history(elsewhere)
    for start in range(0, len(messages), size):
        await elsewhere.come(*messages[start : start + size])
    found = await kept(fresh_steward)
    assert {table: len(rows) for table, rows in found.items()} == {
        "dependency": 1, "known_error": 1, "known_item": 2, "known_problem": 1, "recent_change": 1, "sla_clock": 1,
    }  # fmt: skip
    assert found == await expected(fresh_steward)
    database = fresh_steward.database("incident")
    await database.rows(text(f"TRUNCATE {', '.join(TABLES)}, inbox, stream"), {})
    arrivals = [arrival(each.source[1:].replace("/", "."), each) for each in messages]
    await elsewhere.inbox.receive(arrivals, rebuilding=True)
    assert await kept(fresh_steward) == found


async def expected(steward: Steward) -> dict[str, list[Any]]:
    """What the history comes to, written by hand and read back in the database's own types."""
    database, one = steward.database("incident"), {}
    for table, row in {
        "dependency": "'00000000-0000-0000-0000-000000000003'::uuid, '00000000-0000-0000-0000-000000000002'::uuid, "
                      "'00000000-0000-0000-0000-000000000001'::uuid, '2026-03-02 08:00Z'::timestamptz, "
                      "'2026-03-02 09:00Z'::timestamptz",
        "known_error": "'00000000-0000-0000-0000-000000000005'::uuid, 'CI-7', 'retired', "
                       "'00000000-0000-0000-0000-000000000006'::uuid, 'PRB-1', 'Leaks', 'slow', 'Restart', "
                       "ARRAY['web'], NULL, NULL, '2026-03-02 09:00Z'::timestamptz, NULL",
        "known_problem": "'00000000-0000-0000-0000-000000000006'::uuid, 'CI-7', 'active', 'Leaks at noon', 'Restart', "
                         "'2026-03-02 09:00Z'::timestamptz, 'Shop', 'web'",
        "recent_change": "'00000000-0000-0000-0000-000000000004'::uuid, 'CI-7', 'closed', 'Move it', 'Shop', "
                         "ARRAY['web', 'db'], '2026-03-02 08:00Z'::timestamptz, '2026-03-02 09:00Z'::timestamptz",
        "sla_clock": "'00000000-0000-0000-0000-000000000007'::uuid, '00000000-0000-0000-0000-000000000001'::uuid, "
                     "'restored', 'stopped', 'missed', '2026-03-02 10:00Z'::timestamptz, 1.0::float8",
    }.items():  # fmt: skip
        one[table] = [tuple(each) for each in await database.rows(text(f"SELECT {row}"), {})]
    items = (
        "SELECT id, name, 'server', 'component', status, criticality, NULL FROM known_item WHERE "
        "(name, status, coalesce(criticality, 0)) IN (('web', 'retired', 0), ('db', 'live', 2)) ORDER BY id"
    )
    one["known_item"] = [tuple(each) for each in await database.rows(text(items), {})]
    return one
