"""The correction goes through a change: what becomes of it moves the problem, once, and proof closes it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from itertools import permutations
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts.envelope import registry
from services.problem.domain.changes import follow
from services.problem.lifecycle import State
from shared.bus import Arrival
from shared.service import Service
from tests.builders import Json, opened_problem, read
from tests.problem.samples import Change, Incident, problem_in
from tests.problem.test_api import PATH, verb
from tests.problem.test_cause import CAUSE
from tests.system import SetClock, Steward, steward_of

pytestmark = pytest.mark.capability("PRB-5")


@pytest.fixture(scope="module")
async def steward(
    services: list[Service], service_database: Callable[[Service], Awaitable[str]], workplace: Path
) -> AsyncIterator[Steward]:
    """Without the change service, in whose place the tests speak: the real one answers each wish as well."""
    others = [each for each in services if each.name != "change"]
    async with steward_of(others, service_database, workplace / "without-changes", SetClock()) as steward:
        yield steward


async def wished(steward: Steward, **order: Any) -> Json:
    """A problem that waits for the change it asked for."""
    problem = await opened_problem(steward, **order)
    return await verb(steward, problem, "request-change", title="New driver", reason="It leaks")


async def come(steward: Steward, change: Change, after: int = 0) -> None:
    await steward.runtime("problem").inbox.receive(change.arrivals(after))


async def now(steward: Steward, problem: Json) -> Json:
    return await read(steward.client("manager"), f"{PATH}/{problem['id']}")


async def events(steward: Steward, problem: Json) -> list[str]:
    found = await read(steward.client("manager"), f"{PATH}/{problem['id']}/timeline", limit=200)
    return [each["event"] for each in found["items"]]


async def last(steward: Steward, problem: Json, event: str) -> Json:
    found = await read(steward.client("manager"), f"{PATH}/{problem['id']}/timeline", limit=200)
    data: Json = [each for each in found["items"] if each["event"] == event][-1]
    return data


async def test_the_change_that_answers_the_wish_is_known(steward: Steward) -> None:
    problem = await wished(steward)
    change = Change(request=problem["change_request"])
    await come(steward, change)
    found = await now(steward, problem)
    assert (found["change"], found["change_number"], found["change_state"]) == (
        str(change.id), change.number, "requested",
    )  # fmt: skip
    assert (found["state"], found["waiting_reason"]) == ("waiting", "change")
    await come(steward, change.approved(), after=1)
    assert (await now(steward, problem))["change_state"] == "approved"
    followed = await last(steward, problem, "problem.change_followed")
    assert (followed["data"]["change"], followed["actor"]) == (str(change.id), "alice")
    listed = await read(steward.client("manager"), PATH, change=str(change.id))
    assert [each["number"] for each in listed["items"]] == [problem["number"]]


@pytest.mark.parametrize(
    ("fate", "words"),
    [("rejected", "was rejected: Not in the season"), ("cancelled", "was withdrawn: Another way was found"),
     ("failed", "failed: It does not start"), ("backed_out", "was backed out: The old one is back")],
)  # fmt: skip
async def test_a_change_that_does_not_come_about_lets_the_problem_go_on(
    steward: Steward, fate: str, words: str
) -> None:
    problem = await wished(steward)
    change = Change(problem["id"], problem["change_request"])
    await come(steward, getattr(change, fate)())
    found = await now(steward, problem)
    assert (found["state"], found["waiting_reason"], found["change_state"]) == ("active", None, fate)
    assert (await last(steward, problem, "problem.resumed"))["data"]["note"] == f"{change.number} {words}"
    assert (await events(steward, problem))[-3:] == [
        "problem.change_followed", "problem.resumed", "problem.status_changed",
    ]  # fmt: skip


async def test_a_change_that_is_carried_out_resolves_the_problem_and_proof_closes_it(steward: Steward) -> None:
    problem = await wished(steward)
    change = Change(problem["id"], problem["change_request"]).approved().started().implemented()
    await come(steward, change)
    found = await now(steward, problem)
    assert (found["state"], found["resolution_code"], found["verdict"]) == ("resolved", "Changed", None)
    assert found["resolution_note"] == f"{change.number} is carried out; that incidents stop is still to be proved"
    # As far as it is known since when the fix is in place, that is what counts.
    assert found["fixed_at"] == "2026-03-02T12:00:00Z"
    await come(steward, change.closed(), after=4)
    assert (await now(steward, problem))["change_state"] == "closed"
    assert (await events(steward, problem)).count("problem.resolved") == 1
    await verb(steward, problem, "identify-cause", **CAUSE)
    path = f"{PATH}/{problem['id']}/close"
    answer = await steward.client("manager").post(path, json={"note": "Surely"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "proof")
    found = await verb(steward, problem, "close", proof="Two weekends of full load without one")
    assert (found["state"], found["proof"]) == ("closed", "Two weekends of full load without one")


async def test_a_change_that_is_closed_says_by_its_outcome_whether_there_is_a_fix(steward: Steward) -> None:
    for outcome, state in (("implemented", "resolved"), ("failed", "active"), ("backed_out", "active")):
        problem = await wished(steward)
        await come(steward, Change(problem["id"], problem["change_request"]).approved().closed(outcome))
        assert (await now(steward, problem))["state"] == state, outcome


async def test_a_fix_that_is_taken_back_reopens_the_problem_that_rested_on_it(steward: Steward) -> None:
    problem = await wished(steward)
    change = Change(problem["id"], problem["change_request"]).implemented()
    await come(steward, change)
    await come(steward, change.backed_out(), after=2)
    found = await now(steward, problem)
    assert (found["state"], found["fixed_at"], found["reopen_count"]) == ("active", None, 1)
    reason = (await last(steward, problem, "problem.reopened"))["data"]["reason"]
    assert reason == f"{change.number} was backed out: The old one is back"


async def test_a_problem_that_is_closed_stays_so_and_knows_what_happened(steward: Steward) -> None:
    problem = await wished(steward)
    change = Change(problem["id"], problem["change_request"]).implemented()
    await come(steward, change)
    await verb(steward, problem, "identify-cause", **CAUSE)
    await verb(steward, problem, "close", proof="None since")
    await come(steward, change.backed_out(), after=2)
    found = await now(steward, problem)
    assert (found["state"], found["change_state"]) == ("closed", "backed_out")


async def test_a_problem_that_somebody_has_taken_up_meanwhile_is_theirs(steward: Steward) -> None:
    problem = await wished(steward)
    change = Change(problem["id"], problem["change_request"])
    await come(steward, change)
    await verb(steward, problem, "resume", note="Perhaps it is something else")
    await come(steward, change.implemented(), after=1)
    found = await now(steward, problem)
    assert (found["state"], found["change_state"]) == ("active", "implemented")
    # Whoever resolves it later says so of a fix that was there before.
    assert (await verb(steward, problem, "resolve", resolution="Changed"))["fixed_at"] == "2026-03-02T10:00:00Z"


async def test_an_answer_to_an_earlier_wish_is_none_to_the_last(steward: Steward) -> None:
    problem = await wished(steward)
    first = Change(problem["id"], problem["change_request"])
    await come(steward, first)
    again = await verb(steward, problem, "request-change", title="Another driver", reason="It leaks still")
    assert (again["change"], again["change_number"]) == (None, None)
    await come(steward, first.rejected(), after=1)
    assert (await now(steward, problem))["state"] == "waiting"
    second = Change(problem["id"], again["change_request"])
    await come(steward, second)
    assert (await now(steward, problem))["change"] == str(second.id)


async def test_a_change_that_was_not_asked_for_is_followed_where_no_other_is(steward: Steward) -> None:
    problem = await opened_problem(steward)
    first, second = Change(problem["id"]), Change(problem["id"])
    await come(steward, first)
    await come(steward, second)
    assert (await now(steward, problem))["change"] == str(first.id)
    await come(steward, first.cancelled(), after=1)
    await come(steward, second.approved(), after=1)
    found = await now(steward, problem)
    assert (found["change"], found["state"]) == (str(second.id), "new")


@pytest.mark.parametrize("forgotten", ["nothing", "stream", "inbox"])
async def test_a_change_that_is_delivered_again_moves_nothing_again(steward: Steward, forgotten: str) -> None:
    """Two defences, each of which is enough; and where a person acted in between, they are needed."""
    problem = await wished(steward)
    change = Change(problem["id"], problem["change_request"]).implemented()
    await come(steward, change)
    await verb(steward, problem, "reopen", reason="It came back")
    again = await verb(steward, problem, "wait", reason="change")
    database = steward.database("problem")
    if forgotten == "stream":
        await database.rows(text("DELETE FROM stream WHERE aggregate_id = :id"), {"id": change.id})
    if forgotten == "inbox":
        ids = [message.id for message in change.told]
        await database.rows(text("DELETE FROM inbox WHERE event_id = ANY(CAST(:ids AS uuid[]))"), {"ids": ids})
    for _ in range(2):
        await come(steward, change)
    assert await now(steward, problem) == again


async def test_changes_and_incidents_end_alike_whichever_topic_comes_first(steward: Steward) -> None:
    ends = []
    for order in permutations(range(3)):
        problem = await wished(steward)
        change = Change(problem["id"], problem["change_request"]).approved().implemented()
        incidents = [Incident().linked(problem["id"]).closed(), Incident().linked(problem["id"]).closed().reopened()]
        batches: list[list[Arrival]] = [change.arrivals(), *(each.arrivals() for each in incidents)]
        for number in order:
            await steward.runtime("problem").inbox.receive(batches[number])
        found = await now(steward, problem)
        ends.append({name: found[name] for name in ("state", "version", "recurrences", "incidents_count", "fixed_at")})
    assert all(each == ends[0] for each in ends)
    assert (ends[0]["state"], ends[0]["recurrences"]) == ("resolved", 2)


async def test_many_changes_in_one_batch_move_each_its_problem(steward: Steward) -> None:
    problems = [await wished(steward) for _ in range(4)]
    changes = [Change(each["id"], each["change_request"]).implemented() for each in problems]
    strangers = [Change(), Change(uuid4()), Change(request=uuid4())]
    arrivals = [arrival for change in (*changes, *strangers) for arrival in change.arrivals()]
    await steward.runtime("problem").inbox.receive(arrivals)
    assert [(await now(steward, each))["state"] for each in problems] == ["resolved"] * 4
    parked = text("SELECT count(*) AS n FROM parked WHERE aggregate_id = ANY(CAST(:ids AS uuid[]))")
    ids = {"ids": [each.id for each in (*changes, *strangers)]}
    assert (await steward.database("problem").rows(parked, ids))[0].n == 0


@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("fate", ["approved", "rejected", "cancelled", "failed", "backed_out", "implemented", "closed"])
def test_what_a_change_moves_in_each_state(state: State, fate: str) -> None:
    """Written here once more: only a problem that waits for its change is moved by it."""
    for reason in ("change", "vendor"):
        problem = problem_in(state)
        problem.waiting_reason = reason if state is State.WAITING else None
        change = getattr(Change(problem.id), fate)()
        message = change.told[-1]
        event = registry()[message.type].model_validate_json(message.data)
        happened = follow(problem, change.id, change.number, event, message.occurred)  # type: ignore[arg-type]
        waits = state is State.WAITING and reason == "change"
        if state is State.CANCELLED:
            assert happened == []
            continue
        moved = {"implemented": "resolved", "closed": "resolved", "approved": "waiting"}.get(fate, "active")
        assert problem.state == (moved if waits else state)
        assert problem.change_number == change.number
        # What it told again, as it would be after a rebuild of a bus, says nothing new.
        assert follow(problem, change.id, change.number, event, message.occurred) == []  # type: ignore[arg-type]
