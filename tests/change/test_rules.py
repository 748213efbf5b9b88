"""Risk, plans, agreed windows and freezes, as calculations; windows against a minute-by-minute oracle."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise, product
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from services.change.lifecycle import State
from services.change.rules.approval import ApprovalPolicy
from services.change.rules.plans import NEEDS, Need, lacks
from services.change.rules.risk import USUAL, RiskRule, class_of, near
from services.change.rules.windows import DAYS, Freeze, Window, days, joined, overlap
from tests.change.samples import RISKY, SAFE, START, change_in
from tests.system import MONDAY

MINUTE = timedelta(minutes=1)


@pytest.mark.capability("CHG-2")
def test_every_set_of_answers_has_the_risk_of_its_points_and_the_class_of_its_risk() -> None:
    seen = set()
    for given_answers in product(*(question.options for question in USUAL.questions.values())):
        answers = dict(zip(USUAL.questions, given_answers, strict=True))
        points = sum(USUAL.questions[q].options[a] for q, a in answers.items())
        expected = "low" if points < 4 else "medium" if points < 8 else "high"
        assert USUAL.risk(sum(USUAL.points(answers).values())) == expected
        seen.add((expected, class_of(USUAL.risk(points))))
    assert seen == {("low", "normal"), ("medium", "normal"), ("high", "major")}
    assert sum(USUAL.points(SAFE).values()) == 0
    assert USUAL.risk(sum(USUAL.points(RISKY).values())) == "high"


def test_answers_that_are_no_answers_are_named() -> None:
    faults = dict(USUAL.faults({"reach": "the moon", "reech": "nobody", "experience": "often", "reversal": "at once"}))
    assert set(faults) == {"reach", "reech", "outage"}
    assert "near it: reach" in faults["reech"]
    assert "one of nobody" in faults["reach"]
    assert near("certficate", ["certificate", "port"], "model").endswith("near it: certificate")


@pytest.mark.parametrize("limits", [(4, 4), (8, 4), (0, 3), (4, 99)])
def test_a_risk_rule_that_could_not_tell_risks_apart_is_refused(limits: tuple[int, int]) -> None:
    questions = {name: each.model_dump() for name, each in USUAL.questions.items()}
    with pytest.raises(ValidationError):
        RiskRule.model_validate({"questions": questions, "medium_from": limits[0], "high_from": limits[1]})


@pytest.mark.parametrize(
    "classes",
    [{"normal": [{"step": "a", "role": "b"}]}, {"normal": [], "major": []},
     {"normal": [{"step": "a", "role": "b"}], "major": [{"step": "a", "role": "b"}, {"step": "a", "role": "c"}]},
     {"emergency": [], "normal": [{"step": "a", "role": "b"}], "major": [{"step": "a", "role": "b"}]}],
)  # fmt: skip
def test_an_approval_policy_that_leaves_a_class_unanswered_is_refused(classes: object) -> None:
    with pytest.raises(ValidationError):
        ApprovalPolicy.model_validate({"classes": classes})


@pytest.mark.capability("CHG-5")
def test_what_each_class_has_to_have_before_it_is_approved() -> None:
    # plan, back-out or remedy, decision time, tested or stated untested
    table = {
        "standard": (True, True, True, True), "normal": (False, True, True, True), "major": (True, True, True, True),
        "emergency": (False, False, False, False),
    }  # fmt: skip
    assert {name: (n.plan, n.reversal, n.decision, n.stated) for name, n in NEEDS.items()} == table
    change = change_in(State.ASSESSED)
    change.plan = change.backout = change.remedy = " "
    change.backout_minutes = change.backout_tested = None
    assert len(lacks(change, NEEDS["major"])) == 4
    assert lacks(change, NEEDS["emergency"]) == []
    change.remedy, change.backout_tested = "Mend it", False
    assert lacks(change, Need(plan=False, reversal=True, decision=False, stated=True)) == []


spans = st.tuples(st.integers(0, 47), st.integers(1, 48)).filter(lambda each: each[0] != each[1] % 48)
span_texts = spans.map(lambda each: f"{each[0] // 2:02}:{each[0] % 2 * 30:02}-{each[1] // 2:02}:{each[1] % 2 * 30:02}")
weeks = st.dictionaries(st.sampled_from([*DAYS, "monday-friday", "saturday-monday"]), st.lists(span_texts, max_size=2),
                        min_size=1, max_size=3).filter(lambda week: any(week.values()))  # fmt: skip


def inside(window: Window, instant: datetime) -> bool:
    """Whether it is open at an instant, by the clock on the wall and no other means."""
    wall = instant.astimezone(ZoneInfo(window.zone))
    minutes = wall.hour * 60 + wall.minute
    for key, written in window.weekly.items():
        for each in written:
            first, last = (int(part[:2]) * 60 + int(part[3:]) for part in each.split("-"))
            if first < last and wall.weekday() in days(key) and first <= minutes < last:
                return True
            if first >= last and wall.weekday() in days(key) and minutes >= first:
                return True
            if first >= last and (wall.weekday() - 1) % 7 in days(key) and minutes < last:
                return True
    return False


@pytest.mark.capability("CHG-7")
@settings(max_examples=150, deadline=None)
@given(weeks, st.integers(0, 7 * 48), st.integers(1, 96))
@example({"monday-friday": ["22:00-05:00"]}, 44, 14)
def test_a_window_of_the_week_is_what_the_clock_on_the_wall_says(
    week: dict[str, list[str]], at: int, long: int
) -> None:
    window = Window(zone="Europe/Berlin", weekly=week, items=("a",))
    # A week without a change of the clocks.
    begins = datetime(2026, 3, 2, tzinfo=UTC) + at * 30 * MINUTE
    ends = begins + long * 30 * MINUTE
    closed = [begins + n * 30 * MINUTE for n in range(long) if not inside(window, begins + n * 30 * MINUTE)]
    found = window.outside(begins, ends)
    assert (found is None) == (not closed)
    if found is not None:
        assert found[0] == closed[0]
        assert all(
            not inside(window, found[0] + n * 30 * MINUTE) for n in range((found[1] - found[0]) // (30 * MINUTE))
        )
        assert found[1] == ends or inside(window, found[1])


def test_a_night_in_which_the_clocks_change_is_as_long_as_it_is() -> None:
    window = Window(zone="Europe/Berlin", weekly={"saturday": ("22:00-06:00",)}, items=("a",))
    # 28 March 2026: 22:00 CET is 21:00 UTC, 06:00 CEST is 04:00 UTC.
    night = datetime(2026, 3, 28, 21, 0, tzinfo=UTC), datetime(2026, 3, 29, 4, 0, tzinfo=UTC)
    assert window.outside(*night) is None
    assert window.outside(night[0], night[1] + MINUTE) == (night[1], night[1] + MINUTE)
    assert window.outside(night[0] - MINUTE, night[1]) == (night[0] - MINUTE, night[0])


@pytest.mark.parametrize(
    "spec",
    [{"zone": "Mars/Base", "weekly": {"monday": ["10:00-11:00"]}, "items": ["a"]},
     {"zone": "UTC", "weekly": {"moonday": ["10:00-11:00"]}, "items": ["a"]},
     {"zone": "UTC", "weekly": {"monday": ["10-11"]}, "items": ["a"]},
     {"zone": "UTC", "weekly": {"monday": ["10:00-10:00"]}, "items": ["a"]},
     {"zone": "UTC", "weekly": {"monday": []}, "items": ["a"]},
     {"zone": "UTC", "weekly": {"monday": ["10:00-11:00"]}}],
)  # fmt: skip
def test_a_window_that_nobody_could_keep_is_refused(spec: object) -> None:
    with pytest.raises(ValidationError):
        Window.model_validate(spec)


def test_a_freeze_that_ends_before_it_begins_is_refused() -> None:
    with pytest.raises(ValidationError):
        Freeze(begins=START, ends=START)


intervals = st.tuples(st.integers(0, 50), st.integers(0, 50)).map(
    lambda both: (MONDAY + min(both) * MINUTE, MONDAY + max(both) * MINUTE)
)


@given(st.lists(intervals, max_size=8))
def test_joined_intervals_hold_the_same_minutes_and_do_not_touch(
    given_intervals: list[tuple[datetime, datetime]],
) -> None:
    def minutes(some: list[tuple[datetime, datetime]]) -> set[int]:
        return {n for n in range(50) for first, last in some if first <= MONDAY + n * MINUTE < last}

    found = joined(given_intervals)
    assert minutes(found) == minutes(given_intervals)
    assert all(earlier[1] < later[0] for earlier, later in pairwise(found))


@given(intervals, intervals)
def test_windows_that_only_touch_do_not_overlap(one: tuple[datetime, datetime], two: tuple[datetime, datetime]) -> None:
    found = overlap(one, two)
    both = [n for n in range(50) if all(each[0] <= MONDAY + n * MINUTE < each[1] for each in (one, two))]
    assert (found is not None) == bool(both)
    assert found == overlap(two, one)
