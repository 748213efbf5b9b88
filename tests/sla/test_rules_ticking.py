"""Warnings and breaches that time alone brings."""

import pytest

from services.sla.rules.clock import Clock
from services.sla.rules.fold import advance, fold
from services.sla.rules.ticking import due_warnings, next_due, tick
from tests.sla.given import agreement, at, book, facts, hours, target

pytestmark = pytest.mark.capability("SLM-10")
FRIDAY = "2026-03-06"
WARNED = book(agreement(target(warnings=[0.5, 0.75], pausing_reasons=["user"])))


def opened() -> Clock:
    return fold(facts((f"{FRIDAY} 09:00", "opened")), WARNED).clocks[0]


def test_warnings_are_due_when_their_fraction_of_the_limit_is_used_up() -> None:
    assert due_warnings(opened(), WARNED) == [("1/2", at(f"{FRIDAY} 13:00")), ("3/4", at(f"{FRIDAY} 15:00"))]
    assert next_due(opened(), WARNED, at(f"{FRIDAY} 09:00")) == at(f"{FRIDAY} 13:00")


def test_a_late_tick_tells_everything_in_order_with_the_true_instants_and_only_once() -> None:
    clock, told = tick(opened(), WARNED, at("2026-03-12 12:00"))
    assert [(each.what, each.fraction, each.at) for each in told] == [
        ("warned", "1/2", at(f"{FRIDAY} 13:00")),
        ("warned", "3/4", at(f"{FRIDAY} 15:00")),
        ("breached", None, at("2026-03-09 09:00")),
    ]
    assert told[-1].clock.outcome == "missed"
    assert tick(clock, WARNED, at("2026-03-13 12:00")) == (clock, [])
    assert next_due(clock, WARNED, at("2026-03-12 12:00")) is None


def test_a_tick_decides_nothing_so_a_stop_that_arrives_late_is_still_met() -> None:
    story = facts((f"{FRIDAY} 09:00", "opened"), (f"{FRIDAY} 16:00", "closed"))
    case, _ = advance(None, story[0], WARNED)
    clock, _ = tick(case.clocks[0], WARNED, at("2026-03-09 12:00"))
    assert (clock.outcome, clock.breached_at) == ("pending", None)
    case, told = advance(type(case)(case.record, (clock,)), story[1], WARNED)
    assert (case.clocks[0].outcome, [each.what for each in told]) == ("met", ["stopped"])


def test_at_exactly_late_from_nothing_is_breached_yet() -> None:
    clock, _ = tick(opened(), WARNED, at(f"{FRIDAY} 20:00"))
    assert next_due(clock, WARNED, at(f"{FRIDAY} 20:00")) == at("2026-03-09 09:00")
    assert tick(clock, WARNED, at("2026-03-09 09:00"))[1] == []
    assert [each.what for each in tick(clock, WARNED, at("2026-03-09 09:00:00.000001"))[1]] == ["breached"]


def test_a_breach_that_a_tick_told_is_not_told_again_by_the_next_fact() -> None:
    story = facts((f"{FRIDAY} 09:00", "opened"), ("2026-03-10 09:00", "commented"), ("2026-03-10 10:00", "closed"))
    case, _ = advance(None, story[0], WARNED)
    clock, _ = tick(case.clocks[0], WARNED, at("2026-03-09 12:00"))
    case, told = advance(type(case)(case.record, (clock,)), story[1], WARNED)
    assert told == []
    assert case.clocks[0].outcome == "missed"


def test_a_paused_clock_has_nothing_due_and_a_resumed_one_later_instants() -> None:
    story = facts((f"{FRIDAY} 09:00", "opened"), (f"{FRIDAY} 10:00", "waiting", "user"), (f"{FRIDAY} 12:00", "resumed"))
    paused = fold(story[:2], WARNED).clocks[0]
    assert next_due(paused, WARNED, at(f"{FRIDAY} 11:00")) is None
    assert due_warnings(fold(story, WARNED).clocks[0], WARNED)[0] == ("1/2", at(f"{FRIDAY} 15:00"))


def test_a_longer_limit_arms_the_warnings_that_it_has_not_reached() -> None:
    story = facts((f"{FRIDAY} 09:00", "opened", 1), (f"{FRIDAY} 12:00", "changed", 2))
    case, _ = advance(None, story[0], WARNED)
    clock, _ = tick(case.clocks[0], WARNED, at(f"{FRIDAY} 12:00"))
    assert [fraction for fraction, _ in clock.warned] == ["1/2", "3/4"]
    case, _ = advance(type(case)(case.record, (clock,)), story[1], WARNED)
    assert due_warnings(case.clocks[0], WARNED) == [("1/2", at(f"{FRIDAY} 13:00")), ("3/4", at(f"{FRIDAY} 15:00"))]


@pytest.mark.capability("SLM-6")
def test_a_clock_that_follows_is_due_when_a_new_version_takes_effect_and_breaches_by_it() -> None:
    shorter = target(on_new_version="follow", limits={2: "1h"})
    policies = book(
        agreement(target(on_new_version="follow")), agreement(shorter, version=2, since=at(f"{FRIDAY} 12:00"))
    )
    clock = fold(facts((f"{FRIDAY} 09:00", "opened")), policies).clocks[0]
    assert next_due(clock, policies, at(f"{FRIDAY} 09:00")) == at(f"{FRIDAY} 12:00")
    ticked, told = tick(clock, policies, at(f"{FRIDAY} 12:00"))
    assert [(each.what, each.at, each.clock.limit) for each in told] == [("breached", at(f"{FRIDAY} 12:00"), hours(1))]
    assert tick(ticked, policies, at(f"{FRIDAY} 13:00"))[1] == []
