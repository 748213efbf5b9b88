"""Closing an incident moves the problem behind it: a recurrence is counted, once per closing."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts.envelope import registry
from services.problem.handlers import follow_incidents, keep_incidents
from shared.events.handling import Delivery, Work
from shared.memory import arrival
from tests.builders import Json, moved_incident, opened_incident, opened_problem, problem_with_incident, read, told
from tests.problem.samples import Incident
from tests.system import Steward


async def now(steward: Steward, problem: Json) -> Json:
    return await read(steward.client("manager"), f"/problem/problems/{problem['id']}")


async def events(steward: Steward, problem: Json) -> list[str]:
    found = await read(steward.client("manager"), f"/problem/problems/{problem['id']}/timeline", limit=200)
    return [each["event"] for each in found["items"]]


async def come(steward: Steward, *incidents: Incident, after: int = 0) -> None:
    """What these incidents told arrives in one batch, in the order in which it happened."""
    happened = sorted((each for incident in incidents for each in incident.told), key=lambda each: each.occurred)
    arrivals = [arrival("steward.incident", each) for each in happened if each.sequence > after]
    await steward.runtime("problem").inbox.receive(arrivals)


async def parked(steward: Steward, incident: Incident) -> Sequence[Any]:
    sql = text("SELECT reason FROM parked WHERE aggregate_id = :id")
    return await steward.database("problem").rows(sql, {"id": incident.id})


@pytest.mark.capability("PRB-1")
async def test_closing_a_linked_incident_counts_a_recurrence(steward: Steward) -> None:
    problem, incident = await problem_with_incident(steward)
    await moved_incident(steward, incident, "close")
    await steward.drained()
    found = await now(steward, problem)
    assert (found["incidents_count"], found["recurrences"]) == (1, 1)
    assert found["last_recurrence_at"] is not None
    assert await events(steward, problem) == ["problem.opened", "problem.incident_linked", "problem.recurred"]
    linked = await read(steward.client("manager"), f"/problem/problems/{problem['id']}/incidents")
    assert [(each["number"], each["state"], each["closings"]) for each in linked["items"]] == [
        (incident["number"], "closed", 1)
    ]


@pytest.mark.capability("PRB-1")
async def test_an_incident_linked_by_problem_management_counts_too(steward: Steward) -> None:
    first, second = await opened_incident(steward), await opened_incident(steward)
    problem = await opened_problem(steward, incidents=[first["id"]])
    await told(steward.client("alice"), f"/problem/problems/{problem['id']}/link", {"incident": second["id"]})
    for incident in (first, second):
        await moved_incident(steward, incident, "close")
    await steward.drained()
    assert (await now(steward, problem))["recurrences"] == 2


async def test_the_recurrence_tells_who_closed_the_incident_and_because_of_what(steward: Steward) -> None:
    problem, incident = await problem_with_incident(steward)
    await moved_incident(steward, incident, "close")
    await steward.drained()
    recurred = (await steward.runtime("problem").log.timeline(problem["id"]))[-1]
    closed = next(
        each
        for each in await steward.runtime("incident").log.timeline(incident["id"])
        if each.type == "steward.incident.closed.v1"
    )
    assert (recurred.causation, recurred.correlation, recurred.actor) == (closed.id, closed.correlation, "alice")
    assert recurred.occurred == closed.occurred


@pytest.mark.parametrize("forgotten", ["nothing", "stream", "inbox"])
async def test_a_closing_that_is_delivered_again_counts_once(steward: Steward, forgotten: str) -> None:
    """Two defences, each of which is enough: the record's last sequence, and the events taken in."""
    problem, incident = await problem_with_incident(steward)
    await moved_incident(steward, incident, "close")
    await steward.drained()
    log = await steward.runtime("incident").log.timeline(incident["id"])
    if forgotten == "stream":
        await steward.database("problem").rows(
            text("DELETE FROM stream WHERE aggregate_id = CAST(:id AS uuid)"), {"id": incident["id"]}
        )
    if forgotten == "inbox":
        ids = [message.id for message in log]
        await steward.database("problem").rows(
            text("DELETE FROM inbox WHERE event_id = ANY(CAST(:ids AS uuid[]))"), {"ids": ids}
        )
    again = [arrival("steward.incident", message) for message in log]
    for _ in range(2):
        await steward.runtime("problem").inbox.receive([*again, *again])
    found = await now(steward, problem)
    assert found["recurrences"] == 1
    assert found["version"] == 3
    linked = await read(steward.client("manager"), f"/problem/problems/{problem['id']}/incidents")
    assert linked["items"][0]["closings"] == 1


async def test_several_closings_in_one_batch_are_a_recurrence_each(steward: Steward) -> None:
    first, second = await opened_problem(steward), await opened_problem(steward)
    id = first["id"], second["id"]
    incidents = [Incident().linked(id[number % 2]).closed() for number in range(7)]
    await come(steward, *incidents)
    assert [(await now(steward, each))["recurrences"] for each in (first, second)] == [4, 3]
    assert Counter(await events(steward, first)) == {
        "problem.opened": 1,
        "problem.incident_linked": 4,
        "problem.recurred": 4,
    }


async def test_an_incident_reopened_and_closed_again_is_the_next_closing(steward: Steward) -> None:
    problem = await opened_problem(steward)
    incident = Incident().linked(problem["id"]).closed().reopened().closed()
    await come(steward, incident)
    incident.reopened().closed()
    await come(steward, incident, after=5)
    timeline = await read(steward.client("manager"), f"/problem/problems/{problem['id']}/timeline")
    found = [each["data"] for each in timeline["items"] if each["event"] == "problem.recurred"]
    assert [(each["closing"], each["recurrences"]) for each in found] == [(1, 1), (2, 2), (3, 3)]


async def test_an_incident_unlinked_by_the_desk_is_not_counted(steward: Steward) -> None:
    problem, incident = await problem_with_incident(steward)
    await told(steward.client("alice"), f"/incident/incidents/{incident['id']}/unlink", {"relation": "problem"})
    await moved_incident(steward, incident, "close")
    await steward.drained()
    found = await now(steward, problem)
    assert (found["incidents_count"], found["recurrences"]) == (0, 0)
    assert (await events(steward, problem))[-1] == "problem.incident_unlinked"


async def test_an_incident_unlinked_by_problem_management_is_not_counted(steward: Steward) -> None:
    problem, incident = await problem_with_incident(steward)
    path = f"/problem/problems/{problem['id']}/unlink"
    await told(steward.client("manager"), path, {"incident": incident["id"]})
    await moved_incident(steward, incident, "close")
    await steward.drained()
    assert (await now(steward, problem))["recurrences"] == 0


async def test_an_incident_moved_to_another_problem_counts_there(steward: Steward) -> None:
    old, new = await opened_problem(steward), await opened_problem(steward)
    await come(steward, Incident().linked(old["id"]).linked(new["id"], previous=old["id"]).closed())
    assert [(await now(steward, each))["incidents_count"] for each in (old, new)] == [0, 1]
    assert [(await now(steward, each))["recurrences"] for each in (old, new)] == [0, 1]


async def test_what_was_closed_before_it_was_linked_is_not_counted(steward: Steward) -> None:
    incident = Incident().closed()
    await come(steward, incident)
    problem = await opened_problem(steward, incidents=[str(incident.id)])
    assert (await now(steward, problem))["recurrences"] == 0


async def test_an_incident_linked_before_anything_was_heard_of_it_is_listed_by_its_id(steward: Steward) -> None:
    incident = Incident()
    problem = await opened_problem(steward, incidents=[str(incident.id)])
    path = f"/problem/problems/{problem['id']}/incidents"
    linked = await read(steward.client("manager"), path)
    assert [(each["id"], each["number"]) for each in linked["items"]] == [(str(incident.id), None)]
    await come(steward, incident.closed())
    linked = await read(steward.client("manager"), path)
    assert linked["items"][0]["number"] == incident.number
    assert (await now(steward, problem))["recurrences"] == 1


async def test_an_incident_that_names_an_unknown_problem_is_listed_as_stray_and_stops_nothing(steward: Steward) -> None:
    nowhere = uuid4()
    incident = Incident().linked(nowhere).closed()
    await come(steward, incident)
    assert await parked(steward, incident) == []
    stray = await read(steward.client("manager"), "/problem/incidents", stray=True, problem=str(nowhere))
    assert [each["number"] for each in stray["items"]] == [incident.number]
    await come(steward, incident.unlinked(), after=3)
    assert (await read(steward.client("manager"), "/problem/incidents", problem=str(nowhere)))["items"] == []


async def test_a_cancelled_problem_takes_no_incident_and_counts_nothing(steward: Steward) -> None:
    problem = await opened_problem(steward)
    await told(steward.client("manager"), f"/problem/problems/{problem['id']}/cancel", {"reason": "There is none"})
    incident = Incident().linked(problem["id"]).closed()
    await come(steward, incident)
    found = await now(steward, problem)
    assert (found["incidents_count"], found["recurrences"]) == (0, 0)
    assert await parked(steward, incident) == []


async def test_two_batches_count_one_after_the_other(steward: Steward) -> None:
    """The second waits for the first one's lock: it must not count from the same number."""
    problem = await opened_problem(steward)
    database = steward.database("problem")
    first, second = Incident().linked(problem["id"]).closed(), Incident().linked(problem["id"]).closed()

    async def handled(incident: Incident, work: Work) -> None:
        deliveries = [Delivery(registry()[each.type].model_validate_json(each.data), each) for each in incident.told]
        await keep_incidents(deliveries, work)
        await follow_incidents(deliveries[1:], work)  # type: ignore[arg-type]
        await work.transaction.flush()

    async def alone(incident: Incident) -> None:
        async with database.transaction() as transaction:
            await handled(incident, Work(transaction, steward.clock.now()))

    async with database.transaction() as transaction:
        await handled(first, Work(transaction, steward.clock.now()))
        other = asyncio.create_task(alone(second))
        waiting = text(
            "SELECT count(*) AS n FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock' AND query LIKE 'SELECT problem.id,%'"
        )
        async with asyncio.timeout(20):
            while not (await database.rows(waiting, {}))[0].n:
                assert not other.done(), "the second batch did not wait"
                await asyncio.sleep(0.01)
    await other
    assert (await now(steward, problem))["recurrences"] == 2


async def test_commands_and_closings_at_once_lose_nothing(steward: Steward) -> None:
    problem = await opened_problem(steward)
    path = f"/problem/problems/{problem['id']}/comment"
    batches = [[Incident().linked(problem["id"]).closed() for _ in range(4)] for _ in range(5)]
    # Fewer writers than a command has tries: each try is lost to one of them at most.
    comments = [told(steward.client("alice"), path, {"text": f"{number}"}) for number in range(2)]
    await asyncio.gather(*(come(steward, *batch) for batch in batches), *comments)
    found = await now(steward, problem)
    assert (found["recurrences"], found["incidents_count"]) == (20, 20)
    assert found["version"] == 1 + 20 + 20 + 2
    for incident in (each for batch in batches for each in batch):
        assert await parked(steward, incident) == []


async def test_what_is_known_of_incidents_can_be_derived_again(steward: Steward) -> None:
    problem = await opened_problem(steward)
    incidents = [
        Incident().linked(problem["id"]).closed().reopened(),
        Incident().linked(problem["id"]).unlinked().closed(),
        Incident().closed().reopened().closed(),
        Incident().closed().linked(problem["id"]),
    ]
    await come(steward, *incidents)
    database = steward.database("problem")
    ids = {"ids": [incident.id for incident in incidents]}
    kept = text("SELECT * FROM known_incident WHERE id = ANY(CAST(:ids AS uuid[])) ORDER BY id")
    before = [dict(row._mapping) for row in await database.rows(kept, ids)]
    assert [row["closed_at"] is None for row in before].count(True) == 1
    await database.rows(text("DELETE FROM known_incident WHERE id = ANY(CAST(:ids AS uuid[]))"), ids)
    await database.rows(text("DELETE FROM inbox WHERE handler = 'keep_incidents'"), {})
    await database.rows(text("DELETE FROM stream WHERE aggregate_id = ANY(CAST(:ids AS uuid[]))"), ids)
    # One event at a time, where it was one batch before.
    for incident in incidents:
        for each in incident.arrivals():
            await steward.runtime("problem").inbox.receive([each], rebuilding=True)
    assert [dict(row._mapping) for row in await database.rows(kept, ids)] == before
    assert (await now(steward, problem))["recurrences"] == 1
