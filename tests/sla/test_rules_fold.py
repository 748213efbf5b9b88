"""The clock by example: each rule of the definition, and each row of its table of what changes in mid-flight."""

from dataclasses import replace
from datetime import timedelta

import pytest

from services.sla.rules.agreements import Book
from services.sla.rules.clock import Clock, judge
from services.sla.rules.facts import Fact
from services.sla.rules.fold import Case, advance, fold
from services.sla.rules.verification import differences
from tests.sla.given import ALWAYS, OFFICE_HOURS, agreement, at, book, calendar, facts, hours, target

pytestmark = pytest.mark.capability("SLM-5")
MONDAY = "2026-03-02"
FRIDAY = "2026-03-06"


def clock_of(told: list[Fact], policies: Book) -> Clock:
    """The last clock of the folded facts, which the verification confirms."""
    case = fold(told, policies)
    assert differences(case, told, policies) == []
    return case.clocks[-1]


def happened(told: list[Fact], policies: Book) -> list[str]:
    case: Case | None = None
    names: list[str] = []
    for fact in told:
        case, out = advance(case, fact, policies)
        names += [each.what for each in out]
    return names


def test_equal_is_met_also_when_the_stop_comes_in_closed_hours() -> None:
    told = facts((f"{FRIDAY} 09:00", "opened"), (f"{FRIDAY} 21:00", "closed"))
    clock = clock_of(told, book())
    assert (clock.elapsed, clock.outcome) == (hours(8), "met")


def test_due_is_friday_17_00_and_late_from_is_monday_09_00() -> None:
    clock = clock_of(facts((f"{FRIDAY} 09:00", "opened")), book())
    assert (clock.due_at, clock.late_from) == (at("2026-03-06 17:00"), at("2026-03-09 09:00"))


def test_a_stop_at_exactly_late_from_is_met_and_a_microsecond_later_is_missed() -> None:
    told = facts((f"{FRIDAY} 09:00", "opened"), ("2026-03-09 09:00", "closed"))
    assert clock_of(told, book()).outcome == "met"
    told[-1] = replace(told[-1], at=told[-1].at + timedelta(microseconds=1))
    clock = clock_of(told, book())
    assert (clock.outcome, clock.breached_at) == ("missed", at("2026-03-09 09:00"))
    assert clock.breach_cause == "time"


def test_a_breach_is_a_fact_of_the_timeline_whoever_looked_when() -> None:
    case = fold(facts((f"{MONDAY} 09:00", "opened")), book())
    view = judge(case.clocks[0], book(), at(f"{MONDAY} 17:00"))
    assert (view.outcome, view.elapsed) == ("pending", hours(8))
    for look in ("2026-03-03 09:00:00.000001", "2026-03-30 12:00"):
        view = judge(case.clocks[0], book(), at(look))
        assert (view.outcome, view.breached_at) == ("missed", at("2026-03-03 09:00"))
    assert judge(case.clocks[0], book(), at("2026-03-03 09:00")).outcome == "pending"
    assert case.clocks[0].outcome == "pending"


def test_waiting_pauses_only_for_the_reasons_of_the_target() -> None:
    policies = book(agreement(target(pausing_reasons=["user"])))
    story = [
        (f"{MONDAY} 09:00", "opened"),
        (f"{MONDAY} 10:00", "waiting", "user"),
        (f"{MONDAY} 12:00", "waiting", "vendor"),
        (f"{MONDAY} 13:00", "waiting", "user"),
    ]
    clock = clock_of(facts(*story), policies)
    assert (clock.state, clock.elapsed, clock.due_at, clock.late_from) == ("paused", hours(2), None, None)
    assert clock.pause_reason == "user"
    clock = clock_of(facts(*story, (f"{MONDAY} 16:00", "resumed"), ("2026-03-03 11:00", "closed")), policies)
    assert (clock.elapsed, clock.outcome) == (hours(5), "met")
    assert happened(facts(*story), policies) == ["started", "paused", "resumed", "paused"]


def test_pausing_in_closed_hours_costs_nothing() -> None:
    policies = book(agreement(target(pausing_reasons=["user"])))
    night = [(f"{MONDAY} 18:00", "waiting", "user"), (f"{MONDAY} 23:00", "resumed")]
    with_pause = clock_of(facts((f"{MONDAY} 16:00", "opened"), *night, ("2026-03-03 12:00", "closed")), policies)
    assert with_pause.elapsed == hours(4)


def test_a_state_can_pause_too() -> None:
    policies = book(agreement(target(pausing_states=["resolved"])))
    told = facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 11:00", "resolved"), ("2026-03-12 11:00", "closed"))
    assert clock_of(told, policies).elapsed == hours(2)


@pytest.mark.parametrize(
    ("measure", "elapsed"),
    [("respond", 1), ("resolve", 3), ("fulfil", 3), ("close", 5), ({"start": "taken_up", "stop": "resolved"}, 2)],
)
def test_each_measure_has_its_own_start_and_stop(measure: object, elapsed: int) -> None:
    told = facts(
        (f"{MONDAY} 09:00", "opened"),
        (f"{MONDAY} 10:00", "taken_up"),
        (f"{MONDAY} 12:00", "resolved"),
        (f"{MONDAY} 14:00", "closed"),
    )
    clock = clock_of(told, book(agreement(target(measure=measure))))
    assert (clock.state, clock.elapsed) == ("stopped", hours(elapsed))


def test_who_resolves_has_taken_up_and_who_closes_has_resolved() -> None:
    policies = book(agreement(target(measure="respond", name="r"), target(measure="resolve", name="s")))
    case = fold(facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 10:00", "closed")), policies)
    assert [clock.state for clock in case.clocks] == ["stopped", "stopped"]


@pytest.mark.capability("SLM-6")
@pytest.mark.parametrize(
    ("rule", "elapsed", "limit", "due"),
    [
        ("carry", 3, 4, f"{MONDAY} 13:00"),
        ("restart", 0, 4, f"{MONDAY} 16:00"),
        ("keep", 3, 8, f"{MONDAY} 17:00"),
    ],
)
def test_another_priority_follows_the_declared_rule(rule: str, elapsed: int, limit: int, due: str) -> None:
    policies = book(agreement(target(on_priority_change=rule)))
    told = facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 12:00", "changed", 1))
    clock = judge(clock_of(told, policies), policies, at(f"{MONDAY} 12:00"))
    assert (clock.elapsed, clock.limit, clock.due_at) == (hours(elapsed), hours(limit), at(due))
    entry = clock.trace[-1]
    assert (entry["what"], entry["rule"], entry["cause"]) == ("retargeted", rule, "priority")
    assert entry["before"]["held"][:2] == ["sla", 1]
    assert "retargeted" in happened(told, policies)


@pytest.mark.capability("SLM-6")
def test_carried_above_the_new_limit_is_missed_at_that_instant() -> None:
    told = facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 15:00", "changed", 1))
    clock = clock_of(told, book())
    assert (clock.outcome, clock.breached_at, clock.breach_cause) == ("missed", at(f"{MONDAY} 15:00"), "retargeted")
    assert clock.due_at is None
    assert happened(told, book()) == ["started", "retargeted", "breached"]


@pytest.mark.capability("SLM-6")
def test_carried_to_exactly_the_new_limit_is_not_yet_missed() -> None:
    told = facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 13:00", "changed", 1), (f"{MONDAY} 13:00", "closed"))
    assert clock_of(told, book()).outcome == "met"


@pytest.mark.capability("SLM-6")
def test_a_paused_clock_carried_above_the_new_limit_is_missed_at_that_instant() -> None:
    policies = book(agreement(target(pausing_reasons=["user"])))
    told = facts(
        (f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 15:00", "waiting", "user"), ("2026-03-04 03:00", "changed", 1)
    )
    assert clock_of(told, policies).breached_at == at("2026-03-04 03:00")


@pytest.mark.capability("SLM-6")
def test_a_longer_limit_makes_a_missed_clock_pending_again_and_the_trace_keeps_the_breach() -> None:
    told = facts((f"{MONDAY} 09:00", "opened", 1), (f"{MONDAY} 14:00", "changed", 2), (f"{MONDAY} 16:00", "closed"))
    clock = clock_of(told, book())
    assert (clock.outcome, clock.breached_at) == ("met", None)
    assert [entry["what"] for entry in clock.trace] == ["started", "breached", "retargeted", "stopped"]


@pytest.mark.capability("SLM-6")
def test_another_priority_can_bring_another_calendar() -> None:
    urgent = target(name="urgent", limits={1: "4h"}, calendar="always")
    policies = book(
        agreement(urgent, target(limits={2: "8h"})), hours=[calendar(OFFICE_HOURS), calendar(ALWAYS, "always")]
    )
    clock = clock_of(facts((f"{MONDAY} 16:00", "opened"), (f"{MONDAY} 22:00", "changed", 1)), policies)
    assert clock.due_at == at("2026-03-03 01:00")


@pytest.mark.capability("SLM-6")
@pytest.mark.parametrize(("rule", "limit", "version"), [("pin", 8, 1), ("follow", 6, 2)])
def test_a_new_agreement_version_is_followed_or_not(rule: str, limit: int, version: int) -> None:
    second = target(on_new_version=rule, limits={1: "2h", 2: "6h"})
    policies = book(agreement(target(on_new_version=rule)), agreement(second, version=2, since=at(f"{MONDAY} 12:00")))
    told = facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 13:00", "commented"))
    clock = clock_of(told, policies)
    assert (clock.limit, clock.held.agreement_version) == (hours(limit), version)
    if rule == "follow":
        assert clock.trace[-1]["at"] == at(f"{MONDAY} 12:00").isoformat()
        assert clock.trace[-1]["cause"] == "agreement"
    late = fold(facts((f"{MONDAY} 13:00", "opened")), policies).clocks[0]
    assert late.held.agreement_version == 2


@pytest.mark.capability("SLM-6")
@pytest.mark.parametrize(("rule", "elapsed"), [("pin", 2), ("follow", 5)])
def test_a_new_calendar_version_is_followed_or_not(rule: str, elapsed: int) -> None:
    longer = {"zone": "UTC", "weekly": {"monday-friday": ["09:00-20:00"]}}
    policies = book(
        agreement(target(on_new_version=rule)),
        hours=[calendar(OFFICE_HOURS), calendar(longer, version=2, since=at(f"{MONDAY} 16:00"))],
    )
    told = facts((f"{MONDAY} 15:00", "opened"), (f"{MONDAY} 20:00", "closed"))
    assert clock_of(told, policies).elapsed == hours(elapsed)


@pytest.mark.capability("SLM-6")
def test_a_pinned_clock_keeps_its_versions_when_the_priority_changes() -> None:
    policies = book(agreement(), agreement(target(limits={1: "1h"}), version=2, since=at(f"{MONDAY} 10:00")))
    clock = clock_of(facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 11:00", "changed", 1)), policies)
    assert (clock.held.agreement_version, clock.limit) == (1, hours(4))


@pytest.mark.capability("SLM-6")
def test_a_pinned_clock_keeps_its_calendar_version_when_the_priority_changes() -> None:
    longer = {"zone": "UTC", "weekly": {"monday-friday": ["09:00-20:00"]}}
    versions = [calendar(OFFICE_HOURS), calendar(longer, version=2, since=at(f"{MONDAY} 10:00"))]
    told = facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 11:00", "changed", 3), (f"{MONDAY} 20:00", "closed"))
    clock = clock_of(told, book(hours=versions))
    assert (clock.held.calendar_version, clock.limit, clock.elapsed) == (1, hours(40), hours(8))


REOPENED = [(f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 11:00", "closed"), ("2026-03-04 09:00", "reopened")]


@pytest.mark.capability("SLM-6")
def test_reopened_with_continue_the_stopped_interval_does_not_count() -> None:
    clock = clock_of(facts(*REOPENED), book())
    assert (clock.state, clock.outcome, clock.elapsed, clock.stopped_at) == ("running", "pending", hours(2), None)
    assert clock.due_at == at("2026-03-04 15:00")
    clock = clock_of(facts(*REOPENED, ("2026-03-04 15:00", "closed")), book())
    assert (clock.outcome, clock.elapsed) == ("met", hours(8))


@pytest.mark.capability("SLM-6")
def test_reopened_after_a_miss_it_stays_missed() -> None:
    told = facts((f"{MONDAY} 09:00", "opened", 1), (f"{MONDAY} 14:00", "closed"), ("2026-03-04 09:00", "reopened"))
    clock = clock_of(told, book())
    assert (clock.state, clock.outcome, clock.breached_at) == ("running", "missed", at(f"{MONDAY} 13:00"))


@pytest.mark.capability("SLM-6")
def test_reopened_with_restart_there_is_a_second_clock_and_the_first_keeps_its_outcome() -> None:
    policies = book(agreement(target(on_reopen="restart")))
    told = facts(*REOPENED, ("2026-03-04 10:00", "closed"), ("2026-03-05 10:00", "reopened"))
    case = fold(told, policies)
    assert [(each.ordinal, each.outcome, each.elapsed) for each in case.clocks] == [
        (1, "met", hours(2)),
        (2, "met", hours(1)),
        (3, "pending", hours(0)),
    ]
    assert differences(case, told, policies) == []


@pytest.mark.capability("SLM-6")
def test_reopened_with_ignore_nothing_happens() -> None:
    policies = book(agreement(target(on_reopen="ignore")))
    assert clock_of(facts(*REOPENED), policies).state == "stopped"
    assert happened(facts(*REOPENED), policies) == ["started", "stopped"]


@pytest.mark.capability("SLM-6")
def test_a_reopening_does_not_undo_the_first_response() -> None:
    policies = book(agreement(target(measure="respond")))
    clock = clock_of(facts(*REOPENED), policies)
    assert (clock.state, clock.outcome) == ("stopped", "met")


@pytest.mark.parametrize("reason", ["withdrawn", "duplicate"])
def test_withdrawn_and_duplicate_cancel_without_an_outcome(reason: str) -> None:
    told = facts((f"{MONDAY} 09:00", "opened", 1), ("2026-03-05 09:00", "cancelled", reason))
    clock = clock_of(told, book())
    assert (clock.state, clock.outcome, clock.due_at, clock.cancel_reason) == ("cancelled", "pending", None, reason)
    assert clock.trace[-1]["what"] == "cancelled"


def test_a_time_that_went_back_counts_as_its_predecessors_and_leaves_a_flag() -> None:
    told = facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 12:00", "commented"), (f"{MONDAY} 10:00", "closed"))
    clock = clock_of(told, book())
    assert (clock.stopped_at, clock.elapsed, clock.time_went_back) == (at(f"{MONDAY} 12:00"), hours(3), True)
    assert not clock_of(told[:2], book()).time_went_back


def test_a_duplicate_changes_nothing_and_order_is_by_sequence() -> None:
    told = facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 12:00", "closed"))
    case = fold(told, book())
    for again in told:
        after, out = advance(case, again, book())
        assert after is case
        assert out == []
    assert fold(reversed(told), book()) == case


@pytest.mark.capability("SLM-6")
def test_a_record_that_no_promise_covers_has_its_clock_cancelled_until_one_covers_it_again() -> None:
    story = [(f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 11:00", "changed", 5), (f"{MONDAY} 13:00", "changed", 2)]
    clock = clock_of(facts(*story[:2]), book())
    assert (clock.state, clock.cancel_reason) == ("cancelled", "retargeted")
    clock = clock_of(facts(*story), book())
    assert (clock.state, clock.elapsed, clock.due_at) == ("running", hours(2), at("2026-03-03 11:00"))


def test_a_target_that_first_applies_in_mid_flight_starts_there() -> None:
    told = facts((f"{MONDAY} 09:00", "opened", 5), (f"{MONDAY} 11:00", "changed", 2))
    assert clock_of(told, book()).started_at == at(f"{MONDAY} 11:00")


def test_a_fact_that_moves_nothing_leaves_the_same_object() -> None:
    opened, commented = facts((f"{MONDAY} 09:00", "opened"), (f"{MONDAY} 10:00", "commented"))
    case, _ = advance(None, opened, book())
    after, out = advance(case, commented, book())
    assert after.clocks[0] is case.clocks[0]
    assert out == []
