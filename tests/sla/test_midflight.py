"""Priority, service and agreement change in mid-flight, records are reopened: by the declared rule, with a trace."""

from datetime import timedelta

import pytest

from tests.sla.desk import HOUR, Desk, at
from tests.sla.documents import agreement, calendar, target

pytestmark = pytest.mark.capability("SLM-6")


@pytest.mark.parametrize(
    ("rule", "elapsed", "limit"), [("carry", 1, 1), ("restart", 0, 1), ("keep", 1, 4)], ids=["carry", "restart", "keep"]
)
async def test_another_priority_follows_the_rule_of_its_target(desk: Desk, rule: str, elapsed: int, limit: int) -> None:
    await desk.promises(target(on_priority_change=rule))
    incident = await desk.opens()
    desk.passes(hours=1)
    await desk.does(incident, "prioritise", impact=1, urgency=1)
    clock = await desk.clock(incident)
    assert (clock["elapsed_microseconds"], clock["limit_microseconds"]) == (elapsed * HOUR, limit * HOUR)
    assert clock["priority"] == 1
    assert (await desk.story(clock))[-1] == ("retargeted", at(desk.now))
    entry = clock["trace"][-1]
    assert (entry["what"], entry["cause"], entry["rule"]) == ("retargeted", "priority", rule)
    assert (entry["before"]["limit"], entry["after"]["limit"]) == (4 * HOUR, limit * HOUR)
    await desk.proof(clock)


async def test_a_shorter_limit_that_is_used_up_already_is_missed_at_that_instant(desk: Desk) -> None:
    await desk.promises()
    incident = await desk.opens()
    desk.passes(hours=2)
    await desk.does(incident, "prioritise", impact=1, urgency=1)
    clock = await desk.clock(incident)
    assert (clock["outcome"], clock["breached_at"], clock["breach_reason"]) == ("missed", at(desk.now), "retargeted")
    assert [what for what, _ in await desk.story(clock)] == ["started", "retargeted", "breached"]
    await desk.ticks()
    assert len(await desk.story(clock)) == 3


async def test_another_service_goes_over_to_its_agreement(desk: Desk) -> None:
    await desk.promises()
    await desk.applies(
        agreement(target(limits={3: "2h"}), name=f"portal-{desk.organisation}", customers=[desk.organisation],
                  services=["Portal"])
    )  # fmt: skip
    incident = await desk.opens()
    desk.passes(hours=1)
    await desk.does(incident, "classify", service="Portal")
    clock = await desk.clock(incident)
    assert (clock["agreement"], clock["service"]) == (f"portal-{desk.organisation}", "Portal")
    assert clock["due_at"] == at(desk.now + timedelta(hours=1))
    assert clock["trace"][-1]["cause"] == "service"
    await desk.proof(clock)


async def test_a_reopened_record_goes_on_with_its_elapsed_time(desk: Desk) -> None:
    await desk.promises()
    incident = await desk.opens()
    desk.passes(hours=1)
    await desk.resolves(incident)
    desk.passes(hours=5)
    await desk.does(incident, "reopen", reason="It came back")
    clock = await desk.clock(incident)
    assert (clock["state"], clock["outcome"], clock["elapsed_microseconds"]) == ("running", "pending", HOUR)
    desk.passes(hours=2, days=1)
    await desk.resolves(incident)
    again = await desk.clock(incident)
    assert (again["outcome"], again["id"]) == ("missed", clock["id"])
    assert [what for what, _ in await desk.story(clock)] == ["started", "stopped", "reopened", "breached", "stopped"]
    await desk.proof(clock)


async def test_a_missed_clock_stays_missed_when_its_record_is_reopened(desk: Desk) -> None:
    await desk.promises()
    incident = await desk.opens()
    desk.passes(hours=5)
    await desk.resolves(incident)
    await desk.does(incident, "reopen", reason="It came back")
    assert (await desk.clock(incident))["outcome"] == "missed"


async def test_a_reopening_may_restart_as_a_second_clock(desk: Desk) -> None:
    await desk.promises(target(on_reopen="restart"))
    incident = await desk.opens()
    desk.passes(hours=3)
    await desk.resolves(incident)
    await desk.does(incident, "reopen", reason="It came back")
    first, second = await desk.clocks(incident)
    assert (first["state"], first["outcome"]) == ("stopped", "met")
    assert (second["number"], second["state"]) == (f"{incident['number']}/resolve/2", "running")
    assert (second["elapsed_microseconds"], await desk.story(second)) == (0, [("reopened", at(desk.now))])
    await desk.proof(second)


async def test_a_reopening_may_be_ignored(desk: Desk) -> None:
    await desk.promises(target(on_reopen="ignore"))
    incident = await desk.opens()
    await desk.resolves(incident)
    await desk.does(incident, "reopen", reason="It came back")
    assert (await desk.clock(incident))["state"] == "stopped"


async def test_a_pinned_clock_keeps_the_version_it_started_with(desk: Desk) -> None:
    await desk.promises()
    old = await desk.opens()
    desk.passes(hours=1)
    await desk.promises(target(limits={3: "2h"}), effective_from=at(desk.now))
    new = await desk.opens()
    found = [(clock["agreement_version"], clock["limit_microseconds"]) for clock in
             (await desk.clock(old), await desk.clock(new))]  # fmt: skip
    assert found == [(1, 4 * HOUR), (2, 2 * HOUR)]
    await desk.proof(await desk.clock(old))


async def test_a_following_clock_changes_over_when_a_new_version_takes_effect(desk: Desk) -> None:
    await desk.promises(target(on_new_version="follow"))
    incident = await desk.opens()
    effect = desk.now + timedelta(hours=1)
    await desk.promises(target(on_new_version="follow", limits={3: "90m"}), effective_from=at(effect))
    assert (await desk.clock(incident))["due_at"] == at(desk.now + timedelta(hours=4))
    desk.passes(hours=1, minutes=31)
    await desk.ticks()
    clock = await desk.clock(incident)
    late = effect + timedelta(minutes=30)
    assert (clock["agreement_version"], clock["outcome"], clock["breached_at"]) == (2, "missed", at(late))
    assert (await desk.story(clock))[-1] == ("breached", at(late))
    await desk.resolves(incident)
    assert [what for what, _ in await desk.story(clock)] == ["started", "breached", "retargeted", "stopped"]
    await desk.proof(clock)


async def test_a_calendar_that_closes_earlier_moves_the_deadline_of_those_who_follow(desk: Desk) -> None:
    name = f"hours-{desk.organisation}"
    await desk.applies(calendar(name))
    await desk.promises(target(calendar=name, on_new_version="follow"))
    desk.passes(hours=4)
    incident = await desk.opens()
    assert (await desk.clock(incident))["due_at"] == at(desk.now + timedelta(hours=4))
    desk.passes(minutes=1)
    await desk.applies(calendar(name, effective_from=at(desk.now), weekly={"monday-friday": ["09:00-16:00"]}))
    clock = await desk.clock(incident)
    assert (clock["calendar_version"], clock["due_at"]) == (2, at(desk.now + timedelta(hours=20, minutes=59)))
    await desk.proof(clock)
