"""Reviews that agreements ask for, what they agree on, and promises that were not kept with their causes."""

import asyncio
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest

from services.sla.domain import orders
from services.sla.domain.reviews import agree, call_off, complete, drop, hold, raised, revise
from services.sla.lifecycle import PERMISSIONS, REVIEWS, TASKS, ReviewState, ReviewVerb, TaskState, TaskVerb
from services.sla.rules.reviews import review_days
from services.sla.tables import Review, Task
from shared.database.records import new
from shared.errors import Conflict
from tests.builders import Json, read, told
from tests.sla.desk import Desk, at
from tests.sla.documents import target
from tests.sla.given import agreement as given_agreement
from tests.system import MONDAY

pytestmark = pytest.mark.capability("SLM-9")
TODAY = MONDAY.date()
AGREED = orders.Agreed(title="Write it down", owner="grace", due_on=TODAY + timedelta(days=7))
HELD = {"participants": ["Carol", "Grace"], "notes": "All went well"}

# Verb: planned, held, cancelled. A dash: refused.
REVIEW_GRID = {
    ReviewVerb.HOLD: ("held", "-", "-"),
    ReviewVerb.CANCEL: ("cancelled", "-", "-"),
    ReviewVerb.RAISE: ("-", "held", "-"),
}
# Verb: open, done, dropped.
TASK_GRID = {
    TaskVerb.REVISE: ("open", "-", "-"),
    TaskVerb.COMPLETE: ("done", "-", "-"),
    TaskVerb.DROP: ("dropped", "-", "-"),
}


def review_in(state: ReviewState) -> Review:
    found = new(Review, state=state, agreement="gold", agreement_version=1, due_on=TODAY, participants=[], notes="")
    found.number = "REV-1"
    return found


def task_in(state: TaskState) -> Task:
    found, _ = raised(AGREED, "review", review_in(ReviewState.HELD).id, "REV-1", "gold", None, MONDAY)
    found.number, found.state = "ACT-1", state
    return found


REVIEW_VERBS: dict[ReviewVerb, Any] = {
    ReviewVerb.HOLD: lambda row: hold(row, orders.Hold(held_on=TODAY, participants=("Carol",)), MONDAY),
    ReviewVerb.CANCEL: lambda row: call_off(row, "Nobody has time"),
    ReviewVerb.RAISE: lambda row: agree(row, AGREED, MONDAY),
}
TASK_VERBS: dict[TaskVerb, Any] = {
    TaskVerb.REVISE: lambda row: revise(row, orders.Revise(owner="frank", reason="He knows more"), MONDAY),
    TaskVerb.COMPLETE: lambda row: complete(row, orders.Complete(result="It is written"), MONDAY),
    TaskVerb.DROP: lambda row: drop(row, orders.Drop(reason="No need any more"), MONDAY),
}


@pytest.mark.parametrize(("verb", "state"), list(product(ReviewVerb, ReviewState)))
def test_a_verb_moves_a_review_or_is_refused_with_what_is_allowed(verb: ReviewVerb, state: ReviewState) -> None:
    row, after = review_in(state), dict(zip(ReviewState, REVIEW_GRID[verb], strict=True))[state]
    check(row, REVIEW_VERBS[verb], after, [str(each) for each in REVIEWS.allowed(state)])
    assert (verb in REVIEWS.allowed(state)) == (after != "-")


@pytest.mark.parametrize(("verb", "state"), list(product(TaskVerb, TaskState)))
def test_a_verb_moves_an_action_or_is_refused_with_what_is_allowed(verb: TaskVerb, state: TaskState) -> None:
    row, after = task_in(state), dict(zip(TaskState, TASK_GRID[verb], strict=True))[state]
    check(row, TASK_VERBS[verb], after, [str(each) for each in TASKS.allowed(state)])
    assert (verb in TASKS.allowed(state)) == (after != "-")


def check(row: Any, act: Any, after: str, allowed: list[str]) -> None:
    before = row.state
    if after == "-":
        with pytest.raises(Conflict) as refused:
            act(row)
        assert (refused.value.members["allowed"], row.state) == (allowed, before)
    else:
        assert act(row)
        assert row.state == after


def test_every_verb_has_a_permission() -> None:
    names = {f"review:{verb}" for verb in ReviewVerb} | {f"action:{verb}" for verb in TaskVerb}
    assert names <= set(PERMISSIONS)


def test_the_days_of_a_review_are_those_listed_and_those_of_the_rhythm_within_the_period() -> None:
    spec = given_agreement(review_dates=["2026-01-31", "2026-04-15"], reviews={"every": 1, "first": "2026-01-31"},
                           period={"from": "2026-02-01", "to": "2026-06-15"}).spec  # fmt: skip
    assert review_days(spec, date(2026, 1, 1), date(2026, 12, 31)) == [
        date(2026, 2, 28), date(2026, 3, 31), date(2026, 4, 15), date(2026, 4, 30), date(2026, 5, 31)]  # fmt: skip
    assert review_days(spec, date(2026, 4, 16), date(2026, 5, 1)) == [date(2026, 4, 30)]


async def reviews(desk: Desk, **query: Any) -> list[Json]:
    found = await read(desk.steward.client("keeper"), "/sla/reviews", agreement=desk.organisation, **query)
    return list(found["items"])


async def does(desk: Desk, path: str, who: Any = "keeper", **order: Any) -> Json:
    return await told(desk.steward.client(who), f"/sla/{path}", order)


async def refusal(desk: Desk, path: str, who: Any = "keeper", **order: Any) -> tuple[int, Json]:
    answer = await desk.steward.client(who).post(f"/sla/{path}", json=order)
    return answer.status_code, answer.json()


async def planned(desk: Desk) -> Json:
    """A review that is due in ten days."""
    day = (desk.now + timedelta(days=10)).date().isoformat()
    await desk.promises(reviews={"every": 6, "first": day})
    (found,) = await reviews(desk)
    return found


async def test_a_planned_review_becomes_due_is_held_and_its_actions_are_tracked_to_the_end(desk: Desk) -> None:
    review = await planned(desk)
    assert (review["state"], review["overdue"], review["allowed_actions"]) == ("planned", False, ["hold", "cancel"])
    desk.passes(days=11)
    await desk.ticks()
    assert [each["id"] for each in await reviews(desk, overdue=True)] == [review["id"]]
    due = (desk.now + timedelta(days=7)).date().isoformat()
    agreed = {"title": "Answer at lunch", "owner": "grace", "due_on": due}
    day = desk.now.date().isoformat()
    held = await does(desk, f"reviews/{review['id']}/hold", held_on=day, actions=[agreed], **HELD)
    assert (held["state"], held["held_on"], held["participants"]) == ("held", day, HELD["participants"])
    second = await does(desk, f"reviews/{review['id']}/raise-action", title="Ring", owner="alice", due_on=due)
    actions = (await read(desk.steward.client("keeper"), "/sla/actions", source_id=review["id"]))["items"]
    assert [(each["title"], each["state"], each["source_number"]) for each in actions] == [
        ("Answer at lunch", "open", review["number"]), ("Ring", "open", review["number"])]  # fmt: skip
    first = actions[0]
    desk.passes(days=8)
    await desk.ticks()
    await desk.ticks()
    overdue = await read(desk.steward.client("alice"), "/sla/actions", overdue=True, agreement=desk.organisation)
    assert {each["id"] for each in overdue["items"]} == {first["id"], second["id"]}
    later = (desk.now + timedelta(days=3)).date().isoformat()
    revised = await does(desk, f"actions/{first['id']}/revise", due_on=later, reason="She was ill")
    assert (revised["due_on"], revised["overdue"]) == (later, False)
    done = await does(desk, f"actions/{first['id']}/complete", "alice", result="There is a rota")
    assert (done["state"], done["result"], done["allowed_actions"]) == ("done", "There is a rota", [])
    path = f"/sla/actions/{first['id']}/timeline"
    assert [each["event"] for each in (await read(desk.steward.client("alice"), path))["items"]] == [
        "agreed_action.raised", "agreed_action.overdue", "agreed_action.revised", "agreed_action.completed",
    ]  # fmt: skip
    status, problem = await refusal(desk, f"actions/{first['id']}/drop", reason="No")
    assert (status, problem["allowed"]) == (409, [])
    path = f"/sla/reviews/{review['id']}/timeline"
    assert [each["event"] for each in (await read(desk.steward.client("alice"), path))["items"]] == [
        "service_review.planned", "service_review.held"]  # fmt: skip


async def test_a_review_that_cannot_be_held_leaves_no_action_behind(desk: Desk) -> None:
    review = await planned(desk)
    tomorrow = (desk.now + timedelta(days=1)).date().isoformat()
    agreed = {"title": "Never", "owner": "grace", "due_on": tomorrow}
    status, problem = await refusal(desk, f"reviews/{review['id']}/hold", held_on=tomorrow, actions=[agreed], **HELD)
    assert (status, problem["errors"][0]["field"]) == (422, "held_on")
    cancelled = await does(desk, f"reviews/{review['id']}/cancel", reason="All are away")
    assert (cancelled["state"], cancelled["reason"]) == ("cancelled", "All are away")
    day = desk.now.date().isoformat()
    status, problem = await refusal(desk, f"reviews/{review['id']}/hold", held_on=day, actions=[agreed], **HELD)
    assert (status, problem["allowed"]) == (409, [])
    assert (await read(desk.steward.client("keeper"), "/sla/actions", source_id=review["id"]))["items"] == []
    await desk.ticks()
    assert [each["state"] for each in await reviews(desk)] == ["cancelled"], "it is not planned again"


async def test_a_version_with_other_days_calls_off_the_reviews_it_does_not_ask_for(desk: Desk) -> None:
    review = await planned(desk)
    day = (desk.now + timedelta(days=20)).date().isoformat()
    await desk.promises(review_dates=[day], effective_from=at(desk.now))
    assert [(each["due_on"], each["state"]) for each in await reviews(desk)] == [
        (review["due_on"], "cancelled"), (day, "planned")]  # fmt: skip


async def test_who_may_hold_a_review_and_explain_a_breach(desk: Desk) -> None:
    review = await planned(desk)
    for who, path in (("alice", "hold"), ("alice", "cancel"), ("alice", "raise-action"), (desk.contact, "hold")):
        assert (await refusal(desk, f"reviews/{review['id']}/{path}", who, **body(desk, path)))[0] == 403
    for path in ("reviews", "actions", "breaches"):
        assert (await desk.steward.client(desk.contact).get(f"/sla/{path}")).status_code == 403
        assert (await desk.steward.client("alice").get(f"/sla/{path}")).status_code == 200


def body(desk: Desk, path: str) -> Json:
    day = desk.now.date().isoformat()
    bodies: dict[str, Json] = {"hold": {"held_on": day, **HELD}, "cancel": {"reason": "No"},
              "raise-action": {"title": "Ring", "owner": "alice", "due_on": day}}  # fmt: skip
    return bodies[path]


async def breaches(desk: Desk, **query: Any) -> list[Json]:
    found = await read(desk.steward.client("keeper"), "/sla/breaches", agreement=desk.organisation, **query)
    return list(found["items"])


EXPLAINED = {"cause": "Nobody was there at lunch", "corrective_action": "A rota for lunch"}


async def test_a_missed_clock_has_no_cause_until_somebody_gives_one_with_what_is_done(desk: Desk) -> None:
    await desk.promises(target())
    incident, other = await desk.opens(), await desk.opens(impact=1, urgency=1)
    clock = await desk.clock(incident)
    path = f"clocks/{clock['id']}/explain"
    status, problem = await refusal(desk, path, **EXPLAINED)
    assert (status, "only what is missed" in problem["detail"]) == (409, True)
    await desk.resolves(other)
    desk.passes(hours=5)
    await desk.ticks()
    (found,) = await breaches(desk, explained=False)
    assert (found["id"], found["of"], found["number"], found["cause"]) == (clock["id"], "clock", clock["number"], None)
    due = (desk.now + timedelta(days=7)).date().isoformat()
    action = {"title": "Write the rota", "owner": "grace", "due_on": due}
    assert (await refusal(desk, path, "alice", **EXPLAINED))[0] == 403
    said = await does(desk, path, **EXPLAINED, action=action)
    assert (said["missed"], said["cause"], said["explained_by"]) == (clock["id"], EXPLAINED["cause"], "keeper")
    assert await breaches(desk, explained=False) == []
    (found,) = await breaches(desk, explained=True)
    assert (found["explanation"], found["action"], found["corrective_action"]) == (
        said["id"], said["action"], EXPLAINED["corrective_action"])  # fmt: skip
    task = await read(desk.steward.client("keeper"), f"/sla/actions/{said['action']}")
    assert (task["source"], task["source_number"], task["owner"]) == ("breach", said["number"], "grace")
    # A better cause replaces the first one; a second action is not begun beside the first.
    again = await does(desk, path, **{**EXPLAINED, "cause": "The phone was off"})
    assert (again["id"], again["version"], again["action"]) == (said["id"], 2, said["action"])
    assert (await refusal(desk, path, **EXPLAINED, action=action))[0] == 409


async def test_a_missed_month_is_explained_like_a_missed_clock(desk: Desk) -> None:
    level = {"name": "closed", "measure": "throughput", "calendar": "office", "at_least": 1}
    await desk.promises(service_levels=[level])
    desk.passes(days=32)
    await desk.ticks()
    found = [each for each in await breaches(desk, explained=False) if each["of"] == "measurement"]
    assert [each["target"] for each in found] == ["closed"]
    said = await does(desk, f"measurements/{found[0]['id']}/explain", **EXPLAINED)
    assert (said["of"], said["missed_number"]) == ("measurement", found[0]["number"])
    assert await breaches(desk, explained=False, of="measurement") == []


async def test_a_repeated_request_explains_once(desk: Desk) -> None:
    await desk.promises(target())
    clock = await desk.clock(await desk.opens())
    desk.passes(hours=5)
    due = desk.now.date().isoformat()
    order = {**EXPLAINED, "action": {"title": "Ring", "owner": "grace", "due_on": due}}
    answers = [
        await desk.steward.client("keeper").post(
            f"/sla/clocks/{clock['id']}/explain", json=order, headers={"Idempotency-Key": clock["id"]}
        )
        for _ in range(2)
    ]
    assert [each.status_code for each in answers] == [200, 200]
    assert answers[0].json() == answers[1].json()


async def test_several_who_explain_at_once_write_one_explanation(desk: Desk) -> None:
    await desk.promises(target())
    clock = await desk.clock(await desk.opens())
    desk.passes(hours=5)
    path = f"/sla/clocks/{clock['id']}/explain"
    answers = await asyncio.gather(*(desk.steward.client("keeper").post(path, json=EXPLAINED) for _ in range(5)))
    assert [each.status_code for each in answers] == [200] * 5
    assert sorted(each.json()["version"] for each in answers) == [1, 2, 3, 4, 5]
    assert len({each.json()["id"] for each in answers}) == 1
