"""fold(events) = state: whatever a change goes through, its events alone say what its row says."""

from datetime import timedelta
from typing import Any
from uuid import uuid4

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts import change, change_collisions, change_emergency
from contracts.envelope import Event
from services.change.domain import orders, request
from services.change.domain.approval import told
from services.change.domain.desk import figures
from services.change.domain.emergency import overdue
from services.change.domain.fold import CHANGES, fold
from services.change.lifecycle import LIFECYCLE, Action, State
from services.change.rules.approval import Given
from services.change.tables import Change
from shared.database import columns
from shared.errors import Refusal
from tests.change.samples import CLASH, END, HOUR, MODEL, RISKY, SAFE, START, act, desk, message
from tests.system import MONDAY

words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
spoken = words.filter(lambda text: bool(text.strip()))
name = st.sampled_from(["Network", "Mail", "Desk"])
items = st.lists(st.sampled_from(["a", "b", "c"]), max_size=3)
windows = st.integers(0, 40).map(lambda hours: (START + hours * HOUR, END + hours * HOUR))
plans: dict[str, st.SearchStrategy[Any]] = {
    "plan": spoken, "backout": spoken, "remedy": spoken, "backout_minutes": st.integers(0, 90),
    "backout_tested": st.booleans(),
}  # fmt: skip


def order(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields)


answers = st.sampled_from([SAFE, RISKY])
ORDERS: dict[Action, st.SearchStrategy[dict[str, Any]]] = {
    Action.CLASSIFY: st.one_of(
        order(answers=answers), order(model=st.just("port")), order(emergency=st.just(True)),
        order(answers=answers, emergency=st.just(True)),
    ),
    Action.SCHEDULE: windows.map(lambda both: {"planned_start": both[0], "planned_end": both[1]}),
    Action.ACKNOWLEDGE: order(collision=st.just(CLASH.id), reason=spoken),
    Action.APPROVE: order(note=words),
    Action.AUTHORISE: order(reason=spoken),
    Action.VOID: order(reason=spoken),
    Action.REJECT: order(reason=spoken),
    Action.CANCEL: order(reason=spoken),
    Action.START: order(reason=spoken),
    Action.COMPLETE: order(note=words),
    Action.FAIL: order(note=spoken),
    Action.BACK_OUT: order(note=spoken, restored=st.booleans()),
    Action.REPAIR: order(note=spoken),
    Action.DOCUMENT: st.builds(lambda a, b: a | b, order(justified=st.booleans(), review=spoken), some(**plans)),
    Action.CLOSE: order(note=spoken),
    Action.ASSIGN: some(group=st.none() | name, assignee=st.none() | name).filter(bool),
    Action.EDIT: some(
        title=spoken, description=words, service=st.none() | name, items=items, outage_minutes=st.none() | st.just(5),
        **plans,
    ),
    Action.COMMENT: order(text=spoken),
}  # fmt: skip


def row(record: Change) -> dict[str, Any]:
    return {column: getattr(record, column) for column in columns(Change)}


def test_every_event_of_a_change_has_its_place_in_the_fold() -> None:
    facts = {
        each
        for module in (change, change_collisions, change_emergency)
        for each in vars(module).values()
        if isinstance(each, type) and issubclass(each, change.ChangeFact) and hasattr(each, "name")
    }
    assert set(CHANGES) == facts


@settings(max_examples=120, deadline=None)
@given(st.data(), st.booleans())
def test_the_events_of_any_journey_fold_to_the_row(data: st.DataObject, emergency: bool) -> None:
    wanted = data.draw(some(items=items, group=name, answers=answers, problem=st.just(uuid4()), **plans))
    body = orders.Request(title="x", reason="y", emergency=emergency, **wanted)
    record, happened = request(body, desk(actor="alice"))
    told_at: list[tuple[Any, Event]] = [(MONDAY, event) for event in happened]
    given_so_far: list[Given] = []
    for minutes in range(1, data.draw(st.integers(0, 30)) + 1):
        allowed = LIFECYCLE.allowed(State(record.state))
        # What carries on is drawn as often as everything else, or few journeys would come far.
        onward = [each for each in allowed if each in (Action.APPROVE, Action.AUTHORISE, Action.START, Action.FAIL)]
        action = data.draw(st.sampled_from(allowed) | st.sampled_from(onward or allowed))
        before, now, round = row(record), MONDAY + timedelta(minutes=minutes), record.round
        # One agrees to the first step, another to the second.
        actor = f"approver {len(given_so_far)}"
        at = desk(now, "alice" if action in (Action.EDIT, Action.SCHEDULE) else actor, given=given_so_far,
                  collisions=[CLASH] if data.draw(st.booleans()) else [])  # fmt: skip
        try:
            happened = act(record, action, at, **data.draw(ORDERS[action]))  # type: ignore[assignment]  # facts are events
        except Refusal:
            for column, value in before.items():
                setattr(record, column, value)
            continue
        given_so_far += [Given(e.step, e.by, None, now) for e in happened if isinstance(e, change.ApprovalGiven)]
        if record.round != round:
            given_so_far = []
        if data.draw(st.booleans()):
            happened = [*happened, *overdue(record, record.paperwork_due or now)]
            happened.append(change_collisions.CollisionFound(**figures(record), **told(CLASH)))
        told_at += [(now, event) for event in happened]
    record.number, record.version = "CHG-7", len(told_at)
    messages = [
        message(event, record.id, "CHG-7", sequence, at, "change") for sequence, (at, event) in enumerate(told_at, 1)
    ]
    assert fold(messages) == row(record)


def test_a_standard_change_folds_with_what_its_model_brought() -> None:
    record, happened = request(
        orders.Request(title="Port 7", reason="New desk", model="port", planned_start=START), desk(actor="alice")
    )
    record.number, record.version = "CHG-7", len(happened)
    assert (record.state, record.planned_end) == ("approved", START + timedelta(minutes=MODEL.minutes))
    folded = fold(message(e, record.id, "CHG-7", n, MONDAY, "change") for n, e in enumerate(happened, 1))
    assert folded == row(record)
    assert (folded["backout"], folded["model_version"]) == ("Close it", 1)
