"""What verbs say: status told unasked, a change asked for, incidents tied and untied; and that events are all of it."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Event, Message, registry
from contracts.problem import ChangeRequested, ProblemRecurred, ProblemStatusChanged
from services.problem.domain import VERBS, Open, Order, decide, open_problem, orders
from services.problem.domain.changes import follow
from services.problem.domain.effects import MOST, recurred, tied, untied
from services.problem.domain.fold import CHANGES, FIGURES, fold
from services.problem.domain.proof import Judge, evaluate
from services.problem.lifecycle import Action, State
from services.problem.rules.proof import EvaluationRule
from services.problem.tables import Problem
from shared.database.records import columns
from shared.errors import Conflict, Refusal
from tests.problem.samples import INCIDENT, ORDERS, Change, desk, problem_in, told
from tests.system import MONDAY


def names(events: list[Event]) -> list[str]:
    return [event.name for event in events]


@pytest.mark.capability("PRB-8")
@pytest.mark.parametrize("state", list(State))
@pytest.mark.parametrize("action", list(Action))
def test_whatever_changes_state_or_workaround_tells_the_status(state: State, action: Action) -> None:
    problem = problem_in(state)
    try:
        events = decide(VERBS[action], problem, ORDERS[action], desk())
    except Conflict:
        return
    statuses = [event for event in events if isinstance(event, ProblemStatusChanged)]
    if problem.state == state and problem.workaround is None:
        assert statuses == []
    else:
        (status,) = statuses
        assert events[-1] is status
        assert status.previous_state == (state if problem.state != state else None)
        assert (status.state, status.workaround, status.title) == (problem.state, problem.workaround, problem.title)
        assert status.incidents == (INCIDENT,)


@pytest.mark.capability("PRB-5")
def test_a_wish_for_a_change_is_told_and_the_problem_waits_for_it() -> None:
    problem = problem_in(State.ACTIVE)
    events = decide(VERBS[Action.REQUEST_CHANGE], problem, ORDERS[Action.REQUEST_CHANGE], desk())
    assert names(events) == ["problem.change_requested", "problem.waiting", "problem.status_changed"]
    assert (problem.state, problem.waiting_reason) == ("waiting", "change")
    assert problem.change_request == events[0].request  # type: ignore[attr-defined]


@pytest.mark.capability("PRB-5")
def test_a_second_wish_is_another_one_and_the_problem_goes_on_waiting() -> None:
    problem = problem_in(State.ACTIVE)
    first = decide(VERBS[Action.REQUEST_CHANGE], problem, ORDERS[Action.REQUEST_CHANGE], desk())
    problem.version += len(first)
    second = decide(VERBS[Action.REQUEST_CHANGE], problem, ORDERS[Action.REQUEST_CHANGE], desk())
    assert names(second) == ["problem.change_requested"]
    wishes = [event.request for event in (*first, *second) if isinstance(event, ChangeRequested)]
    assert len(set(wishes)) == 2


def test_a_wish_that_names_the_item_classifies_the_problem() -> None:
    problem = problem_in(State.ACTIVE, ci="orders-db-1")
    order = orders.RequestChange(title="New driver", reason="Leaks", ci="orders-db-2")
    events = decide(VERBS[Action.REQUEST_CHANGE], problem, order, desk())
    assert names(events)[:2] == ["problem.classified", "problem.change_requested"]
    assert {event.ci for event in events} == {"orders-db-2"}  # type: ignore[attr-defined]
    assert events[0].previous_ci == "orders-db-1"  # type: ignore[attr-defined]


def test_saying_the_same_again_changes_nothing() -> None:
    for action in (Action.ASSIGN, Action.WAIT, Action.CLASSIFY, Action.WORKAROUND, Action.EDIT, Action.LINK):
        problem = problem_in(State.ACTIVE)
        assert decide(VERBS[action], problem, ORDERS[action], desk())
        assert decide(VERBS[action], problem, ORDERS[action], desk()) == [], action


def test_a_reopened_problem_has_no_resolution_and_keeps_its_recurrences() -> None:
    problem = problem_in(State.ACTIVE)
    decide(VERBS[Action.RESOLVE], problem, orders.Resolve(resolution="Changed", note="n"), desk())
    decide(VERBS[Action.CLOSE], problem, ORDERS[Action.CLOSE], desk())
    assert recurred(problem, INCIDENT, "INC-1", MONDAY, 1, named=True)
    decide(VERBS[Action.REOPEN], problem, ORDERS[Action.REOPEN], desk())
    gone = ("resolved_at", "closed_at", "resolution_code", "resolution_note", "closure_code", "fixed_at", "proof")
    assert [getattr(problem, name) for name in gone] == [None] * len(gone)
    assert (problem.cause_known, problem.cause) == (True, "Wear")
    assert (problem.recurrences, problem.reopen_count) == (1, 1)


def test_what_was_handed_on_to_another_group_is_a_reassignment() -> None:
    problem = problem_in(State.NEW)
    for group, expected in (("Network", 0), ("Network", 0), ("Databases", 1), (None, 2)):
        decide(VERBS[Action.ASSIGN], problem, orders.Assign(group=group), desk())
        assert problem.reassignment_count == expected


@pytest.mark.capability("PRB-1")
def test_an_incident_that_is_not_linked_cannot_be_unlinked() -> None:
    with pytest.raises(Conflict, match="not linked"):
        decide(VERBS[Action.UNLINK], problem_in(State.NEW), orders.Unlink(incident=uuid4()), desk())


@pytest.mark.capability("PRB-1")
def test_what_problem_management_untied_is_not_counted_though_the_incident_still_names_it() -> None:
    problem = problem_in(State.ACTIVE)
    untied(problem, INCIDENT, None)
    assert recurred(problem, INCIDENT, "INC-1", MONDAY, 1, named=True) == []
    tied(problem, INCIDENT, None)
    assert names(recurred(problem, INCIDENT, "INC-1", MONDAY, 1, named=True)) == ["problem.recurred"]


def test_an_incident_that_names_the_problem_is_tied_to_it_by_its_closing_at_the_latest() -> None:
    problem, late = problem_in(State.ACTIVE), uuid4()
    assert names(recurred(problem, late, "INC-2", MONDAY, 1, named=True)) == [
        "problem.incident_linked",
        "problem.recurred",
    ]
    assert recurred(problem, uuid4(), "INC-3", MONDAY, 1, named=False) == []


@pytest.mark.parametrize("state", list(State))
def test_every_problem_but_a_cancelled_one_counts_recurrences(state: State) -> None:
    problem = problem_in(state)
    assert bool(recurred(problem, INCIDENT, "INC-1", MONDAY, 1, named=True)) is (state is not State.CANCELLED)


def test_the_last_recurrence_is_the_latest_one_whatever_came_last() -> None:
    problem = problem_in(State.ACTIVE)
    for hours in (5, 1, 3):
        recurred(problem, INCIDENT, "INC-1", MONDAY + timedelta(hours=hours), 1, named=True)
    assert problem.last_recurrence_at == MONDAY + timedelta(hours=5)


def test_a_problem_with_as_many_incidents_as_a_message_holds_takes_no_more() -> None:
    problem, other = problem_in(State.ACTIVE), uuid4()
    problem.incidents = [INCIDENT, *(uuid4() for _ in range(MOST - 1))]
    with pytest.raises(Conflict, match="at most"):
        decide(VERBS[Action.LINK], problem, orders.Link(incident=other), desk())
    assert recurred(problem, other, "INC-2", MONDAY, 1, named=True) == []
    assert names(recurred(problem, INCIDENT, "INC-1", MONDAY, 1, named=True)) == ["problem.recurred"]


THREE = (INCIDENT, uuid4(), uuid4())
ANY_ORDER: dict[Action, st.SearchStrategy[Order]] = {
    **{action: st.just(order) for action, order in ORDERS.items()},
    Action.LINK: st.builds(orders.Link, incident=st.sampled_from(THREE)),
    Action.UNLINK: st.builds(orders.Unlink, incident=st.sampled_from(THREE)),
    Action.WAIT: st.builds(orders.Wait, reason=st.sampled_from(["change", "vendor", "evidence"])),
    Action.WORKAROUND: st.builds(orders.Workaround, text=st.sampled_from(["Restart it", "Wait"])),
    Action.PRIORITISE: st.builds(
        orders.Prioritise,
        **dict.fromkeys(("frequency", "impact", "cost"), st.integers(1, 3)),
        priority=st.none() | st.integers(1, 5),
        reason=st.just("Because"),
    ),
    Action.ASSIGN: st.builds(orders.Assign, group=st.sampled_from(["Network", "Databases", None])),
    Action.IDENTIFY_CAUSE: st.builds(
        orders.IdentifyCause,
        known=st.booleans(),
        cause=st.sampled_from(["A leak", "Wear"]),
        method=st.sampled_from(["5-whys", "timeline"]),
        evidence=st.sampled_from([("A dump",), ("A dump", "A log")]),
    ),
    Action.CLOSE: st.builds(orders.Close, proof=st.sampled_from(["", "A month without one"])),
    Action.EDIT: st.builds(orders.Edit, title=st.sampled_from(["One", "Two"]), description=st.sampled_from(["", "x"])),
}
FATES = ("approved", "rejected", "cancelled", "started", "implemented", "failed", "backed_out", "closed")
steps = st.lists(
    st.sampled_from(list(Action)).flatmap(lambda action: st.tuples(st.just(action), ANY_ORDER[action]))
    | st.tuples(st.just("closing"), st.sampled_from(THREE))
    | st.tuples(st.just("change"), st.tuples(st.integers(0, 1), st.sampled_from(FATES)))
    | st.tuples(st.just("evaluation"), st.tuples(st.integers(0, 9), st.integers(0, 9), st.booleans())),
    max_size=30,
)


@given(steps, st.booleans())
def test_a_problem_is_the_fold_of_its_events(life: list[tuple[Any, Any]], prioritised: bool) -> None:
    degrees: dict[str, Any] = dict.fromkeys(("frequency", "impact", "cost"), 2) if prioritised else {}
    problem, events = open_problem(Open(title="Orders get lost", incidents=THREE[:1], **degrees), desk())
    problem.number = "PRB-1"
    messages: list[Message] = []
    keep(problem, events, messages, MONDAY)
    changes = (Change(problem.id), Change(problem.id))
    for number, (action, order) in enumerate(life):
        at = MONDAY + timedelta(hours=number)
        before = state_of(problem)
        try:
            if action == "closing":
                events = recurred(problem, order, "INC-1", at, 1, named=True)
            elif action == "change":
                which, moved = order
                told_last = getattr(changes[which], moved)().told[-1]
                event: Any = registry()[told_last.type].model_validate_json(told_last.data)
                events = follow(problem, changes[which].id, changes[which].number, event, at)
            elif action == "evaluation":
                struck, after, reopens = order
                evaluable = problem.fixed_at is not None and problem.state in ("resolved", "closed")
                judge = Judge(EvaluationRule(reopens=reopens))
                events = evaluate(problem, struck, after, judge, at) if evaluable else []
            else:
                events = decide(VERBS[action], problem, order, desk(at))
        except Refusal:
            for name, value in before.items():
                setattr(problem, name, value)
            continue
        if not events:
            assert state_of(problem) == before, "what is not told did not happen"
        keep(problem, events, messages, at)
    assert fold(messages) == state_of(problem)
    counted = [event for event in messages if event.type == ProblemRecurred.wire_type()]
    assert problem.recurrences == len(counted)


def test_the_fold_knows_every_event_and_every_column_of_a_problem() -> None:
    assert {event.topic for event in CHANGES} == {"steward.problem"}
    problem, events = open_problem(Open(title="x"), desk())
    folded = fold([told(events[0], problem.id, "PRB-1", 1, MONDAY)])
    assert set(folded) == set(columns(Problem)) and set(FIGURES) <= set(folded)


def state_of(problem: Problem) -> dict[str, Any]:
    return {name: getattr(problem, name) for name in columns(Problem)}


def keep(problem: Problem, events: list[Event], messages: list[Message], at: datetime) -> None:
    for event in events:
        problem.version += 1
        messages.append(told(event, UUID(str(problem.id)), problem.number, problem.version, at))
