"""What stands behind a promise: the worst case against a walk through every minute, and which targets are compared."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.rules.chains import chains
from services.sla.rules.worst_case import Step, worst_case
from tests.sla import oracle
from tests.sla.given import ALWAYS, OFFICE_HOURS, agreement, at, book, calendar, examples, hours, target
from tests.sla.test_rules_oracle import CLOCKS, MARGIN, openings, windows

pytestmark = pytest.mark.capability("SLM-3")
SIX = {"zone": "Europe/Berlin", "weekly": {"monday-saturday": ["08:00-20:00"]}}


def walked(promise: bytearray, steps: list[tuple[bytearray, int]], start: int) -> int:
    """The open minutes of the promise until the last step is late, minute by minute."""
    minute, passed = start, 0
    for opened, limit in steps:
        left = limit
        while left or not opened[minute]:
            left -= opened[minute]
            passed += promise[minute]
            minute += 1
    return passed


@settings(CLOCKS, max_examples=examples(40))
@given(st.data())
def test_the_worst_case_is_the_worst_of_all_minutes(data: st.DataObject) -> None:
    seen, zone = data.draw(windows())
    promise = data.draw(openings(seen, zone))
    behind = [data.draw(openings(seen, zone)) for _ in range(data.draw(st.integers(1, 3)))]
    limits = [data.draw(st.integers(1, 400)) for _ in behind]
    begins = MARGIN + data.draw(st.integers(0, 3 * 1440))
    ends = begins + data.draw(st.integers(1, 4 * 1440))
    steps = [Step(each.version, timedelta(minutes=limit)) for each, limit in zip(behind, limits, strict=True)]
    found = worst_case(promise.version, steps, oracle.instant(seen, begins), oracle.instant(seen, ends))
    assert found.length is not None
    opened = [(each.opened, limit) for each, limit in zip(behind, limits, strict=True)]
    try:
        by_minutes = max(walked(promise.opened, opened, minute) for minute in range(begins, ends)) * oracle.MINUTE
    except IndexError:
        return  # a step ends after the oracle's window
    if found.begins_at == oracle.instant(seen, ends) - timedelta(microseconds=1):
        assert by_minutes <= found.length < by_minutes + oracle.MINUTE
    else:
        assert found.length == by_minutes


def test_the_same_hours_are_compared_by_their_limits_alone() -> None:
    office = calendar(OFFICE_HOURS)
    found = worst_case(office, [Step(calendar(OFFICE_HOURS), hours(3)), Step(office, hours(2))],
                       at("2026-01-01 00:00"), at("2027-01-01 00:00"))  # fmt: skip
    assert found.length == hours(5)


def test_who_works_in_office_hours_cannot_stand_behind_a_promise_of_day_and_night() -> None:
    """Four hours from Friday 13:00 on are over on Monday 09:00: 68 hours, and the whole weekend lies between."""
    found = worst_case(calendar(ALWAYS), [Step(calendar(OFFICE_HOURS), hours(4))],
                       at("2026-03-02 00:00"), at("2026-03-30 00:00"))  # fmt: skip
    assert (found.length, found.begins_at) == (hours(68), at("2026-03-06 13:00"))


def test_who_works_day_and_night_stands_behind_a_promise_in_office_hours() -> None:
    found = worst_case(calendar(OFFICE_HOURS), [Step(calendar(ALWAYS), hours(4))],
                       at("2026-03-02 00:00"), at("2026-03-30 00:00"))  # fmt: skip
    assert found.length == hours(4)


def ola(name: str, *targets: dict[str, Any], since: datetime | None = None, **spec: Any) -> Any:
    spec = {"kind": "OLA", "parties": {"customer": "desk", "provider": name}, "supports": ["sla"], **spec}
    return agreement(*targets, name=name, since=since or at("2000-01-01 00:00"), **spec)


def test_what_is_compared_has_the_measure_the_kind_and_the_priority_of_the_promise() -> None:
    found = list(chains(book(agreement(), ola("network", target(measure="resolve")))))
    assert found == []
    found = list(chains(book(agreement(), ola("network", target(kinds=["request"])))))
    assert found == []
    found = list(chains(book(agreement(), ola("network", target(limits={2: "9h", 5: "1h"})))))
    assert [(each.priority, each.limit, each.worst().length, each.holds(each.worst())) for each in found] == [
        (2, hours(8), hours(9), False)]  # fmt: skip


def test_targets_of_one_chain_are_added_and_others_stand_for_themselves() -> None:
    one, two, three = (ola(name, target(limits={2: "4h"}, chain=chain))
                       for name, chain in (("a", "line"), ("b", "line"), ("c", None)))  # fmt: skip
    found = list(chains(book(agreement(), one, two, three)))
    assert sorted((each.worst().length, tuple(s.agreement.name for s in each.supports)) for each in found) == [
        (hours(4), ("c",)), (hours(8), ("a", "b"))]  # fmt: skip


def test_a_target_says_what_it_supports_where_its_agreement_does_not() -> None:
    other = agreement(name="other")
    found = list(chains(book(agreement(), other, ola("network", target(supports=["other"])))))
    assert {each.agreement.name for each in found} == {"other"}


def test_every_combination_of_versions_is_judged_for_as_long_as_it_holds() -> None:
    slower = agreement(target(limits={2: "4h"}), version=2, since=at("2026-05-01 00:00"))
    late = calendar(SIX, version=2, since=at("2026-06-01 00:00"))
    supporting = ola("network", target(limits={2: "6h"}), since=at("2026-04-01 00:00"),
                     period={"from": "2000-01-01", "to": "2026-07-31"})  # fmt: skip
    found = list(chains(book(agreement(), slower, supporting, hours=[calendar(OFFICE_HOURS), late])))
    assert [(each.begins, each.ends, each.agreement.version, each.calendar.version) for each in found] == [
        (at("2026-04-01 00:00"), at("2026-05-01 00:00"), 1, 1),
        (at("2026-05-01 00:00"), at("2026-06-01 00:00"), 2, 1),
        (at("2026-06-01 00:00"), at("2026-08-01 00:00"), 2, 2),
    ]
    assert [each.holds(each.worst()) for each in found] == [True, False, False]
    after = datetime(2026, 5, 1, tzinfo=UTC)
    assert next(chains(book(agreement(), slower, supporting), after)).begins == after
