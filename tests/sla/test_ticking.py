"""What time brings: warnings and breaches with their true instants, after an outage too, and never an outcome."""

import random
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import select

from services.sla.domain.clocks import measured
from services.sla.queries.dockets import facts, policies
from services.sla.rules.fold import fold
from services.sla.tables import Clock
from shared.database.records import from_row
from tests.builders import Json, read
from tests.sla.desk import Desk, at
from tests.sla.documents import target

pytestmark = [pytest.mark.capability("SLM-10"), pytest.mark.capability("SLM-5")]
WARNING: dict[str, Any] = {"warnings": [0.5, 0.75, 0.9]}


async def test_a_warning_is_told_at_each_fraction_of_the_limit_and_then_the_breach(desk: Desk) -> None:
    await desk.promises(target(**WARNING))
    incident = await desk.opens()
    opened = desk.now
    told = [("started", at(opened))]
    for minutes, what in ((120, "warned"), (180, "warned"), (216, "warned"), (240, "breached")):
        instant = opened + timedelta(minutes=minutes)
        desk.steward.clock.set(instant)
        await desk.ticks()
        assert await desk.story(await desk.clock(incident)) == told, "nothing is told before its time"
        desk.passes(microseconds=1)
        await desk.ticks()
        told.append((what, at(instant)))
        assert await desk.story(await desk.clock(incident)) == told
    clock = await desk.clock(incident)
    assert (clock["warned"], clock["next_tick_at"]) == ([0.5, 0.75, 0.9], None)


async def test_a_warning_goes_to_the_owner_first_and_to_the_manager_when_it_is_urgent(desk: Desk) -> None:
    await desk.promises(target(**WARNING))
    incident = await desk.opens()
    desk.passes(hours=4)
    await desk.ticks()
    clock = await desk.clock(incident)
    entries = (await read(desk.steward.client("alice"), f"/sla/clocks/{clock['id']}/timeline"))["items"]
    warned = [each for each in entries if each["type"] == "steward.clock.warned.v1"]
    assert [(each["data"]["fraction"], each["data"]["to"]) for each in warned] == [
        (0.5, "owner"), (0.75, "manager"), (0.9, "manager")]  # fmt: skip
    assert [each["data"]["elapsed_microseconds"] / 60e6 for each in warned] == [120, 180, 216]
    assert {each["actor"] for each in warned} == {"sla"}
    # Told now, true then.
    assert {each["recorded"] for each in warned} == {at(desk.now)}


async def test_after_an_outage_what_was_due_is_told_in_the_order_in_which_it_became_true(desk: Desk) -> None:
    await desk.promises(target(**WARNING))
    first = await desk.opens()
    desk.passes(hours=1)
    second = await desk.opens()
    ids = {(await desk.clock(each))["id"] for each in (first, second)}
    before = await desk.steward.runtime("sla").log.head()
    desk.passes(hours=7)
    desk.passes(days=1)
    await desk.ticks()
    messages = [
        each for each in await desk.steward.runtime("sla").log.read(before, 100) if str(each.aggregate_id) in ids
    ]
    assert len(messages) == 8
    assert [each.occurred for each in messages] == sorted(each.occurred for each in messages)


async def test_a_paused_clock_and_a_stopped_one_are_not_told_of(desk: Desk) -> None:
    await desk.promises(target(**WARNING))
    paused, stopped = await desk.opens(), await desk.opens()
    await desk.does(paused, "wait", reason="user")
    await desk.resolves(stopped)
    desk.passes(days=3)
    await desk.ticks()
    for incident in (paused, stopped):
        clock = await desk.clock(incident)
        assert clock["next_tick_at"] is None
        assert {what for what, _ in await desk.story(clock)}.isdisjoint({"warned", "breached"})


async def test_ticking_again_tells_nothing_again(desk: Desk) -> None:
    await desk.promises(target(**WARNING))
    incident = await desk.opens()
    desk.passes(hours=5)
    await desk.ticks()
    clock = await desk.clock(incident)
    await desk.ticks()
    assert await desk.clock(incident) == clock
    assert len(await desk.story(clock)) == 5


async def test_a_clock_that_was_late_in_time_and_late_again_is_told_of_each_breach_once(desk: Desk) -> None:
    following: dict[str, Any] = {"on_new_version": "follow"}
    await desk.promises(target(**following))
    incident = await desk.opens()
    opened = desk.now
    desk.passes(hours=5)
    await desk.ticks()
    await desk.promises(target(limits={3: "7h"}, **following), effective_from=at(desk.now + timedelta(hours=1)))
    desk.passes(hours=20)
    for _ in range(2):
        await desk.ticks()
        breaches = [time for what, time in await desk.story(await desk.clock(incident)) if what == "breached"]
        assert breaches == [at(opened + timedelta(hours=4)), at(opened + timedelta(hours=7))]
    await desk.resolves(incident)
    clock = await desk.clock(incident)
    assert [what for what, _ in await desk.story(clock)] == ["started", "breached", "breached", "retargeted", "stopped"]
    await desk.proof(clock)


@pytest.mark.parametrize("seed", range(6))
async def test_ticks_at_any_time_give_the_clocks_that_no_ticks_give_but_for_the_warnings(desk: Desk, seed: int) -> None:
    chance = random.Random(seed)
    await desk.promises(
        target(**WARNING, on_reopen=chance.choice(["continue", "restart"])), target("respond", **WARNING)
    )
    incidents = [await desk.opens() for _ in range(3)]
    for _ in range(14):
        incident = chance.choice(incidents)
        state = (await read(desk.steward.client("alice"), f"/incident/incidents/{incident['id']}"))["state"]
        await happens(desk, chance, incident, state)
        desk.passes(minutes=chance.randrange(0, 200))
        if chance.random() < 0.5:
            await desk.ticks()
    await desk.steward.drained()
    database = desk.steward.database("sla")
    for incident in incidents:
        async with database.transaction() as transaction:
            book = await policies(transaction)
            rows = await transaction.execute(select(Clock.__table__).where(Clock.record == incident["id"]))
            stored = {
                (each.key, each.ordinal): each for each in (measured(from_row(Clock, row._mapping)) for row in rows)
            }
            (entries,) = (await facts(transaction, [incident["id"]])).values()
        unticked = fold([each.fact for each in entries], book)
        assert len(unticked.clocks) == len(stored)
        for clock in unticked.clocks:
            found = stored[clock.key, clock.ordinal]
            found.warned, found.announced = clock.warned, clock.announced
            assert found == clock


async def happens(desk: Desk, chance: random.Random, incident: Json, state: str) -> None:
    """Something that may happen to a record in this state."""
    urgency = {"impact": chance.randint(1, 3), "urgency": chance.randint(1, 3)}
    verbs: dict[str, list[tuple[str, Json]]] = {
        "new": [("start", {}), ("wait", {"reason": "user"}), ("prioritise", urgency)],
        "active": [("wait", {"reason": "user"}), ("resolve", {"resolution_code": "fixed"}), ("prioritise", urgency)],
        "waiting": [("resume", {}), ("wait", {"reason": "vendor"})],
        "resolved": [("reopen", {"reason": "It came back"}), ("close", {})],
        "closed": [("reopen", {"reason": "It came back"})],
    }
    verb, order = chance.choice(verbs[state])
    await desk.does(incident, verb, **order)
