"""Every state with every action: the table once more, as a drawing, and that the verbs keep to it."""

import pytest

from contracts import incident as contract
from contracts import major_incident as major_contract
from services.incident.domain import VERBS
from services.incident.domain.major import MAJOR_VERBS
from services.incident.lifecycle import (
    LIFECYCLE,
    MAJOR_LIFECYCLE,
    PERMISSIONS,
    Action,
    MajorAction,
    MajorState,
    State,
)
from shared.errors import Conflict
from tests.incident.samples import ORDERS, act, at, brought, prepared

# Written apart from the table in the service: whoever changes one has to mean it in the other.
# A letter is the state after the action, a dot a move that is refused.
LETTERS = {
    "n": State.NEW, "a": State.ACTIVE, "w": State.WAITING, "r": State.RESOLVED, "c": State.CLOSED,
    "x": State.CANCELLED, ".": None,
}  # fmt: skip
DRAWING = """
              new active waiting resolved closed cancelled
assign         n    a       w       r       .       .
start          a    .       .       .       .       .
wait           w    w       w       .       .       .
resume         .    .       a       .       .       .
resolve        r    r       r       .       .       .
confirm        .    .       .       c       .       .
close          c    c       c       c       .       .
reopen         .    .       .       a       a       .
cancel         x    x       x       .       .       .
prioritise     n    a       w       r       .       .
classify       n    a       w       r       .       .
escalate       n    a       w       .       .       .
acknowledge    n    a       w       r       .       .
link           n    a       w       r       c       .
unlink         n    a       w       r       .       .
edit           n    a       w       r       .       .
comment        n    a       w       r       c       x
inform         n    a       w       r       .       .
apply-workaround n  a       w       r       .       .
log-effort     n    a       w       r       .       .
record-outage  n    a       w       r       .       .
end-outage     n    a       w       r       c       .
withdraw-outage n   a       w       r       .       .
suspect-change n    a       w       r       c       .
confirm-change n    a       w       r       c       .
dismiss-change n    a       w       r       c       .
"""


def drawn() -> dict[tuple[State, Action], State | None]:
    head, *rows = DRAWING.strip().splitlines()
    states = [State(name) for name in head.split()]
    return {
        (state, Action(name)): LETTERS[letter]
        for name, *letters in map(str.split, rows)
        for state, letter in zip(states, letters, strict=True)
    }


DRAWN = drawn()
EVERY = [(state, action) for state in State for action in Action]


def test_the_drawing_has_every_state_with_every_action() -> None:
    assert set(DRAWN) == set(EVERY)


def test_the_states_of_the_contract_are_those_of_the_service() -> None:
    assert set(contract.State.__args__) == {str(state) for state in State}  # type: ignore[attr-defined]


def test_every_action_has_a_verb_and_a_permission() -> None:
    assert set(VERBS) == set(Action) == set(ORDERS)
    assert {f"incident:{action}" for action in Action} <= set(PERMISSIONS)


@pytest.mark.capability("INC-8")
@pytest.mark.parametrize(("state", "action"), EVERY, ids=lambda each: str(each))
def test_the_table_is_what_is_drawn(state: State, action: Action) -> None:
    expected = DRAWN[state, action]
    if expected is None:
        with pytest.raises(Conflict) as refused:
            LIFECYCLE.after(state, action)
        assert refused.value.members["allowed"] == list(LIFECYCLE.allowed(state))
    else:
        assert LIFECYCLE.after(state, action) is expected


@pytest.mark.capability("INC-8")
@pytest.mark.parametrize(("state", "action"), EVERY, ids=lambda each: str(each))
def test_a_verb_moves_as_drawn_or_refuses_and_leaves_nothing_told(state: State, action: Action) -> None:
    incident = prepared(brought(state), action)
    expected = DRAWN[state, action]
    if expected is None:
        with pytest.raises(Conflict):
            act(incident, action, at(10), **ORDERS[action])
    else:
        events = act(incident, action, at(10), **ORDERS[action])
        assert incident.state == expected
        assert events
        assert {event.model_dump()["state"] for event in events} == {str(expected)}


def test_what_is_allowed_is_listed_in_the_order_of_a_days_work() -> None:
    assert LIFECYCLE.allowed(State.RESOLVED)[:3] == (Action.CONFIRM, Action.CLOSE, Action.REOPEN)


MAJOR_DRAWING: dict[MajorAction, tuple[MajorState | None, MajorState | None, MajorState | None]] = {
    # from            declared              stood_down            reviewed
    MajorAction.HAND_OVER: (MajorState.DECLARED, None, None),
    MajorAction.ASSIGN_ROLE: (MajorState.DECLARED, None, None),
    MajorAction.SEND_UPDATE: (MajorState.DECLARED, None, None),
    MajorAction.STAND_DOWN: (MajorState.STOOD_DOWN, None, None),
    MajorAction.REVIEW: (None, MajorState.REVIEWED, None),
}


@pytest.mark.capability("INC-6")
@pytest.mark.parametrize("action", MajorAction)
@pytest.mark.parametrize("state", MajorState)
def test_the_table_of_major_incidents_is_what_is_drawn(state: MajorState, action: MajorAction) -> None:
    expected = MAJOR_DRAWING[action][list(MajorState).index(state)]
    if expected is None:
        with pytest.raises(Conflict) as refused:
            MAJOR_LIFECYCLE.after(state, action)
        assert refused.value.members["allowed"] == list(MAJOR_LIFECYCLE.allowed(state))
    else:
        assert MAJOR_LIFECYCLE.after(state, action) is expected


def test_every_action_on_a_major_incident_has_a_verb_and_a_permission() -> None:
    assert set(MAJOR_VERBS) == set(MajorAction) == set(MAJOR_DRAWING)
    assert {f"major-incident:{action}" for action in MajorAction} <= set(PERMISSIONS)
    assert set(major_contract.State.__args__) == {str(state) for state in MajorState}  # type: ignore[attr-defined]
