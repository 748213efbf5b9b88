"""Every verb in every state: what it does is written here once more, by hand."""

from itertools import product

import pytest

from services.problem.domain import VERBS, decide
from services.problem.lifecycle import LIFECYCLE, PERMISSIONS, Action, State
from shared.errors import Conflict
from tests.problem.samples import ORDERS, desk, problem_in

# Verb: new, active, waiting, resolved, closed, cancelled. A dash: refused.
GRID = """
start            active     -          -          -         -       -
resume           -          -          active     -         -       -
wait             waiting    waiting    waiting    -         -       -
request-change   waiting    waiting    waiting    -         -       -
resolve          resolved   resolved   resolved   -         -       -
cancel           cancelled  cancelled  cancelled  -         -       -
close            -          -          -          closed    -       -
reopen           -          -          -          active    active  -
assign           new        active     waiting    resolved  -       -
prioritise       new        active     waiting    resolved  -       -
classify         new        active     waiting    resolved  -       -
workaround       new        active     waiting    resolved  -       -
edit             new        active     waiting    resolved  -       -
link             new        active     waiting    resolved  closed  -
unlink           new        active     waiting    resolved  closed  -
comment          new        active     waiting    resolved  closed  cancelled
identify-cause   new        active     waiting    resolved  -       -
review           -          -          -          resolved  closed  -
propose-improvement new     active     waiting    resolved  closed  -
"""
EXPECTED = {
    (state, Action(line.split()[0])): after
    for line in GRID.strip().splitlines()
    for state, after in zip(State, line.split()[1:], strict=True)
}


def test_the_grid_names_every_verb_in_every_state() -> None:
    assert set(EXPECTED) == set(product(State, Action))
    assert set(VERBS) == set(ORDERS) == set(Action)


@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_a_verb_moves_the_problem_or_is_refused_with_what_is_allowed(state: State, action: Action) -> None:
    problem = problem_in(state)
    after = EXPECTED[state, action]
    if after == "-":
        with pytest.raises(Conflict) as refused:
            decide(VERBS[action], problem, ORDERS[action], desk())
        assert set(refused.value.members["allowed"]) == {a for a in Action if EXPECTED[state, a] != "-"}  # type: ignore[call-overload]
        assert problem.state == state
    else:
        events = decide(VERBS[action], problem, ORDERS[action], desk())
        assert problem.state == after
        assert events and all(event.state == after for event in events)  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", list(State))
def test_allowed_actions_are_those_that_work(state: State) -> None:
    assert set(LIFECYCLE.allowed(state)) == {action for action in Action if EXPECTED[state, action] != "-"}


def test_every_verb_has_a_permission() -> None:
    assert {f"problem:{action}" for action in Action} <= set(PERMISSIONS)
