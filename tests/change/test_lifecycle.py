"""Every verb in every state: what it does is written here once more, by hand."""

from itertools import product

import pytest

from services.change.domain import VERBS, decide
from services.change.lifecycle import LIFECYCLE, PERMISSIONS, Action, State
from shared.errors import Conflict
from tests.change.samples import CLASH, ORDERS, change_in, desk

# A verb, and the state after it in each state before: requested, assessed, approved, rejected, implementing,
# implemented, failed, backed_out, closed, cancelled. A dash: refused.
GRID = """
classify     assessed  assessed  assessed  -         -             -            -            -           -       -
schedule     requested assessed  assessed  -         -             -            -            -           -       -
acknowledge  requested assessed  approved  -         -             -            -            -           -       -
approve      -         approved  -         -         -             -            -            -           -       -
authorise    -         approved  -         -         -             -            -            -           -       -
void         -         assessed  assessed  -         -             -            -            -           -       -
reject       rejected  rejected  -         -         -             -            -            -           -       -
cancel       cancelled cancelled cancelled -         -             -            -            -           -       -
start        -         -         implementing -      -             -            -            -           -       -
complete     -         -         -         -         implemented   -            -            -           -       -
fail         -         -         -         -         failed        -            -            -           -       -
back-out     -         -         -         -         backed_out    backed_out   backed_out   -           -       -
repair       -         -         -         -         -             -            implemented  -           -       -
document     -         -         approved  -         implementing  implemented  failed       backed_out  -       -
close        -         -         -         -         -             closed       closed       closed      -       -
assign       requested assessed  approved  -         implementing  -            failed       -           -       -
edit         requested assessed  approved  -         -             -            -            -           -       -
comment      requested assessed  approved  rejected  implementing  implemented  failed       backed_out  closed  cancelled
"""  # noqa: E501 - a table
EXPECTED = {
    (state, Action(line.split()[0])): after
    for line in GRID.strip().splitlines()
    for state, after in zip(State, line.split()[1:], strict=True)
}
EMERGENCY = {Action.AUTHORISE, Action.DOCUMENT}


def test_the_grid_names_every_verb_in_every_state() -> None:
    assert set(EXPECTED) == set(product(State, Action))
    assert set(VERBS) == set(ORDERS) == set(Action)


@pytest.mark.capability("CHG-9")
@pytest.mark.parametrize(("state", "action"), list(product(State, Action)))
def test_a_verb_moves_the_change_or_is_refused_with_what_is_allowed(state: State, action: Action) -> None:
    change = change_in(state, emergency=action in EMERGENCY)
    at = desk(collisions=[CLASH] if action is Action.ACKNOWLEDGE else [])
    after = EXPECTED[state, action]
    if after == "-":
        with pytest.raises(Conflict) as refused:
            decide(VERBS[action], change, ORDERS[action], at)
        if "rule" not in refused.value.members:
            allowed = {a for a in Action if EXPECTED[state, a] != "-"}
            assert set(refused.value.members["allowed"]) == allowed  # type: ignore[call-overload]
        assert change.state == state
    else:
        events = decide(VERBS[action], change, ORDERS[action], at)
        assert change.state == after
        assert events
        assert events[-1].state == after  # type: ignore[attr-defined]


@pytest.mark.parametrize("state", list(State))
def test_allowed_actions_are_those_that_work(state: State) -> None:
    assert set(LIFECYCLE.allowed(state)) == {action for action in Action if EXPECTED[state, action] != "-"}


def test_every_verb_has_a_permission() -> None:
    assert {f"change:{action}" for action in Action} <= set(PERMISSIONS)
