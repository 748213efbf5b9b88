"""Parents, children and duplicates (INC-9): what may be tied to what, and what children do when their parent ends."""

import pytest

from services.incident.domain.families import adopt, concerns_children, end, part, repeat
from services.incident.domain.orders import Cancel, Close, Resolve
from services.incident.lifecycle import Action, State
from services.incident.tables import Incident
from shared.errors import Conflict, Invalid
from tests.incident.samples import DESK, act, at, brought, opened

pytestmark = pytest.mark.capability("INC-9")
FIXED = Resolve(resolution_code="fixed", note="the switch was replaced", cause="a burnt port")


def family(size: int = 2) -> tuple[Incident, list[Incident]]:
    parent, children = opened(), [opened(organisation=f"customer {number}") for number in range(size)]
    for child in children:
        adopt(child, parent, DESK)
    return parent, children


def test_both_ends_of_a_link_tell_of_it() -> None:
    parent, child = opened(), opened()
    told = adopt(child, parent, DESK)
    assert [(record is child, event.relation, event.target) for record, (event,) in told] == [  # type: ignore[attr-defined]
        (True, "parent", parent.id),
        (False, "child", child.id),
    ]
    assert (child.parent, parent.children) == (parent.id, 1)
    assert [event.relation for _, (event,) in part(child, parent, DESK)] == ["parent", "child"]  # type: ignore[attr-defined]
    assert (child.parent, parent.children) == (None, 0)


def test_linking_again_to_the_same_parent_tells_nothing() -> None:
    parent, (child, _) = family()
    assert adopt(child, parent, DESK) == []
    assert parent.children == 2


def test_a_child_has_one_parent() -> None:
    _, (child, _) = family()
    with pytest.raises(Conflict, match="has a parent already"):
        adopt(child, opened(), DESK)


def test_a_family_has_one_level() -> None:
    parent, (child, _) = family()
    with pytest.raises(Invalid, match="is a child itself"):
        adopt(opened(), child, DESK)
    with pytest.raises(Conflict, match="has children itself"):
        adopt(parent, opened(), DESK)


def test_nothing_belongs_to_itself() -> None:
    incident = opened()
    with pytest.raises(Invalid):
        adopt(incident, incident, DESK)
    with pytest.raises(Invalid):
        repeat(incident, incident, DESK)


@pytest.mark.parametrize("state", [State.RESOLVED, State.CLOSED, State.CANCELLED])
def test_an_open_record_cannot_follow_a_parent_that_has_ended(state: State) -> None:
    with pytest.raises(Invalid, match="no resolution left to follow"):
        adopt(opened(), brought(state), DESK)


def test_a_closed_record_can_be_tied_to_a_parent_that_has_ended() -> None:
    assert adopt(brought(State.CLOSED), brought(State.RESOLVED), DESK)


def test_children_are_resolved_with_their_parent_each_with_its_own_event() -> None:
    parent, children = family(3)
    told = end(parent, children, Action.RESOLVE, FIXED, at(5))
    assert [record for record, _ in told] == [parent, *children]
    for child, (record, (event,)) in zip(children, told[1:], strict=True):
        assert record is child
        assert (child.state, child.resolved_at, child.resolution_note) == ("resolved", at(5).now, FIXED.note)
        assert child.close_due_at == at(5).now + DESK.silence
        assert (event.organisation, event.with_parent) == (child.organisation, parent.id)  # type: ignore[attr-defined]


def test_closing_an_open_parent_resolves_its_children_and_leaves_the_last_word_to_their_users() -> None:
    parent, children = family()
    end(parent, children, Action.CLOSE, Close(closure_code="solved", note="bye"), at(5))
    assert parent.state == "closed"
    assert [(child.state, child.resolution_code) for child in children] == [("resolved", "solved")] * 2


def test_children_that_have_ended_stay_as_they_are() -> None:
    parent, (done, open_still) = family()
    act(done, Action.RESOLVE, at(1), resolution_code="by itself")
    told = end(parent, [done, open_still], Action.RESOLVE, FIXED, at(5))
    assert [record for record, _ in told] == [parent, open_still]
    assert (done.resolved_at, done.resolution_code) == (at(1).now, "by itself")


def test_a_parent_with_open_children_is_not_cancelled() -> None:
    parent, children = family()
    with pytest.raises(Conflict, match="open children"):
        end(parent, children, Action.CANCEL, Cancel(reason="a test"), DESK)


def test_a_duplicate_with_open_children_is_not_closed() -> None:
    parent, children = family()
    repeat(parent, opened(), DESK)
    with pytest.raises(Conflict, match="open children"):
        end(parent, children, Action.CLOSE, Close(), DESK)


def test_children_concern_only_the_verbs_that_end_the_work() -> None:
    parent, _ = family()
    assert {action for action in Action if concerns_children(parent, action)} == {
        Action.RESOLVE, Action.CLOSE, Action.CANCEL,
    }  # fmt: skip
    assert not concerns_children(opened(), Action.RESOLVE)
    act(parent, Action.RESOLVE, resolution_code="fixed")
    # A child that its user reopened meanwhile is not resolved again because the parent is closed.
    assert not concerns_children(parent, Action.CLOSE)


def test_a_duplicate_is_closed_with_that_word() -> None:
    incident, original = opened(), opened()
    repeat(incident, original, DESK)
    act(incident, Action.CLOSE)
    assert (incident.state, incident.closure_code, incident.duplicate_of) == ("closed", "duplicate", original.id)


def test_what_repeats_nothing_is_not_closed_as_a_duplicate() -> None:
    with pytest.raises(Conflict, match="duplicate_of"):
        act(opened(), Action.CLOSE, closure_code="duplicate")


def test_an_original_is_no_duplicate_itself_so_there_are_no_rings() -> None:
    first, second, third = opened(), opened(), opened()
    repeat(second, first, DESK)
    with pytest.raises(Invalid, match="is a duplicate itself"):
        repeat(third, second, DESK)
    with pytest.raises(Invalid, match="is a duplicate itself"):
        repeat(first, second, DESK)


def test_another_organisations_record_is_no_original() -> None:
    with pytest.raises(Invalid, match="another organisation"):
        repeat(opened(), opened(organisation="contoso"), DESK)
