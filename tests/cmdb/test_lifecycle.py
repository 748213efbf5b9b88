"""Every verb in every status: what it does is written here once more, by hand."""

from itertools import product

import pytest

from services.cmdb.domain import MOVES
from services.cmdb.domain.items import edit, move
from services.cmdb.domain.orders import Edit, Move, Retire
from services.cmdb.domain.relationships import end, held, relate
from services.cmdb.lifecycle import IN_SERVICE, LIFECYCLE, PERMISSIONS, Action, Held, RelationshipAction, Status
from shared.errors import Conflict
from tests.cmdb.samples import desk, item_in

# Verb: planned, test, live, maintenance, retired. A dash: refused.
GRID = """
test      test     -        -            -            -
go-live   live     live     -            -            -
maintain  -        -        maintenance  -            -
return    -        -        -            live         -
retire    retired  retired  retired      retired      -
edit      planned  test     live         maintenance  -
"""
EXPECTED = {
    (status, Action(line.split()[0])): after
    for line in GRID.strip().splitlines()
    for status, after in zip(Status, line.split()[1:], strict=True)
}


def test_the_grid_names_every_verb_in_every_status() -> None:
    assert set(EXPECTED) == set(product(Status, Action))
    assert set(MOVES) == set(Action) - {Action.EDIT}


@pytest.mark.capability("CFG-3")
@pytest.mark.parametrize(("status", "action"), list(product(Status, Action)))
def test_a_verb_moves_the_item_or_is_refused_with_what_is_allowed(status: Status, action: Action) -> None:
    item = item_in(status)

    def act() -> list[object]:
        if action is Action.EDIT:
            return list(edit(item, Edit(title="Web"), desk()))
        return list(move(item, action, Retire() if action is Action.RETIRE else Move(), desk()))

    after = EXPECTED[status, action]
    if after == "-":
        with pytest.raises(Conflict) as refused:
            act()
        assert set(refused.value.members["allowed"]) == {a for a in Action if EXPECTED[status, a] != "-"}  # type: ignore[call-overload]
        assert item.status == status
    else:
        events = act()
        assert item.status == after
        assert events and all(event.status == after for event in events)  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", list(Status))
def test_allowed_actions_are_those_that_work(status: Status) -> None:
    assert set(LIFECYCLE.allowed(status)) == {action for action in Action if EXPECTED[status, action] != "-"}


def test_every_verb_has_a_permission() -> None:
    assert {f"item:{action}" for action in Action} <= set(PERMISSIONS)
    assert {f"relationship:{action}" for action in RelationshipAction} <= set(PERMISSIONS)


def test_a_relationship_ends_once() -> None:
    source, target = item_in(Status.LIVE, name="a"), item_in(Status.LIVE, name="b")
    relationship, _ = relate(source, "runs-on", target, desk())
    assert held(relationship) is Held.HOLDS
    end(relationship, "", desk(), None)
    assert held(relationship) is Held.ENDED
    with pytest.raises(Conflict):
        end(relationship, "", desk(), None)


def test_what_is_in_service_is_what_somebody_relies_on() -> None:
    assert set(IN_SERVICE) == {Status.LIVE, Status.MAINTENANCE}
