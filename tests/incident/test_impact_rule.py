"""The impact that a failure reaches: the rule against a count of its own, over every small estate (INC-3)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.incident.rules import USUAL_IMPACT, ImpactRule
from services.incident.rules.impact import Step

pytestmark = pytest.mark.capability("INC-3")
criticalities = st.lists(st.none() | st.integers(1, 3), max_size=8)
steps = st.builds(Step, impact=st.integers(1, 3), criticality=st.integers(1, 3), at_least=st.integers(1, 4))
rules = st.builds(ImpactRule, steps=st.lists(steps, min_size=1, max_size=4), otherwise=st.integers(1, 3))


def counted(rule: ImpactRule, services: list[int | None]) -> int:
    """By sorting instead of counting: the n-th worst service is what decides whether a step holds."""
    worst = sorted(3 if each is None else each for each in services)
    for step in rule.steps:
        if len(worst) >= step.at_least and worst[step.at_least - 1] <= step.criticality:
            return step.impact
    return rule.otherwise


@given(rules, criticalities)
def test_the_first_step_that_holds_gives_the_impact(rule: ImpactRule, services: list[int | None]) -> None:
    impact, reason = rule.judged(services)
    assert impact == counted(rule, services)
    assert reason.endswith(f"impact {impact}")


@given(criticalities, st.integers(1, 3))
def test_by_the_usual_rule_more_or_worse_services_never_make_an_impact_lower(
    services: list[int | None], another: int
) -> None:
    assert USUAL_IMPACT.judged([*services, another])[0] <= USUAL_IMPACT.judged(services)[0]


@pytest.mark.parametrize(
    ("services", "impact"),
    [
        ([], 3), ([None], 3), ([3, 3], 3), ([3, 3, 3], 2), ([2], 2), ([2, 2], 2), ([2, 2, 2], 1), ([1], 1),
    ],
)  # fmt: skip
def test_the_usual_rule(services: list[int | None], impact: int) -> None:
    assert USUAL_IMPACT.judged(services)[0] == impact
