"""Clocks start, pause, resume and stop with what happens to incidents, through HTTP and the bus."""

from datetime import timedelta

import pytest

from tests.builders import read, told
from tests.sla.desk import HOUR, Desk, at
from tests.sla.documents import target

pytestmark = pytest.mark.capability("SLM-5")


async def test_an_incident_has_a_clock_for_each_target_as_soon_as_it_is_opened(desk: Desk) -> None:
    await desk.promises(target("respond", limits={3: "30m"}), target("resolve"))
    incident = await desk.opens()
    resolve, respond = await desk.clocks(incident)
    assert (respond["number"], respond["due_at"]) == (
        f"{incident['number']}/respond",
        at(desk.now + timedelta(minutes=30)),
    )
    assert (resolve["number"], resolve["due_at"]) == (
        f"{incident['number']}/resolve",
        at(desk.now + timedelta(hours=4)),
    )
    assert {each["state"] for each in (respond, resolve)} == {"running"}
    assert resolve["remaining_microseconds"] == 4 * HOUR


async def test_a_record_that_no_agreement_covers_has_no_clock(desk: Desk) -> None:
    assert await desk.clocks(await desk.opens()) == []


async def test_waiting_for_the_user_costs_nothing_and_moves_the_deadline(desk: Desk) -> None:
    await desk.promises()
    incident = await desk.opens()
    desk.passes(hours=1)
    await desk.does(incident, "start")
    await desk.does(incident, "wait", reason="user")
    paused = await desk.clock(incident)
    assert (paused["state"], paused["pause_reason"], paused["due_at"]) == ("paused", "user", None)
    desk.passes(hours=2)
    assert (await desk.clock(incident))["elapsed_microseconds"] == 1 * HOUR
    await desk.does(incident, "resume")
    running = await desk.clock(incident)
    assert (running["state"], running["due_at"]) == ("running", at(desk.now + timedelta(hours=3)))
    desk.passes(hours=3)
    await desk.resolves(incident)
    stopped = await desk.clock(incident)
    assert (stopped["state"], stopped["outcome"], stopped["elapsed_microseconds"]) == ("stopped", "met", 4 * HOUR)
    assert [what for what, _ in await desk.story(stopped)] == ["started", "paused", "resumed", "stopped"]
    await desk.proof(stopped)


async def test_waiting_for_a_vendor_is_the_desks_own_time(desk: Desk) -> None:
    await desk.promises()
    incident = await desk.opens()
    await desk.does(incident, "wait", reason="vendor")
    assert (await desk.clock(incident))["state"] == "running"


async def test_a_deadline_at_closing_time_is_missed_only_after_the_next_opening(desk: Desk) -> None:
    await desk.promises()
    desk.passes(hours=4)
    incident = await desk.opens()
    clock = await desk.clock(incident)
    evening, morning = desk.now + timedelta(hours=4), desk.now + timedelta(hours=20)
    assert (clock["due_at"], clock["late_from"]) == (at(evening), at(morning))
    desk.passes(hours=20)
    assert (await desk.clock(incident))["outcome"] == "pending"
    await desk.resolves(incident)
    assert (await desk.clock(incident))["outcome"] == "met"


async def test_a_clock_is_missed_from_the_first_instant_after_the_limit_whoever_looks(desk: Desk) -> None:
    await desk.promises()
    incident = await desk.opens()
    late = desk.passes(hours=4)
    desk.passes(microseconds=1)
    missed = await desk.clock(incident)
    assert (missed["outcome"], missed["breached_at"], missed["state"]) == ("missed", at(late), "running")
    assert [each["id"] for each in await desk.clocks(outcome="missed")] == [missed["id"]]
    assert [each["id"] for each in await desk.clocks(breached=True)] == [missed["id"]]
    assert await desk.clocks(outcome="pending") == []
    await desk.resolves(incident)
    stopped = await desk.clock(incident)
    assert (stopped["outcome"], stopped["breached_at"]) == ("missed", at(late))
    assert await desk.story(stopped) == [
        ("started", incident["opened_at"]),
        ("breached", at(late)),
        ("stopped", at(desk.now)),
    ]
    entries = (await read(desk.steward.client("alice"), f"/sla/clocks/{missed['id']}/timeline"))["items"]
    assert [each["actor"] for each in entries] == ["alice", "sla", "alice"]


async def test_who_resumes_has_taken_up(desk: Desk) -> None:
    await desk.promises(target("respond"))
    incident = await desk.opens()
    await desk.does(incident, "wait", reason="vendor")
    desk.passes(hours=1)
    await desk.does(incident, "resume")
    assert (await desk.clock(incident))["outcome"] == "met"


async def test_who_closes_has_taken_up_and_resolved(desk: Desk) -> None:
    await desk.promises(target("respond"), target("resolve"), target("close"))
    incident = await desk.opens()
    await desk.does(incident, "close")
    assert [each["outcome"] for each in await desk.clocks(incident)] == ["met", "met", "met"]


async def test_a_withdrawn_record_leaves_no_outcome(desk: Desk) -> None:
    await desk.promises()
    incident = await desk.opens()
    desk.passes(hours=9)
    await desk.does(incident, "cancel", reason="It works again by itself")
    clock = await desk.clock(incident)
    assert (clock["state"], clock["outcome"], clock["cancel_reason"]) == ("cancelled", "pending", "withdrawn")
    assert (await desk.story(clock))[-1] == ("cancelled", at(desk.now))
    await desk.proof(clock)


async def test_a_record_closed_as_a_duplicate_leaves_no_outcome(desk: Desk) -> None:
    await desk.promises()
    first, second = await desk.opens(), await desk.opens()
    await desk.does(second, "link", duplicate_of=first["id"])
    await desk.does(second, "close")
    clock = await desk.clock(second)
    assert (clock["state"], clock["cancel_reason"]) == ("cancelled", "duplicate")
    assert (await desk.clock(first))["state"] == "running"


async def test_a_clock_shows_who_owns_its_record_by_now(desk: Desk) -> None:
    await desk.promises()
    await told(desk.steward.client("alice"), "/incident/groups", {"name": f"Network of {desk.organisation}"})
    incident = await desk.opens()
    await desk.does(incident, "assign", group=f"Network of {desk.organisation}")
    clock = await desk.clock(incident)
    assert clock["group"] == f"Network of {desk.organisation}"
    assert [each["id"] for each in await desk.clocks(group=clock["group"])] == [clock["id"]]
