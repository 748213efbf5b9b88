"""What each verb does to a record and says of it, beyond the move itself."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.incident.domain import VERBS, Open
from services.incident.domain.progress import close_by_silence
from services.incident.lifecycle import Action, State
from services.incident.rules import PriorityMatrix
from services.incident.tables import Incident
from shared.database import columns
from shared.errors import Conflict, Forbidden, Invalid
from tests.incident.samples import DESK, NOON, PROBLEM, act, at, brought, opened, opened_with

CUSTOMER = replace(DESK, actor="carol", customer=True)
# Nothing in it follows a sum: whoever computes instead of looking up is found out.
ODD = PriorityMatrix(
    matrix={"1": {"1": 5, "2": 1, "3": 4}, "2": {"1": 2, "2": 5, "3": 1}, "3": {"1": 3, "2": 2, "3": 1}}
)


def row_of(incident: Incident) -> dict[str, Any]:
    return {name: getattr(incident, name) for name in columns(Incident)}


def refused_field(refusal: pytest.ExceptionInfo[Invalid]) -> Any:
    errors: Any = refusal.value.members["errors"]
    return errors[0]["field"]


@pytest.mark.capability("INC-1")
def test_when_it_occurred_was_detected_and_was_recorded_are_three_instants() -> None:
    occurred, detected = NOON - timedelta(hours=2), NOON - timedelta(hours=1)
    incident, (event,) = opened_with(occurred_at=occurred, detected_at=detected)
    assert (incident.occurred_at, incident.detected_at, incident.recorded_at) == (occurred, detected, NOON)
    assert (event.occurred_at, event.detected_at, event.recorded_at) == (occurred, detected, NOON)  # type: ignore[attr-defined]


@pytest.mark.capability("INC-1")
def test_nothing_is_detected_before_it_occurs() -> None:
    with pytest.raises(Invalid) as refusal:
        opened(occurred_at=NOON - timedelta(minutes=1), detected_at=NOON - timedelta(minutes=2))
    assert refused_field(refusal) == "detected_at"


@pytest.mark.capability("INC-1")
def test_detected_in_the_instant_that_it_occurred_is_fine() -> None:
    assert opened(occurred_at=NOON, detected_at=NOON).detected_at == NOON


@pytest.mark.capability("INC-1")
@pytest.mark.parametrize("name", ["occurred_at", "detected_at"])
def test_what_lies_in_the_future_did_not_happen(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        opened(DESK, **{name: NOON + timedelta(microseconds=1)})
    assert refused_field(refusal) == name


def test_a_contact_of_a_customer_opens_for_its_own_organisation_and_is_the_caller() -> None:
    incident = opened(CUSTOMER)
    assert (incident.organisation, incident.caller) == ("northwind", "carol")


def test_a_token_that_names_somebody_at_great_length_is_no_fault_of_ours() -> None:
    with pytest.raises(Invalid) as refusal:
        opened(replace(CUSTOMER, actor="c" * 201))
    assert refused_field(refusal) == "caller"
    assert opened(replace(CUSTOMER, actor="c" * 201), caller="Carol").caller == "Carol"


@pytest.mark.parametrize("name", ["group", "assignee"])
def test_a_contact_of_a_customer_cannot_say_who_works_on_it(name: str) -> None:
    with pytest.raises(Invalid) as refusal:
        opened(CUSTOMER, **{name: "Network"})
    assert refused_field(refusal) == name


@pytest.mark.capability("INC-2")
@pytest.mark.parametrize("impact", [1, 2, 3])
@pytest.mark.parametrize("urgency", [1, 2, 3])
def test_the_matrix_gives_the_priority_at_opening_and_later(impact: int, urgency: int) -> None:
    desk = replace(DESK, matrix=ODD, matrix_name="odd", matrix_version=4)
    expected = ODD.matrix[str(impact)][str(urgency)]  # type: ignore[index]
    incident, (event,) = opened_with(desk, impact=impact, urgency=urgency)
    assert (incident.priority, event.matrix, event.matrix_version) == (expected, "odd", 4)  # type: ignore[attr-defined]
    later = opened(impact=impact, urgency=4 - urgency)
    act(later, Action.PRIORITISE, desk, impact=impact, urgency=urgency)
    assert (later.priority, later.priority_overridden) == (expected, False)


@pytest.mark.capability("INC-2")
@pytest.mark.parametrize("reason", ["", "  \n"])
def test_another_priority_than_the_matrix_gives_needs_a_reason(reason: str) -> None:
    with pytest.raises(Invalid) as refusal:
        act(opened(), Action.PRIORITISE, impact=2, urgency=2, priority=1, reason=reason)
    assert refused_field(refusal) == "reason"


@pytest.mark.capability("INC-2")
def test_an_override_is_told_with_its_reason_and_ends_when_the_matrix_counts_again() -> None:
    incident = opened()
    (event,) = act(incident, Action.PRIORITISE, impact=2, urgency=2, priority=1, reason="the board is waiting")
    assert (incident.priority, incident.priority_overridden) == (1, True)
    assert event.model_dump()["reason"] == "the board is waiting"
    assert event.model_dump()["previous_priority"] == 3
    act(incident, Action.PRIORITISE, impact=2, urgency=2)
    assert (incident.priority, incident.priority_overridden) == (3, False)


@pytest.mark.capability("INC-2")
def test_naming_the_priority_that_the_matrix_gives_is_no_override() -> None:
    incident = opened()
    assert act(incident, Action.PRIORITISE, impact=2, urgency=2, priority=3) == []
    assert not incident.priority_overridden


def test_a_change_of_group_is_a_reassignment_and_another_person_of_it_is_not() -> None:
    incident = opened(group="Desk", assignee="frank")
    (event,) = act(incident, Action.ASSIGN, assignee="mona")
    assert not event.model_dump()["reassignment"]
    (event,) = act(incident, Action.ASSIGN, group="Network", assignee=None)
    assert event.model_dump()["reassignment"]
    assert (incident.group, incident.assignee, incident.reassignment_count) == ("Network", None, 1)


@pytest.mark.parametrize(
    ("action", "order"),
    [
        (Action.ASSIGN, {"group": "Desk"}),
        (Action.PRIORITISE, {"impact": 2, "urgency": 2}),
        (Action.CLASSIFY, {"service": None}),
        (Action.EDIT, {"title": "It is on fire"}),
    ],
)
def test_what_changes_nothing_tells_nothing(action: Action, order: dict[str, Any]) -> None:
    assert act(opened(group="Desk"), action, **order) == []


def test_waiting_for_somebody_else_is_told_and_waiting_on_is_not() -> None:
    incident = brought(State.WAITING)
    assert act(incident, Action.WAIT, reason="user") == []
    assert act(incident, Action.WAIT, reason="vendor")
    assert incident.waiting_reason == "vendor"


def test_the_first_taking_up_is_kept() -> None:
    incident = opened()
    act(incident, Action.WAIT, at(1), reason="user")
    assert incident.taken_up_at is None
    act(incident, Action.RESUME, at(2))
    act(incident, Action.RESOLVE, at(3), resolution_code="fixed")
    act(incident, Action.REOPEN, at(4), reason="no")
    assert incident.taken_up_at == at(2).now


@pytest.mark.capability("INC-8")
def test_resolved_and_closed_are_different_and_a_reopening_takes_both_back() -> None:
    incident = opened()
    (resolved,) = act(incident, Action.RESOLVE, at(1), resolution_code="fixed", note="restarted")
    assert (incident.state, incident.resolved_at, incident.closed_at) == ("resolved", at(1).now, None)
    assert incident.close_due_at == at(1).now + DESK.silence == resolved.close_due_at  # type: ignore[attr-defined]
    names = [event.name for event in act(incident, Action.CONFIRM, at(2))]
    assert names == ["incident.confirmed", "incident.closed"]
    assert (incident.closed_at, incident.confirmed_by) == (at(2).now, "user")
    assert row_of(incident)["close_due_at"] is None
    act(incident, Action.REOPEN, at(3), reason="it is back")
    assert incident.state == "active"
    assert {row_of(incident)[name] for name in ("resolved_at", "closed_at", "confirmed_by", "resolution_code")} == {
        None
    }
    assert incident.reopen_count == 1


@pytest.mark.capability("INC-8")
def test_silence_closes_with_its_own_word() -> None:
    incident = brought(State.RESOLVED)
    (event,) = close_by_silence(incident, at(99).now)
    assert (incident.state, incident.confirmed_by, incident.closed_at) == ("closed", "silence", at(99).now)
    assert event.model_dump()["confirmed_by"] == "silence"


@pytest.mark.capability("INC-5")
def test_an_escalation_waits_until_it_is_acknowledged_and_only_once() -> None:
    incident = opened()
    act(incident, Action.ESCALATE, at(1), to="hierarchic", target="Duty manager", reason="a bank is down")
    assert (incident.escalation, incident.escalated_at, incident.acknowledged_at) == ("hierarchic", at(1).now, None)
    (event,) = act(incident, Action.ACKNOWLEDGE, at(2))
    assert incident.acknowledged_at == at(2).now
    assert event.model_dump()["target"] == "Duty manager"
    with pytest.raises(Conflict, match="no escalation"):
        act(incident, Action.ACKNOWLEDGE, at(3))
    act(incident, Action.ESCALATE, at(4), to="functional", target="Network", reason="needs a trace")
    assert incident.acknowledged_at is None


def test_internal_comments_are_staffs() -> None:
    with pytest.raises(Forbidden):
        act(opened(), Action.COMMENT, CUSTOMER, text="hello", internal=True)
    assert act(opened(), Action.COMMENT, CUSTOMER, text="hello")


def test_a_title_is_corrected_and_never_taken_away() -> None:
    incident = opened(CUSTOMER)
    (event,) = act(incident, Action.EDIT, title="It smokes", caller=None)
    assert event.model_dump()["changes"] == {
        "title": {"before": "It is on fire", "after": "It smokes"},
        "caller": {"before": "carol", "after": None},
    }
    with pytest.raises(Invalid):
        act(incident, Action.EDIT, title=None)


TEXTS = [
    (verb.order, name)
    for verb in [*VERBS.values()]
    for name, field in verb.order.model_fields.items()
    if "str" in str(field.annotation) and "Literal" not in str(field.annotation)
] + [(Open, "title"), (Open, "description"), (Open, "caller")]


@pytest.mark.parametrize(("order", "name"), TEXTS, ids=lambda each: getattr(each, "__name__", each))
def test_no_text_is_longer_than_its_event_holds_or_is_blank_where_it_is_needed(order: type[Any], name: str) -> None:
    least: dict[str, Any] = {
        field: "x" for field, known in order.model_fields.items() if known.is_required() and known.annotation is str
    }
    least |= {
        "impact": 1,
        "urgency": 1,
        "helped": True,
        "minutes": 1,
        "to": "functional",
        "reason": "user" if order.__name__ == "Wait" else "x",
    }
    least = {field: value for field, value in least.items() if field in order.model_fields}
    for id in ("known_error", "outage", "change"):
        least |= {id: PROBLEM} if id in order.model_fields else {}
    least |= {"began_at": NOON} if "began_at" in order.model_fields else {}
    with pytest.raises(ValidationError) as refusal:
        order.model_validate(least | {name: "x" * 20_001})
    assert [each["loc"][0] for each in refusal.value.errors()] == [name]
    if order.model_fields[name].is_required():
        with pytest.raises(ValidationError):
            order.model_validate(least | {name: " \t\u2003\n "})
    order.model_validate({"group": "x"} | least | {name: "x" * 200} if order.__name__ == "Assign" else least)


LONGEST: dict[Action, dict[str, Any]] = {
    Action.ASSIGN: {"group": "g" * 200, "assignee": "a" * 200, "reason": "r" * 20_000},
    Action.WAIT: {"reason": "user", "note": "n" * 20_000},
    Action.RESOLVE: {"resolution_code": "c" * 200, "note": "n" * 20_000, "cause": "c" * 20_000},
    Action.CLOSE: {"closure_code": "c" * 200, "note": "n" * 20_000},
    Action.CANCEL: {"reason": "r" * 20_000},
    Action.PRIORITISE: {"impact": 1, "urgency": 1, "priority": 5, "reason": "r" * 20_000},
    Action.CLASSIFY: dict.fromkeys(("service", "ci", "category", "subcategory", "symptom"), "n" * 200),
    Action.ESCALATE: {"to": "functional", "target": "t" * 200, "reason": "r" * 20_000},
    Action.EDIT: {"title": "e" * 300, "description": "e" * 20_000, "caller": "e" * 200},
    Action.COMMENT: {"text": "t" * 20_000},
}


@pytest.mark.parametrize("action", LONGEST, ids=str)
def test_the_longest_order_that_is_taken_can_be_told(action: Action) -> None:
    incident = opened(title="t" * 300, description="d" * 20_000, caller="c" * 200, service="s" * 200)
    assert act(incident, action, **LONGEST[action])
