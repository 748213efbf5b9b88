"""The timeline is what was recorded, and it folds to what the record shows."""

from uuid import UUID

import pytest

from contracts.envelope import registry
from services.incident.domain.fold import fold
from services.incident.queries.timeline import TOLD
from services.incident.tables import Incident
from shared.database import columns
from tests.builders import moved_incident, opened_incident, read
from tests.incident.test_fold import BOOKKEEPING
from tests.system import Steward

INCIDENTS = "/incident/incidents"


async def test_an_entry_says_what_when_and_who(steward: Steward) -> None:
    incident = await opened_incident(steward, by="carol", occurred_at="2026-03-02T08:30:00Z")
    await moved_incident(steward, incident, "start")
    page = await read(steward.client("alice"), f"{INCIDENTS}/{incident['id']}/timeline")
    opened, started = page["items"]
    assert (opened["event"], opened["actor"], opened["sequence"]) == ("incident.opened", "carol", 1)
    assert opened["data"]["title"] == incident["title"]
    assert (started["event"], started["actor"], started["at"]) == ("incident.started", "alice", started["recorded"])
    assert page["next"] is None


@pytest.mark.parametrize("who", ["alice", "carol"])
async def test_a_long_timeline_comes_in_pages(steward: Steward, who: str) -> None:
    incident = await opened_incident(steward)
    for number in range(7):
        await moved_incident(steward, incident, "comment", text=str(number), internal=number == 3)
    seen: list[str] = []
    for what in ("timeline", "comments"):
        cursor, seen = None, []
        while True:
            query = {"limit": "2"} | ({"cursor": cursor} if cursor else {})
            page = await read(steward.client(who), f"{INCIDENTS}/{incident['id']}/{what}", **query)
            assert len(page["items"]) <= 2
            seen += [each["data"].get("text") if what == "timeline" else each["text"] for each in page["items"]]
            if (cursor := page["next"]) is None:
                break
        expected = [str(number) for number in range(7) if who == "alice" or number != 3]
        assert [text for text in seen if text is not None] == expected


@pytest.mark.parametrize("cursor", ["-1", "x", "1" * 12, "1 or 1=1"])
async def test_a_cursor_that_is_none_is_refused(steward: Steward, cursor: str) -> None:
    incident = await opened_incident(steward)
    answer = await steward.client("alice").get(f"{INCIDENTS}/{incident['id']}/timeline", params={"cursor": cursor})
    assert answer.status_code == 422


async def test_the_log_folds_to_the_row_in_the_database(steward: Steward) -> None:
    incident = await opened_incident(steward, channel="phone", detected_at="2026-03-02T08:00:00.123456Z")
    for verb, order in (
        ("start", {}),
        ("escalate", {"to": "hierarchic", "target": "Duty manager", "reason": "a bank is down"}),
        ("resolve", {"resolution_code": "fixed", "note": "restarted", "cause": "a leak"}),
        ("reopen", {"reason": "it is back"}),
        ("wait", {"reason": "vendor"}),
        ("resolve", {"resolution_code": "patched"}),
        ("confirm", {}),
    ):
        await moved_incident(steward, incident, verb, **order)
    row = await steward.database("incident").load(Incident, UUID(incident["id"]))
    assert row is not None
    told = await steward.runtime("incident").log.timeline(UUID(incident["id"]))
    assert fold(told) == {name: getattr(row, name) for name in columns(Incident) if name not in BOOKKEEPING}


def test_what_a_customer_is_told_of_an_event_is_there_to_be_told() -> None:
    for wire, fields in TOLD.items():
        assert set(fields) <= set(registry()[wire].model_fields), wire
