"""After the fix: incidents before and after it are counted when the time is there; and who has to look back."""

from datetime import timedelta
from fractions import Fraction
from itertools import product
from math import comb
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text

from services.problem.domain import VERBS, decide
from services.problem.lifecycle import Action, State
from services.problem.queries.proof import DUE
from services.problem.rules.proof import EvaluationRule, ReviewRule, chance
from tests.builders import Json, applied, opened_problem, read
from tests.problem.samples import ORDERS, Change, Incident, desk, problem_in
from tests.problem.test_api import PATH, verb
from tests.problem.test_cause import CAUSE
from tests.system import MONDAY, Steward

EVALUATED = pytest.mark.capability("PRB-9")
REVIEWED = pytest.mark.capability("PRB-7")


def document(kind: str, **spec: Any) -> Json:
    since = (MONDAY - timedelta(days=1)).isoformat()
    return {"kind": f"problem/{kind}", "name": "ours", "effective_from": since, "spec": spec}


def struck(*days: float, **about: str) -> list[Incident]:
    """An incident so many days after Monday each; before it where negative."""
    return [Incident(MONDAY + timedelta(days=each), **about) for each in days]


async def come(steward: Steward, *incidents: Incident) -> None:
    await steward.runtime("problem").inbox.receive([arrival for each in incidents for arrival in each.arrivals()])


async def resolved(steward: Steward, *incidents: Incident, **order: Any) -> Json:
    problem = await opened_problem(steward, incidents=[str(each.id) for each in incidents], **order)
    return await verb(steward, problem, "resolve", resolution="Changed")


async def now(steward: Steward, problem: Json) -> Json:
    return await read(steward.client("manager"), f"{PATH}/{problem['id']}")


async def timeline(steward: Steward, problem: Json) -> list[Json]:
    items: list[Json] = (await read(steward.client("manager"), f"{PATH}/{problem['id']}/timeline", limit=200))["items"]
    return items


def counted(problem: Json) -> tuple[Any, ...]:
    return problem["incidents_before"], problem["incidents_after"], problem["verdict"]


@EVALUATED
async def test_a_fix_is_judged_when_its_time_is_there_and_then_proves_the_end(fresh_steward: Steward) -> None:
    steward = fresh_steward
    before = struck(-1, -9, -27.9, -28.1)
    await come(steward, *before)
    problem = await resolved(steward, *before)
    await verb(steward, problem, "identify-cause", **CAUSE)
    steward.clock.advance(days=27)
    await steward.ticked()
    assert counted(await now(steward, problem)) == (None, None, None)
    refused = await steward.client("manager").post(f"{PATH}/{problem['id']}/close", json={})
    assert refused.status_code == 422
    steward.clock.advance(days=3)
    for _ in range(2):
        await steward.ticked()
    found = await now(steward, problem)
    assert counted(found) == (3, 0, "effective")
    entry = (await timeline(steward, problem))[-1]
    assert (entry["event"], entry["actor"], entry["at"], entry["recorded"]) == (
        "fix.evaluated", "steward", "2026-03-30T09:00:00Z", "2026-04-01T09:00:00Z",
    )  # fmt: skip
    assert {name: entry["data"][name] for name in ("days", "fixed_at", "chance", "rule")} == {
        "days": 28, "fixed_at": "2026-03-02T09:00:00Z", "chance": 0.125, "rule": None,
    }  # fmt: skip
    assert (await verb(steward, problem, "close"))["state"] == "closed"
    assert (await timeline(steward, problem))[-2]["data"]["verdict"] == "effective"


@EVALUATED
async def test_what_counts_is_linked_or_about_the_same_item_and_category(fresh_steward: Steward) -> None:
    steward = fresh_steward
    same = {"ci": "db-1", "category": "App"}
    linked = struck(-2, 3)
    alike = [*struck(-3, -4, 5, **same), Incident(MONDAY, **same)]
    none = [
        *struck(-3, 5, ci="db-1", category="Network"), *struck(4, ci="db-2", category="App"),
        *(each.cancelled() for each in struck(-5, 6, **same)), *struck(7, **same, kind="request"),
        *struck(29, -29, **same),
    ]  # fmt: skip
    problem = await resolved(steward, *linked, **same)
    untied = struck(8, **same)[0]
    await come(steward, *linked, *alike, *none, untied)
    for action in ("link", "unlink"):
        await verb(steward, problem, action, incident=str(untied.id))
    steward.clock.advance(days=28)
    await steward.ticked()
    assert counted(await now(steward, problem)) == (3, 3, "ineffective")


@EVALUATED
@pytest.mark.parametrize("reopens", [False, True])
async def test_an_ineffective_fix_is_shown_and_reopens_the_problem_where_the_rule_says_so(
    fresh_steward: Steward, reopens: bool
) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [document("EvaluationRule", days=7, reopens=reopens)])
    linked = struck(-1, -2, 1, 2)
    await come(steward, *linked)
    problem = await resolved(steward, *linked)
    steward.clock.advance(days=7)
    await steward.ticked()
    found = await now(steward, problem)
    names = [each["event"] for each in await timeline(steward, problem)]
    shown = await read(steward.client("manager"), PATH, verdict="ineffective")
    if reopens:
        assert (found["state"], found["verdict"], found["fixed_at"]) == ("active", None, None)
        assert names[-3:] == ["fix.evaluated", "problem.reopened", "problem.status_changed"]
    else:
        assert (found["state"], found["verdict"]) == ("resolved", "ineffective")
        assert [each["number"] for each in shown["items"]] == [problem["number"]]
        assert names[-1] == "fix.evaluated"
    evaluated = next(each for each in await timeline(steward, problem) if each["event"] == "fix.evaluated")
    assert (evaluated["data"]["rule"], evaluated["data"]["rule_version"], evaluated["data"]["days"]) == ("ours", 1, 7)


@EVALUATED
async def test_the_fix_counts_from_the_change_and_anew_after_a_reopening(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [document("EvaluationRule", days=7)])
    linked = struck(-1, -2, -3)
    await come(steward, *linked)
    problem = await opened_problem(steward, incidents=[str(each.id) for each in linked])
    problem = await verb(steward, problem, "request-change", title="New driver", reason="It leaks")
    change = Change(problem["id"], problem["change_request"]).approved().implemented()
    await steward.runtime("problem").inbox.receive(change.arrivals())
    steward.clock.advance(days=7)
    await steward.ticked()
    # The change ended two hours after Monday began.
    assert counted(await now(steward, problem)) == (None, None, None)
    steward.clock.advance(hours=2)
    await steward.ticked()
    assert counted(await now(steward, problem)) == (3, 0, "effective")
    found = await verb(steward, problem, "reopen", reason="It came back")
    assert (*counted(found), found["fixed_at"]) == (None, None, None, None)
    await verb(steward, problem, "resolve", resolution="Changed")
    steward.clock.advance(days=7)
    await steward.ticked()
    assert counted(await now(steward, problem)) == (0, 0, "undecided")


@EVALUATED
async def test_a_closed_problem_is_judged_too_and_one_that_is_open_again_is_not(fresh_steward: Steward) -> None:
    steward = fresh_steward
    closed, reopened = await resolved(steward), await resolved(steward)
    await verb(steward, closed, "identify-cause", **CAUSE)
    await verb(steward, closed, "close", proof="The part is gone")
    await verb(steward, reopened, "reopen", reason="It came back")
    steward.clock.advance(days=40)
    await steward.ticked()
    assert [(await now(steward, each))["verdict"] for each in (closed, reopened)] == ["undecided", None]
    assert (await now(steward, closed))["state"] == "closed"


@EVALUATED
async def test_what_is_due_is_found_by_its_index(steward: Steward) -> None:
    async with steward.database("problem").transaction() as transaction:
        await transaction.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await transaction.execute(text(f"EXPLAIN {DUE.text}"), {"latest": MONDAY, "limit": 10})
        assert "ix_problem_to_evaluate" in "\n".join(plan.scalars())


@EVALUATED
def test_the_verdict_is_the_one_that_the_rule_states() -> None:
    rule = EvaluationRule(minimum_before=3, effective_up_to=0.25, ineffective_from=0.75)
    for before, after in product(range(12), range(12)):
        if before >= 3 and 4 * after <= before:
            expected = "effective"
        elif after and 4 * after >= 3 * before:
            expected = "ineffective"
        else:
            expected = "undecided"
        assert rule.verdict(before, after) == expected, (before, after)


@EVALUATED
@given(st.integers(0, 80), st.integers(0, 80))
def test_the_chance_is_the_sum_over_all_ways_to_fall(before: int, after: int) -> None:
    total = before + after
    ways = sum(Fraction(comb(total, count)) for count in range(after + 1))
    assert chance(before, after) == pytest.approx(float(ways / 2**total), rel=1e-12)


@EVALUATED
@pytest.mark.parametrize(
    "spec", [{"effective_up_to": 0.5, "ineffective_from": 0.5}, {"days": 0}, {"minimum_before": 0}, {"colour": "red"}]
)
def test_a_rule_that_contradicts_itself_is_refused(spec: Json) -> None:
    with pytest.raises(ValidationError):
        EvaluationRule.model_validate(spec)


@REVIEWED
async def test_the_rule_says_which_problems_are_looked_back_on(fresh_steward: Steward) -> None:
    steward = fresh_steward
    await applied(steward, "problem", [document("ReviewRule", priorities=[1], reopened=1, age_days=10)])
    degrees: Json = {"frequency": 1, "impact": 1, "cost": 1}
    costly, unusual, late = [await opened_problem(steward, **each) for each in (degrees, {}, {})]
    plain: list[Json] = []
    await verb(steward, unusual, "resolve", resolution="Changed")
    await verb(steward, unusual, "reopen", reason="Not gone")

    async def closed(problem: Json) -> Json:
        await verb(steward, problem, "resolve", resolution="Changed")
        await verb(steward, problem, "identify-cause", **CAUSE)
        return await verb(steward, problem, "close", proof="None since")

    plain.append(await closed(await opened_problem(steward)))
    first, second = await closed(costly), await closed(unusual)
    steward.clock.advance(days=10)
    third = await closed(late)
    assert [each["review_reasons"] for each in (first, second, third, *plain)] == [
        ["priorities"], ["reopened"], ["age_days"], [],
    ]  # fmt: skip
    assert [each["needs_review"] for each in (first, second, third, *plain)] == [True, True, True, False]
    listed = await read(steward.client("manager"), PATH, needs_review=True, sort="number")
    assert [each["number"] for each in listed["items"]] == [each["number"] for each in (first, second, third)]
    assert all(each["needs_review"] for each in listed["items"])
    found = await verb(steward, first, "review", learned="Ask the supplier", missed_chances="Nobody did", training="x")
    assert (found["needs_review"], found["state"]) == (False, "closed")
    entry = (await timeline(steward, first))[-1]
    assert (entry["event"], entry["data"]["why"]) == ("problem_review.completed", "priorities")
    listed = await read(steward.client("manager"), PATH, needs_review=True)
    assert len(listed["items"]) == 2
    assert first["number"] not in {each["number"] for each in listed["items"]}
    # What is open again will be closed again, and is looked at then.
    found = await verb(steward, second, "reopen", reason="Back")
    assert (found["needs_review"], found["review_reasons"]) == (False, [])


@REVIEWED
async def test_an_improvement_is_proposed_to_whoever_manages_the_system(steward: Steward) -> None:
    problem = await opened_problem(steward)
    body = {"proposal": "Watch the pool", "benefit": "Seen a day earlier"}
    await verb(steward, problem, "propose-improvement", **body)
    entry = (await timeline(steward, problem))[-1]
    assert entry["event"] == "problem.improvement_proposed"
    assert {name: entry["data"][name] for name in body} == body
    for wrong in ({}, {"proposal": ""}):
        path = f"{PATH}/{problem['id']}/propose-improvement"
        assert (await steward.client("manager").post(path, json=wrong)).status_code == 422
        assert (await steward.client("alice").post(path, json=body)).status_code == 403


@REVIEWED
def test_who_looks_back_without_being_asked_says_so() -> None:
    (event,) = decide(VERBS[Action.REVIEW], problem_in(State.RESOLVED), ORDERS[Action.REVIEW], desk())
    assert event.why == "by choice"  # type: ignore[attr-defined]


@REVIEWED
@given(
    st.none() | st.integers(1, 5), st.integers(0, 3), st.integers(0, 3), st.integers(0, 30),
    st.sets(st.integers(1, 5)), *[st.none() | st.integers(1, 3)] * 2, st.none() | st.integers(1, 30),
)  # fmt: skip
def test_each_condition_that_is_given_is_enough(
    priority: int | None, reopened: int, recurrences: int, days: int,
    priorities: set[int], least_reopened: int | None, least_recurrences: int | None, least_days: int | None,
) -> None:  # fmt: skip
    rule = ReviewRule(
        priorities=tuple(priorities), reopened=least_reopened, recurrences=least_recurrences, age_days=least_days
    )
    expected = ["priorities"] if priority in priorities else []
    for name, value, least in (
        ("reopened", reopened, least_reopened),
        ("recurrences", recurrences, least_recurrences),
        ("age_days", days, least_days),
    ):
        if least is not None and value >= least:
            expected.append(name)
    assert rule.reasons(priority, reopened, recurrences, MONDAY, MONDAY + timedelta(days=days)) == expected
