"""Problem management's own rule: frequency × impact × cost makes the priority."""

from itertools import product
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.problem.domain import VERBS, Open, decide, open_problem
from services.problem.domain.orders import Prioritise
from services.problem.lifecycle import Action, State
from services.problem.rules import USUAL, PriorityRule
from shared.errors import Invalid
from tests.problem.samples import desk, problem_in

pytestmark = pytest.mark.capability("PRB-2")
degrees = st.integers(1, 3)
limits = st.lists(st.integers(0, 27), min_size=4, max_size=4).map(lambda found: PriorityRule(up_to=sorted(found)))

# Frequency and impact down, cost across: the usual rule as one would write it on a wall.
WALL = {
    (1, 1): (1, 1, 2), (1, 2): (1, 2, 3), (1, 3): (2, 3, 3),
    (2, 1): (1, 2, 3), (2, 2): (2, 3, 4), (2, 3): (3, 4, 4),
    (3, 1): (2, 3, 3), (3, 2): (3, 4, 4), (3, 3): (3, 4, 5),
}  # fmt: skip


def test_the_usual_rule_is_the_table_on_the_wall() -> None:
    found = {(f, i): tuple(USUAL.priority(f, i, c) for c in (1, 2, 3)) for f, i in product((1, 2, 3), repeat=2)}
    assert found == WALL


@given(limits, degrees, degrees, degrees)
def test_a_priority_is_the_first_whose_limit_the_product_keeps(
    rule: PriorityRule, frequency: int, impact: int, cost: int
) -> None:
    product = sum(1 for _ in range(frequency) for _ in range(impact) for _ in range(cost))
    first, second, third, fourth = rule.up_to
    if product <= first:
        expected = 1
    elif product <= second:
        expected = 2
    elif product <= third:
        expected = 3
    elif product <= fourth:
        expected = 4
    else:
        expected = 5
    assert rule.priority(frequency, impact, cost) == expected


@given(limits, degrees, degrees, degrees)
def test_what_strikes_more_often_or_harder_or_dearer_is_never_less_urgent(
    rule: PriorityRule, frequency: int, impact: int, cost: int
) -> None:
    here = rule.priority(frequency, impact, cost)
    assert rule.priority(max(frequency - 1, 1), impact, cost) <= here
    assert rule.priority(frequency, max(impact - 1, 1), cost) <= here
    assert rule.priority(frequency, impact, max(cost - 1, 1)) <= here


@pytest.mark.parametrize(
    "spec", [{"up_to": [4, 2, 9, 18]}, {"up_to": [2, 4, 9]}, {"up_to": [2, 4, 9, 28]}, {"up_to": [-1, 4, 9, 18]}, {}]
)
def test_a_rule_that_is_none_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        PriorityRule.model_validate(spec)


def test_a_problem_opened_with_all_three_degrees_has_its_priority() -> None:
    problem, events = open_problem(Open(title="x", frequency=2, impact=1, cost=2), desk())
    assert problem.priority == 2
    assert [event.name for event in events] == ["problem.opened", "problem.prioritised"]
    assert [event.priority for event in events] == [None, 2]  # type: ignore[attr-defined]


def test_a_problem_opened_with_two_of_three_degrees_is_refused() -> None:
    with pytest.raises(ValidationError, match="all three or none"):
        Open(title="x", frequency=2, impact=1)


def test_another_priority_than_the_rules_needs_a_reason() -> None:
    problem = problem_in(State.NEW)
    verb = VERBS[Action.PRIORITISE]
    with pytest.raises(Invalid) as refused:
        decide(verb, problem, Prioritise(frequency=3, impact=3, cost=3, priority=1), desk())
    assert refused.value.members["errors"][0]["field"] == "reason"  # type: ignore[index]
    order = Prioritise(frequency=3, impact=3, cost=3, priority=1, reason="The board asks daily")
    (event,) = decide(verb, problem, order, desk())
    assert (problem.priority, problem.priority_overridden, event.overridden) == (1, True, True)  # type: ignore[attr-defined]
    assert decide(verb, problem, order, desk()) == []


def test_the_rules_own_priority_overrides_nothing() -> None:
    problem = problem_in(State.NEW)
    decide(VERBS[Action.PRIORITISE], problem, Prioritise(frequency=1, impact=1, cost=1, priority=1), desk())
    assert (problem.priority, problem.priority_overridden) == (1, False)
