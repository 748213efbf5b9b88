"""What stands behind a promise: refused where it cannot, told of and listed where somebody else broke it."""

import json
from datetime import timedelta
from typing import Any

import pytest

from tests.builders import read
from tests.sla.desk import HOUR, Desk, at
from tests.sla.documents import calendar, supporting, target
from tests.sla.test_policies import refused

pytestmark = pytest.mark.capability("SLM-3")


def behind(desk: Desk, *targets: dict[str, Any], name: str = "network", **spec: Any) -> dict[str, Any]:
    return supporting(*targets, name=f"{name}-{desk.organisation}", supports=[desk.organisation], **spec)


async def chains(desk: Desk, **query: Any) -> list[dict[str, Any]]:
    found = await read(desk.steward.client("alice"), "/sla/chains", agreement=desk.organisation, **query)
    return list(found["items"])


async def told(desk: Desk) -> list[dict[str, Any]]:
    """What was told of promises of this test's customer that nothing supports."""
    await desk.ticks()
    messages = await desk.steward.runtime("sla").log.read(0, 100_000)
    found = [json.loads(each.data) for each in messages if each.type == "steward.chain.unsupported.v1"]
    return [each for each in found if each["agreement"] == desk.organisation]


async def test_an_inside_agreement_slower_than_the_promise_is_refused_with_the_figures(desk: Desk) -> None:
    await desk.promises(target(limits={1: "4h", 2: "8h"}))
    ((field, message),) = await refused(desk, behind(desk, target(limits={1: "4h", 2: "9h"})))
    assert field == "documents.0.spec.targets.0.limits.2"
    assert "within PT8H of office" in message
    assert "can take PT9H of it" in message
    await desk.applies(behind(desk, target(limits={1: "4h", 2: "8h"})))
    assert [(each["priority"], each["supported"], each["worst_microseconds"]) for each in await chains(desk)] == [
        (1, True, 4 * HOUR), (2, True, 8 * HOUR)]  # fmt: skip


async def test_steps_one_after_the_other_are_added(desk: Desk) -> None:
    await desk.promises(target(limits={1: "4h"}))
    first = behind(desk, target(limits={1: "3h"}, chain="line"))
    second = behind(desk, target(limits={1: "2h"}, chain="line"), name="database")
    assert {field for field, _ in await refused(desk, first, second)} == {
        "documents.0.spec.targets.0.limits.1", "documents.1.spec.targets.0.limits.1"}  # fmt: skip
    await desk.applies(first, behind(desk, target(limits={1: "1h"}, chain="line"), name="database"))
    ((worst, steps),) = [(each["worst_microseconds"], len(each["supports"])) for each in await chains(desk)]
    assert (worst, steps) == (4 * HOUR, 2)


async def test_who_does_not_work_at_night_cannot_stand_behind_a_promise_of_day_and_night(desk: Desk) -> None:
    always = calendar(f"always-{desk.organisation}", weekly={"monday-sunday": ["00:00-24:00"]})
    await desk.applies(always)
    await desk.promises(target(limits={1: "70h"}, calendar=f"always-{desk.organisation}"))
    ((_, message),) = await refused(desk, behind(desk, target(limits={1: "8h"})))
    assert "can take PT88H of it" in message
    await desk.applies(behind(desk, target(limits={1: "2h"})))


async def test_a_promise_that_becomes_shorter_than_what_is_behind_it_is_told_and_found(desk: Desk) -> None:
    """The customer's agreement is not held up by the inside: it counts, and what does not follow is visible."""
    await desk.promises(target(limits={1: "4h"}))
    await desk.applies(behind(desk, target(limits={1: "4h"})))
    assert await told(desk) == []
    effect = desk.now + timedelta(days=10)
    await desk.promises(target(limits={1: "3h"}), effective_from=at(effect))
    (event,) = await told(desk)
    assert (event["limit_microseconds"], event["worst_microseconds"]) == (3 * HOUR, 4 * HOUR)
    assert (event["agreement_version"], event["from_at"], event["until"]) == (2, at(effect), None)
    assert [each["supported"] for each in await chains(desk)] == [True, False]
    assert [each["agreement_version"] for each in await chains(desk, supported=False)] == [2]
    path = "/sla/findings"
    for instant, count in ((desk.now, 0), (effect, 1)):
        found = (await read(desk.steward.client("alice"), path, at=at(instant)))["items"]
        assert len([each for each in found if each["name"] == desk.organisation]) == count
    # Other documents go on being applied, and what was told is not told again.
    await desk.applies(calendar(f"other-{desk.organisation}"))
    assert len(await told(desk)) == 1
    # Refused once it is written anew: it was to support what it cannot.
    assert await refused(desk, behind(desk, target(limits={1: "3.5h"}), effective_from=at(effect)))
    await desk.applies(behind(desk, target(limits={1: "3h"}), effective_from=at(effect)))
    assert await chains(desk, supported=False) == []


async def test_a_promise_over_before_the_inside_agreement_begins_is_not_compared(desk: Desk) -> None:
    await desk.promises(target(limits={1: "1h"}), period={"from": "2020-01-01", "to": "2024-12-31"})
    await desk.applies(behind(desk, target(limits={1: "4h"}), effective_from="2025-01-01T00:00:00Z"))


async def test_what_is_supported_must_be_there(desk: Desk) -> None:
    absent = f"absent-{desk.organisation}"
    faults = await refused(desk, calendar(), behind(desk, target(supports=[absent])))
    assert [field for field, _ in faults] == ["documents.1.spec.supports.0", "documents.1.spec.targets.0.supports.0"]
