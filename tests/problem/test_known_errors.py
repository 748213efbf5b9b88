"""Known errors: published about a problem, found by words, item and time, reviewed, and over when their time is."""

import csv
import gzip
import re
from datetime import datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from contracts.envelope import Event, Message
from services.problem.api.known_errors import VERBS, KnownErrorView
from services.problem.domain.known_errors import due, publish
from services.problem.domain.known_fold import fold_known_error
from services.problem.domain.orders import PublishKnownError, RetireKnownError, ReviseKnownError
from services.problem.lifecycle import KNOWN_ERROR, PERMISSIONS, KnownAction, KnownState, State
from services.problem.tables import KnownError
from shared.database.records import columns
from shared.errors import Conflict, Refusal
from tests.builders import Json, opened_problem, read, told
from tests.problem.samples import desk, problem_in
from tests.problem.samples import told as as_told
from tests.problem.test_api import verb
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("PRB-4")
PATH = "/problem/known-errors"
LATER = (MONDAY + timedelta(days=90)).isoformat()
POSTMORTEMS = Path(__file__).parents[3] / "shared" / "data" / "postmortems_danluu.csv.gz"


async def published(steward: Steward, problem: Json, **order: Any) -> Json:
    body = {"problem": problem["id"], "symptom": "Orders vanish", "review_at": LATER, **order}
    return await told(steward.client("manager"), PATH, body)


async def numbers(steward: Steward, **query: Any) -> list[str]:
    return [each["number"] for each in (await read(steward.client("alice"), PATH, **query))["items"]]


def at(**since: float) -> str:
    return (MONDAY + timedelta(**since)).isoformat()


async def test_one_that_is_not_there_is_called_by_its_name(steward: Steward) -> None:
    unknown = uuid4()
    answer = await steward.client("alice").get(f"{PATH}/{unknown}")
    assert (answer.status_code, answer.json()["detail"]) == (404, f"no known error {unknown}")


async def test_what_is_not_said_is_the_problems(steward: Steward) -> None:
    problem = await opened_problem(steward, title="Orders get lost", ci="orders-db-1", service="Portal", category="App")
    await verb(steward, problem, "workaround", text="Restart the pool")
    found = await published(steward, problem)
    assert found["number"].startswith("KE-") and int(found["number"][3:]) > 1000
    taken = ("title", "workaround", "items", "service", "category", "problem_number")
    assert {name: found[name] for name in taken} == {
        "title": "Orders get lost", "workaround": "Restart the pool", "items": ["orders-db-1"], "service": "Portal",
        "category": "App", "problem_number": problem["number"],
    }  # fmt: skip
    assert found["valid_from"] == steward.clock.now().isoformat().replace("+00:00", "Z")
    (entry,) = (await read(steward.client("alice"), f"{PATH}/{found['id']}/timeline"))["items"]
    assert (entry["event"], entry["data"]["items"]) == ("known_error.published", ["orders-db-1"])
    alone = await read(steward.client("manager"), f"{PATH}/{found['id']}")
    (item,) = (await read(steward.client("manager"), PATH, problem=problem["id"]))["items"]
    assert found == alone
    assert KnownErrorView.model_validate(item) == KnownErrorView.model_validate(alone)
    assert set(found) == set(item) == set(KnownErrorView.model_fields)


@pytest.mark.parametrize(
    ("order", "field"),
    [({}, "workaround"), ({"workaround": "x", "review_at": at(days=-1)}, "review_at"),
     ({"workaround": "x", "valid_to": at(days=-1)}, "valid_to"),
     ({"workaround": "x", "valid_from": at(days=5), "valid_to": at(days=5)}, "valid_to"),
     ({"workaround": "x", "problem": str(uuid4())}, "problem"), ({"symptom": " "}, "symptom"),
     ({"workaround": "x", "colour": "red"}, "colour")],
)  # fmt: skip
async def test_what_makes_no_sense_is_refused_by_its_field(steward: Steward, order: Json, field: str) -> None:
    problem = await opened_problem(steward)
    body = {"problem": problem["id"], "symptom": "Orders vanish", "review_at": LATER, **order}
    answer = await steward.client("manager").post(PATH, json=body)
    assert answer.status_code == 422
    assert field in answer.json()["errors"][0]["field"]


async def test_a_problem_that_is_none_has_no_known_error(steward: Steward) -> None:
    problem = await opened_problem(steward)
    await verb(steward, problem, "cancel", reason="There is none")
    body = {"problem": problem["id"], "symptom": "x", "workaround": "y", "review_at": LATER}
    assert (await steward.client("manager").post(PATH, json=body)).status_code == 409


async def test_one_is_found_by_item_service_and_the_time_at_which_it_could_be_used(steward: Steward) -> None:
    mark = uuid4().hex
    problem = await opened_problem(steward)
    items = [f"a-{mark}", f"b-{mark}"]
    said: Json = {"workaround": "x", "items": items, "service": f"s-{mark}", "category": f"k-{mark}"}
    first = await published(steward, problem, **said, valid_from=at(days=1), valid_to=at(days=2))
    for query in ({"ci": items[0]}, {"ci": items[1]}, {"service": f"s-{mark}"}, {"category": f"k-{mark}"}):
        assert await numbers(steward, **query) == [first["number"]], query
    assert await numbers(steward, ci=f"c-{mark}") == []
    for since, valid in ((0.9, False), (1, True), (1.9, True), (2, False)):
        assert bool(await numbers(steward, ci=items[0], valid_at=at(days=since))) is valid, since
    assert await numbers(steward, ci=items[0], valid_at=at(days=1), service="another") == []


async def test_a_retired_one_could_be_used_until_then(fresh_steward: Steward) -> None:
    steward = fresh_steward
    found = await published(steward, await opened_problem(steward), workaround="x")
    steward.clock.advance(hours=1)
    path = f"{PATH}/{found['id']}/retire"
    gone = await told(steward.client("manager"), path, {"reason": "The driver is updated"})
    assert (gone["state"], gone["valid_to"], gone["allowed_actions"]) == ("retired", "2026-03-02T10:00:00Z", [])
    assert await numbers(steward, valid_at=at(minutes=59)) == [found["number"]]
    assert await numbers(steward, valid_at=at(hours=1)) == []
    answer = await steward.client("manager").post(path, json={"reason": "Again"})
    assert (answer.status_code, answer.json()["allowed"]) == (409, [])


async def test_a_revision_names_what_is_different(steward: Steward) -> None:
    found = await published(steward, await opened_problem(steward), workaround="x", service="Portal")
    path = f"{PATH}/{found['id']}/revise"
    body = {"workaround": "Restart it", "service": None, "symptom": "Orders vanish"}
    revised = await told(steward.client("manager"), path, body)
    assert (revised["workaround"], revised["service"], revised["version"]) == ("Restart it", None, 2)
    entry = (await read(steward.client("manager"), f"{PATH}/{found['id']}/timeline"))["items"][-1]
    assert (entry["event"], entry["data"]["fields"]) == ("known_error.revised", ["service", "workaround"])
    assert (await told(steward.client("manager"), path, body))["version"] == 2
    for wrong in ({"title": None}, {"valid_to": at(days=-1)}, {"review_at": at(days=-1)}):
        assert (await steward.client("manager").post(path, json=wrong)).status_code == 422, wrong
    stale = await steward.client("manager").post(path, json={"title": "x"}, headers={"If-Match": '"1"'})
    assert stale.status_code == 412


async def test_the_desk_reads_and_does_not_write_and_customers_do_neither(steward: Steward) -> None:
    found = await published(steward, await opened_problem(steward), workaround="x")
    path = f"{PATH}/{found['id']}"
    shown = await read(steward.client("alice"), path)
    assert shown["allowed_actions"] == []
    body = {"problem": found["problem"], "symptom": "x", "workaround": "y", "review_at": LATER}
    assert (await steward.client("alice").post(PATH, json=body)).status_code == 403
    assert (await steward.client("alice").post(f"{path}/revise", json={"title": "x"})).status_code == 403
    assert (await steward.client("alice").post(f"{path}/retire", json={"reason": "x"})).status_code == 403
    for asked in (PATH, path, f"{path}/timeline"):
        assert (await steward.client("carol").get(asked)).status_code == 403


async def test_a_review_that_is_overdue_is_told_once_for_its_date_at_its_instant(fresh_steward: Steward) -> None:
    steward = fresh_steward
    found = await published(steward, await opened_problem(steward), workaround="x", review_at=at(days=10))
    steward.clock.advance(days=9)
    await steward.ticked()
    assert await numbers(steward, review_overdue=True) == []
    steward.clock.advance(days=5)
    await steward.ticked()
    await steward.ticked()
    assert await numbers(steward, review_overdue=True) == [found["number"]]
    path = f"{PATH}/{found['id']}"
    items = (await read(steward.client("manager"), f"{path}/timeline"))["items"]
    assert [each["event"] for each in items] == ["known_error.published", "known_error.review_overdue"]
    assert (items[1]["at"], items[1]["recorded"]) == ("2026-03-12T09:00:00Z", "2026-03-16T09:00:00Z")
    revised = await told(steward.client("manager"), f"{path}/revise", {"review_at": at(days=20)})
    assert revised["overdue_since"] is None
    steward.clock.advance(days=14)
    await steward.ticked()
    items = (await read(steward.client("manager"), f"{path}/timeline"))["items"]
    assert [each["event"] for each in items].count("known_error.review_overdue") == 2


async def test_one_is_retired_when_its_time_is_over(fresh_steward: Steward) -> None:
    steward = fresh_steward
    problem = await opened_problem(steward)
    found = await published(steward, problem, workaround="x", review_at=at(days=2), valid_to=at(days=3))
    kept = await published(steward, problem, workaround="x")
    steward.clock.advance(days=30)
    await steward.ticked()
    assert await numbers(steward, state="published") == [kept["number"]]
    items = (await read(steward.client("manager"), f"{PATH}/{found['id']}/timeline"))["items"]
    assert [(each["event"], each["at"]) for each in items[1:]] == [
        ("known_error.review_overdue", "2026-03-04T09:00:00Z"), ("known_error.retired", "2026-03-05T09:00:00Z"),
    ]  # fmt: skip
    assert items[2]["data"]["valid_to"] == "2026-03-05T09:00:00Z"


async def test_words_of_real_failures_find_what_is_known_of_them(steward: Steward) -> None:
    if not POSTMORTEMS.exists():
        pytest.skip(f"the texts are not here: {POSTMORTEMS.name}")
    with gzip.open(POSTMORTEMS, "rt", newline="") as lines:
        # What a parser makes of an address is no matter of ours.
        rows = [row for row in csv.DictReader(lines) if len(row["summary"]) > 100 and "/" not in row["summary"]][:40]
    problem = await opened_problem(steward)
    by_number = {}
    for row in rows:
        title = f"{row['organisation']}: {row['cause_class']}"
        found = await published(steward, problem, title=title, symptom=row["summary"], workaround="See the post-mortem")
        by_number[found["number"]] = row
    for number, row in by_number.items():
        query = max(re.findall(r"\b[a-z]+\b", row["summary"]), key=len)
        assert number in await numbers(steward, q=query, problem=problem["id"], limit=200), query
    # What a search must find is told by Python alone: every summary that has both words.
    for one, other in (("configuration", "outage"), ("database", "failed"), ("traffic", "network")):
        expected = {
            number
            for number, row in by_number.items()
            if {one, other} <= set(re.findall("[a-z]+", row["summary"].lower()))
        }
        assert set(await numbers(steward, q=f"{one} {other}", problem=problem["id"], limit=200)) == expected


ORDERS = {KnownAction.REVISE: ReviseKnownError(title="Better"), KnownAction.RETIRE: RetireKnownError(reason="Gone")}
# Action: published, retired. A dash: refused.
GRID = """
revise  published  -
retire  retired    -
"""
EXPECTED = {
    (state, KnownAction(line.split()[0])): after
    for line in GRID.strip().splitlines()
    for state, after in zip(KnownState, line.split()[1:], strict=True)
}


def known_error(**order: Any) -> tuple[KnownError, list[Event]]:
    body = PublishKnownError(
        problem=uuid4(), symptom="s", workaround="w", review_at=MONDAY + timedelta(days=5), **order
    )
    known, events = publish(body, problem_in(State.ACTIVE, organisation="northwind"), desk())
    known.number = "KE-1"
    return known, events


@pytest.mark.parametrize(("state", "action"), list(product(KnownState, KnownAction)))
def test_a_verb_moves_a_known_error_or_is_refused(state: KnownState, action: KnownAction) -> None:
    known, _ = known_error()
    known.state = state
    after = EXPECTED[state, action]
    if after == "-":
        with pytest.raises(Conflict) as refused:
            VERBS[action][1](known, ORDERS[action], desk())
        assert refused.value.members["allowed"] == []
        assert known.state == state
    else:
        events = VERBS[action][1](known, ORDERS[action], desk())
        assert known.state == after
        assert events and all(event.state == after for event in events)
    assert set(KNOWN_ERROR.allowed(state)) == {each for each in KnownAction if EXPECTED[state, each] != "-"}
    assert f"known-error:{action}" in PERMISSIONS


days = st.integers(1, 12).map(lambda count: MONDAY + timedelta(days=count))
revisions = st.fixed_dictionaries(
    {}, optional={"title": st.sampled_from(["A", "B"]), "items": st.just(("x",)),
                  "service": st.sampled_from(["s", None]), "valid_from": days,
                  "valid_to": days | st.none(), "review_at": days}
)  # fmt: skip
life = st.lists(
    st.tuples(st.just("revise"), revisions) | st.tuples(st.sampled_from(["retire", "time"]), st.none()), max_size=15
)


@given(life, days | st.none())
def test_a_known_error_is_the_fold_of_its_events(steps: list[tuple[str, Any]], valid_to: datetime | None) -> None:
    known, events = known_error(valid_to=valid_to)
    messages: list[Message] = []
    keep(known, events, messages, MONDAY)
    overdue: list[datetime] = []
    for number, (action, fields) in enumerate(steps):
        now = MONDAY + timedelta(hours=9 * number)
        before = state_of(known)
        happened: list[tuple[datetime, list[Event]]]
        try:
            if action == "time":
                happened = due(known, now)
                assert due(known, now) == [], "what is due is done at once"
            elif action == "retire":
                happened = [(now, VERBS[KnownAction.RETIRE][1](known, ORDERS[KnownAction.RETIRE], desk(now)))]
            else:
                happened = [(now, VERBS[KnownAction.REVISE][1](known, ReviseKnownError(**fields), desk(now)))]
        except Refusal:
            for name, value in before.items():
                setattr(known, name, value)
            continue
        for instant, told_then in happened:
            overdue += [known.review_at for each in told_then if each.name == "known_error.review_overdue"]
            keep(known, told_then, messages, instant)
    assert fold_known_error(messages) == state_of(known)
    assert len(overdue) <= 1 + sum(message.data.count('"review_at"]') for message in messages)


def state_of(known: KnownError) -> dict[str, Any]:
    return {name: getattr(known, name) for name in columns(KnownError)}


def keep(known: KnownError, events: list[Event], messages: list[Message], when: datetime) -> None:
    for event in events:
        known.version += 1
        messages.append(as_told(event, known.id, known.number, known.version, when))
