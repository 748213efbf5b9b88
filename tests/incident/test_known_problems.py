"""Incident staff see what became of the problem of their incident, unasked (PRB-8)."""

from collections.abc import Sequence
from uuid import UUID, uuid4

import pytest
from uuid_utils.compat import uuid7

from contracts import problem as it
from contracts.envelope import Message
from services.incident.handlers import HANDLERS
from shared.bus import Arrival
from shared.clock import Clock
from shared.events.inbox import Inbox
from tests.builders import moved_incident, opened_incident, read
from tests.incident.samples import NOON, at
from tests.system import Steward

pytestmark = pytest.mark.capability("PRB-8")
OPENED = it.ProblemOpened(title="Pool runs dry", source="incident", state="new", opened_at=NOON)
WORKAROUND = it.WorkaroundRecorded(title="Pool runs dry", workaround="Restart it", state="active", opened_at=NOON)
CHANGED = it.ProblemStatusChanged(
    title="Pool runs dry", workaround="Restart it twice", state="waiting", previous_state="active", opened_at=NOON
)
CLOSED = it.ProblemClosed(state="closed", opened_at=NOON)


def arrivals(problem: UUID, events: Sequence[it.ProblemFact], first: int = 1) -> list[Arrival]:
    return [
        Arrival(
            topic="steward.problem", partition=0, offset=number, fault=None, key=None, headers=(), value=None,
            message=Message(
                id=uuid7(), source="/steward/problem", type=event.wire_type(), subject="PRB-17", aggregate_id=problem,
                sequence=number, occurred=at(number).now, recorded=at(number).now, actor="mara", correlation=uuid7(),
                causation=None, traceparent=None, organisation=None, historical=False, position=number,
                data=event.model_dump_json(),
            ),
        )
        for number, event in enumerate(events, start=first)
    ]  # fmt: skip


def inbox(steward: Steward) -> Inbox:
    return Inbox("incident", steward.database("incident"), HANDLERS, Clock())


async def test_state_and_workaround_of_the_problem_are_shown_with_the_incident(steward: Steward) -> None:
    problem = uuid4()
    incident = await opened_incident(steward)
    path, client = f"/incident/incidents/{incident['id']}/problem", steward.client("alice")
    assert (await client.get(path)).status_code == 404
    await moved_incident(steward, incident, "link", problem=str(problem))
    assert (await client.get(path)).status_code == 404
    await inbox(steward).receive(arrivals(problem, [OPENED, WORKAROUND]))
    assert await read(client, path) == {
        "id": str(problem), "number": "PRB-17", "state": "active", "title": "Pool runs dry",
        "workaround": "Restart it", "changed_at": "2026-03-02T12:02:00Z",
    }  # fmt: skip
    await inbox(steward).receive(arrivals(problem, [CHANGED, CLOSED], first=3))
    found = await read(client, path)
    assert (found["state"], found["workaround"]) == ("closed", "Restart it twice")


@pytest.mark.parametrize("size", [1, 2, 4])
async def test_the_batches_that_events_come_in_make_no_difference(steward: Steward, size: int) -> None:
    problem = uuid4()
    events = arrivals(problem, [OPENED, WORKAROUND, CHANGED, CLOSED])
    for start in range(0, len(events), size):
        await inbox(steward).receive(events[start : start + size])
    incident = await opened_incident(steward)
    await moved_incident(steward, incident, "link", problem=str(problem))
    found = await read(steward.client("manager"), f"/incident/incidents/{incident['id']}/problem")
    assert (found["state"], found["title"], found["workaround"]) == ("closed", "Pool runs dry", "Restart it twice")
