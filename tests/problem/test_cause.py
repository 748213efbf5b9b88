"""Root causes: by method and evidence, or accepted as unknown by somebody else; and what cannot close without one."""

from typing import Any

import pytest

from services.problem.domain import VERBS, decide, orders
from services.problem.lifecycle import Action, State
from shared.errors import Conflict, Forbidden
from shared.local.people import Person
from tests.builders import Json, opened_problem, read, told
from tests.problem.samples import ORDERS, desk, problem_in
from tests.problem.test_api import PATH, verb
from tests.system import Steward

pytestmark = pytest.mark.capability("PRB-3")
CAUSE: Json = {"cause": "The driver leaks", "method": "5-whys", "evidence": ["https://logs/1", "It does so in a test"]}
PROOF: Json = {"proof": "A month without one"}


async def resolved(steward: Steward, **order: Any) -> Json:
    problem = await opened_problem(steward, **order)
    return await verb(steward, problem, "resolve", resolution="Changed")


async def test_a_cause_is_kept_with_its_method_and_evidence(steward: Steward) -> None:
    problem = await opened_problem(steward)
    found = await verb(steward, problem, "identify-cause", **CAUSE, cause_code="Supplier")
    assert {name: found[name] for name in found if name.startswith("cause")} == {
        "cause": "The driver leaks", "cause_known": True, "cause_code": "Supplier", "cause_method": "5-whys",
        "cause_evidence": CAUSE["evidence"], "cause_accepted_by": None,
        "cause_identified_at": steward.clock.now().isoformat().replace("+00:00", "Z"),
    }  # fmt: skip
    entry = (await read(steward.client("alice"), f"{PATH}/{problem['id']}/timeline"))["items"][-1]
    assert (entry["event"], entry["data"]["method"], entry["data"]["known"]) == ("cause.identified", "5-whys", True)
    assert (await verb(steward, problem, "identify-cause", **CAUSE, cause_code="Supplier"))["version"] == 2


async def test_a_problem_without_a_cause_is_resolved_and_not_closed(steward: Steward) -> None:
    problem = await resolved(steward)
    answer = await steward.client("manager").post(f"{PATH}/{problem['id']}/close", json=PROOF)
    assert answer.status_code == 409
    assert (answer.json()["rule"], answer.json()["allowed"]) == ("cause-identified", ["identify-cause"])
    await verb(steward, problem, "identify-cause", **CAUSE)
    assert (await verb(steward, problem, "close", **PROOF))["state"] == "closed"


async def test_a_cause_in_words_alone_is_none_that_is_identified(steward: Steward) -> None:
    problem = await opened_problem(steward)
    found = await verb(steward, problem, "resolve", resolution="Changed", cause="Probably the driver")
    assert (found["cause"], found["cause_known"]) == ("Probably the driver", None)
    answer = await steward.client("manager").post(f"{PATH}/{problem['id']}/close", json=PROOF)
    assert answer.status_code == 409


async def test_resolving_does_not_overwrite_an_identified_cause(steward: Steward) -> None:
    problem = await opened_problem(steward)
    await verb(steward, problem, "identify-cause", **CAUSE)
    path = f"{PATH}/{problem['id']}/resolve"
    answer = await steward.client("manager").post(path, json={"resolution": "Changed", "cause": "Dust"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "cause")
    assert (await verb(steward, problem, "resolve", resolution="Changed"))["cause"] == "The driver leaks"


async def test_that_it_stays_unknown_is_accepted_by_somebody_else_than_its_assignee(steward: Steward) -> None:
    problem = await resolved(steward, assignee="manager")
    path = f"{PATH}/{problem['id']}/identify-cause"
    unknown = {"known": False, "cause": "Nothing was left to look at"}
    answer = await steward.client("manager").post(path, json=unknown)
    assert (answer.status_code, answer.json()["rule"]) == (403, "unknown-cause-accepted-by-another")
    assert (await steward.client("alice").post(path, json=unknown)).status_code == 403
    found = await told(steward.client("grace"), path, unknown)
    assert (found["cause_known"], found["cause_accepted_by"]) == (False, "grace")
    assert (await verb(steward, problem, "close", **PROOF))["state"] == "closed"


async def test_accepting_is_a_permission_of_its_own(steward: Steward, monkeypatch: pytest.MonkeyPatch) -> None:
    """Taken from the role, the verb goes on working for causes that are known."""
    table = steward.runtime("problem").permissions.table
    monkeypatch.setitem(table, "problem:accept-unknown-cause", frozenset({"administrator"}))
    problem = await opened_problem(steward)
    path = f"{PATH}/{problem['id']}/identify-cause"
    answer = await steward.client("manager").post(path, json={"known": False, "cause": "x"})
    assert answer.status_code == 403
    assert (await verb(steward, problem, "identify-cause", **CAUSE))["cause_known"]
    found = await told(steward.client(Person("boss", "Bo", ("administrator",))), path, {"known": False, "cause": "x"})
    assert found["cause_accepted_by"] == "boss"


def test_whoever_accepted_it_cannot_become_its_assignee_and_close_it() -> None:
    problem = problem_in(State.RESOLVED)
    decide(VERBS[Action.IDENTIFY_CAUSE], problem, orders.IdentifyCause(known=False, cause="None left"), desk())
    problem.assignee = "manager"
    with pytest.raises(Conflict, match="accepted by manager"):
        decide(VERBS[Action.CLOSE], problem, ORDERS[Action.CLOSE], desk())
    with pytest.raises(Forbidden, match="somebody else"):
        decide(VERBS[Action.IDENTIFY_CAUSE], problem, orders.IdentifyCause(known=False, cause="Still none"), desk())


def test_what_was_accepted_as_unknown_has_to_be_accepted_anew_after_it_struck_again() -> None:
    problem = problem_in(State.RESOLVED)
    decide(VERBS[Action.IDENTIFY_CAUSE], problem, orders.IdentifyCause(known=False, cause="None left"), desk())
    decide(VERBS[Action.CLOSE], problem, ORDERS[Action.CLOSE], desk())
    decide(VERBS[Action.REOPEN], problem, ORDERS[Action.REOPEN], desk())
    assert (problem.cause_known, problem.cause, problem.cause_accepted_by) == (None, None, None)
    decide(VERBS[Action.RESOLVE], problem, ORDERS[Action.RESOLVE], desk())
    with pytest.raises(Conflict, match="not identified"):
        decide(VERBS[Action.CLOSE], problem, ORDERS[Action.CLOSE], desk())


@pytest.mark.parametrize(
    "body", [{}, {"cause": "x"}, {"cause": "x", "method": "5-whys"}, {"cause": "x", "evidence": ["y"]},
             {"cause": "x", "method": "guess", "evidence": ["y"]}, {"cause": "x", "method": "other", "evidence": [""]},
             {"known": False}, {"cause": "x", "method": "other", "evidence": ["y"] * 51}]
)  # fmt: skip
async def test_a_cause_without_method_or_evidence_is_refused(steward: Steward, body: Json) -> None:
    problem = await opened_problem(steward)
    answer = await steward.client("manager").post(f"{PATH}/{problem['id']}/identify-cause", json=body)
    assert answer.status_code == 422


async def test_problems_without_a_known_cause_can_be_listed(steward: Steward) -> None:
    problem = await opened_problem(steward, ci="odd-host-1")
    other = await opened_problem(steward, ci="odd-host-1")
    await verb(steward, problem, "identify-cause", **CAUSE)
    await told(steward.client("grace"), f"{PATH}/{other['id']}/identify-cause", {"known": False, "cause": "None left"})
    for known, expected in ((True, problem), (False, other)):
        found = await read(steward.client("manager"), PATH, ci="odd-host-1", cause_known=known)
        assert [each["number"] for each in found["items"]] == [expected["number"]]
