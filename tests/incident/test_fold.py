"""fold(events) = state: whatever a record goes through, its events alone say what its row says."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.envelope import Event, events_of
from contracts.incident import IncidentFact
from services.incident.domain import Desk
from services.incident.domain.causes import propose
from services.incident.domain.families import adopt, concerns_children, end, part, repeat
from services.incident.domain.fold import CHANGES, fold
from services.incident.domain.informing import Danger, endangered, missed
from services.incident.domain.orders import Close, Resolve
from services.incident.lifecycle import LIFECYCLE, OPEN, Action, State
from services.incident.rules import InformPolicy
from services.incident.tables import Incident
from shared.database import columns
from shared.errors import Refusal
from tests.incident.samples import CHANGE, DESK, KNOWN_ERROR, NOON, OUTAGE, PROBLEM, act, messages, opened_with

# The import's bookkeeping, which no event carries.
BOOKKEEPING = {"history_row", "in_history"}
name = st.sampled_from(["Network", "Mail", "Desk"])
words = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=12)
spoken = words.filter(lambda text: bool(text.strip()))
degree = st.integers(1, 3)
instant = st.integers(-300, 20).map(lambda minutes: (NOON + timedelta(minutes=minutes)).isoformat())
later = st.integers(10, 90).map(lambda minutes: (NOON + timedelta(minutes=minutes)).isoformat())
INFORM = InformPolicy(every_minutes={"1": 5, "2": 10, "3": 20})


def order(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries(fields)


def some(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({}, optional=fields).filter(bool)


ORDERS: dict[Action, st.SearchStrategy[dict[str, Any]]] = {
    Action.ASSIGN: some(group=st.none() | name, assignee=st.none() | name),
    Action.START: order(),
    Action.WAIT: order(reason=st.sampled_from(["user", "vendor", "problem", "evidence"]), note=words),
    Action.RESUME: order(note=words),
    Action.RESOLVE: order(resolution_code=name, note=words, cause=st.none() | spoken, cause_code=st.none() | name),
    Action.CONFIRM: order(),
    Action.CLOSE: order(closure_code=st.none() | name, cause_code=st.none() | name),
    Action.REOPEN: order(reason=spoken),
    Action.CANCEL: order(reason=spoken),
    Action.PRIORITISE: order(impact=degree, urgency=degree, priority=st.none() | st.integers(1, 5), reason=spoken),
    Action.CLASSIFY: some(**dict.fromkeys(("service", "ci", "category", "subcategory", "symptom"), st.none() | name)),
    Action.ESCALATE: order(to=st.sampled_from(["functional", "hierarchic"]), target=name, reason=spoken),
    Action.ACKNOWLEDGE: order(),
    Action.LINK: order(problem=st.just(str(PROBLEM))),
    Action.UNLINK: order(relation=st.sampled_from(["problem", "duplicate_of"])),
    Action.EDIT: some(title=spoken, description=words, caller=st.none() | name),
    Action.COMMENT: order(text=spoken, internal=st.booleans()),
    Action.INFORM: order(text=spoken, warning=st.booleans(), next_update_due=st.none() | later),
    Action.APPLY_WORKAROUND: order(known_error=st.just(str(KNOWN_ERROR.id)), helped=st.booleans()),
    Action.LOG_EFFORT: order(minutes=st.integers(1, 500), person=st.none() | name),
    Action.RECORD_OUTAGE: order(service=name, began_at=instant, ended_at=st.none() | instant),
    Action.SUSPECT_CHANGE: order(change=st.just(str(CHANGE.id)), reason=spoken),
    Action.CONFIRM_CHANGE: order(change=st.just(str(CHANGE.id))),
    Action.DISMISS_CHANGE: order(change=st.just(str(CHANGE.id)), reason=spoken),
}


def row(incident: Incident) -> dict[str, Any]:
    return {column: getattr(incident, column) for column in columns(Incident) if column not in BOOKKEEPING}


def test_every_event_of_an_incident_has_its_place_in_the_fold() -> None:
    assert set(CHANGES) == set(events_of(IncidentFact))


@settings(max_examples=120, deadline=None)
@given(st.data(), st.booleans())
def test_the_events_of_any_journey_fold_to_the_row(data: st.DataObject, portal: bool) -> None:
    desk = replace(DESK, customer=portal, actor="carol" if portal else "alice", inform=INFORM)
    incident, events = opened_with(
        desk, impact=1, channel="portal", symptom="smoke", occurred_at=NOON - timedelta(hours=1), detected_at=NOON
    )
    told: list[tuple[datetime, Event]] = [(desk.now, event) for event in events]
    for minutes in range(1, data.draw(st.integers(0, 30)) + 1):
        action = data.draw(st.sampled_from(LIFECYCLE.allowed(State(incident.state))))
        before, now = row(incident), NOON + timedelta(minutes=minutes, microseconds=minutes)
        try:
            version = incident.version
            events = happened(data, incident, action, replace(desk, now=now))
            incident.version = version + len(events)
        except Refusal:
            for column, value in before.items():
                setattr(incident, column, value)
            continue
        told += [(now, event) for event in events]
    assert fold(messages(incident, told)) == row(incident)


def happened(data: st.DataObject, incident: Incident, action: Action, desk: Desk) -> list[Event]:
    """A verb, or now and then what Steward itself does to a record."""
    by_itself = data.draw(st.sampled_from(["verb", "verb", "verb", "missed", "endangered", "propose"]))
    if by_itself == "missed":
        return missed(incident, desk.now)
    if by_itself == "endangered":
        due = NOON + timedelta(minutes=data.draw(st.integers(0, 30)))
        danger = data.draw(st.sampled_from([None, Danger("at_risk", "restored", due), Danger("breached", "x", None)]))
        return endangered(incident, danger, data.draw(st.sampled_from([None, desk.now + timedelta(minutes=3)])))
    if by_itself == "propose":
        return propose(incident, CHANGE, ["switch-1", "mail-1"], 17)
    known = {Action.END_OUTAGE: "ended_at", Action.WITHDRAW_OUTAGE: "reason"}
    if action in known:
        outages = incident.outages or [{"outage": str(OUTAGE)}]
        body = {"outage": data.draw(st.sampled_from(outages))["outage"]}
        return act(incident, action, desk, **body, **{known[action]: desk.now if action is Action.END_OUTAGE else "no"})
    return act(incident, action, desk, **data.draw(ORDERS[action]))


def test_an_escalation_after_an_acknowledged_one_waits_again() -> None:
    incident, events = opened_with()
    told = [(NOON, event) for event in events]
    escalation = {"to": "functional", "target": "Network", "reason": "needs a trace"}
    for minutes, (action, body) in enumerate(
        [(Action.ESCALATE, escalation), (Action.ACKNOWLEDGE, {}), (Action.ESCALATE, escalation)], start=1
    ):
        now = NOON + timedelta(minutes=minutes)
        told += [(now, event) for event in act(incident, action, replace(DESK, now=now), **body)]
    assert fold(messages(incident, told)) == row(incident)
    assert row(incident)["acknowledged_at"] is None


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_the_events_of_a_family_fold_to_each_of_its_rows(data: st.DataObject) -> None:
    family: list[Incident] = []
    told: dict[Any, list[tuple[datetime, Event]]] = {}
    for _ in range(3):
        incident, events = opened_with()
        family.append(incident)
        told[incident.id] = [(NOON, event) for event in events]
    for minutes in range(1, data.draw(st.integers(1, 12)) + 1):
        desk = replace(DESK, now=NOON + timedelta(minutes=minutes))
        one, other = data.draw(st.permutations(family))[:2]
        kept = [row(each) for each in family]
        try:
            told_now = step(
                data.draw(st.sampled_from(["adopt", "part", "repeat", "end", "reopen"])), one, other, family, desk
            )
        except Refusal:
            for each, values in zip(family, kept, strict=True):
                for column, value in values.items():
                    setattr(each, column, value)
            continue
        for each, events in told_now:
            told[each.id] += [(desk.now, event) for event in events]
    for each in family:
        each.version = len(told[each.id])
        assert fold(messages(each, told[each.id])) == row(each)
        assert each.children == sum(other.parent == each.id for other in family)
        assert not (each.children and each.parent), "a family has one level"


def step(
    what: str, one: Incident, other: Incident, family: list[Incident], desk: Any
) -> list[tuple[Incident, list[Event]]]:
    if what == "adopt":
        return adopt(one, other, desk)
    if what == "part":
        parent = next((each for each in family if each.id == one.parent), None)
        return part(one, parent, desk) if parent else []
    if what == "repeat":
        return repeat(one, other, desk)
    if what == "reopen":
        return [(one, act(one, Action.REOPEN, desk, reason="it is back"))]
    children = [each for each in family if each.parent == one.id and each.state in OPEN]
    if concerns_children(one, Action.RESOLVE):
        return end(one, children, Action.RESOLVE, Resolve(resolution_code="fixed"), desk)
    return end(one, [], Action.CLOSE, Close(), desk)


@pytest.mark.parametrize("column", sorted(set(columns(Incident)) - BOOKKEEPING))
def test_the_fold_knows_every_column(column: str) -> None:
    incident, events = opened_with()
    assert column in fold(messages(incident, [(NOON, event) for event in events]))
