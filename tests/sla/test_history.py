"""Another system's past: judged by its own time, not ticked while it is played in, then joined to the present."""

from typing import Any
from uuid import uuid4

import pytest

from tests.builders import Json, read, told
from tests.sla.desk import HOUR, Desk
from tests.sla.documents import target

pytestmark = pytest.mark.capability("SLM-5")


def past(desk: Desk, reference: str, *steps: tuple[str, str, dict[str, Any]]) -> Json:
    return {
        "reference": reference,
        "steps": [
            {"row": row, "at": time, "actor": "somebody", "action": action, "body": body}
            for row, (time, action, body) in enumerate(steps, 1)
        ],
    }


def opening(desk: Desk) -> dict[str, Any]:
    return {"title": "Long ago", "organisation": desk.organisation}


async def test_history_is_judged_by_its_own_time_and_counted_by_its_origin(desk: Desk) -> None:
    await desk.promises(target(warnings=[0.5]))
    origin = f"origin-{uuid4().hex[:8]}"
    played = await desk.plays(
        origin,
        past(desk, "A", ("2024-03-04T09:00:00Z", "open", opening(desk)),
             ("2024-03-04T10:00:00Z", "resolve", {"resolution_code": "x"})),
        past(desk, "B", ("2024-03-04T09:00:00Z", "open", opening(desk)),
             ("2024-03-05T10:00:00Z", "resolve", {"resolution_code": "x"})),
    )  # fmt: skip
    assert [each["rejected"] for each in played["records"]] == [[], []]
    await desk.ticks()
    clocks = await desk.clocks(origin=origin)
    assert sorted((each["outcome"], each["elapsed_microseconds"]) for each in clocks) == [
        ("met", HOUR),
        ("missed", 9 * HOUR),
    ]
    (missed,) = [each for each in clocks if each["outcome"] == "missed"]
    assert await desk.story(missed) == [
        ("started", "2024-03-04T09:00:00Z"),
        ("breached", "2024-03-04T13:00:00Z"),
        ("stopped", "2024-03-05T10:00:00Z"),
    ]
    assert await read(desk.steward.client("alice"), "/sla/metrics/totals", origin=origin) == {
        "met": 1, "missed": 1, "pending": 0}  # fmt: skip
    for clock in clocks:
        await desk.proof(clock)


async def test_an_open_record_of_the_past_joins_the_ticking_when_its_import_is_complete(desk: Desk) -> None:
    await desk.promises(target(warnings=[0.5]))
    origin = f"origin-{uuid4().hex[:8]}"
    await desk.plays(origin, past(desk, "A", ("2024-03-04T09:00:00Z", "open", opening(desk))))
    await desk.ticks()
    (clock,) = await desk.clocks()
    assert (clock["historical"], clock["outcome"], clock["next_tick_at"]) == (True, "pending", None)
    assert await desk.story(clock) == [("started", "2024-03-04T09:00:00Z")]
    assert [each["id"] for each in await desk.clocks(outcome="pending")] == [clock["id"]]
    await desk.proof(clock)
    await told(desk.steward.client("root"), "/incident/history/complete", {"origin": origin})
    await desk.ticks()
    (clock,) = await desk.clocks()
    assert (clock["historical"], clock["outcome"], clock["breached_at"]) == (False, "missed", "2024-03-04T13:00:00Z")
    assert (await desk.story(clock))[1:] == [("breached", "2024-03-04T13:00:00Z")]
    await desk.proof(clock)


async def test_a_row_whose_time_lies_before_the_one_above_it_counts_as_of_that_time(desk: Desk) -> None:
    await desk.promises()
    origin = f"origin-{uuid4().hex[:8]}"
    await desk.plays(
        origin,
        past(desk, "A", ("2024-03-04T09:00:00Z", "open", opening(desk)), ("2024-03-04T11:00:00Z", "start", {}),
             ("2024-03-04T10:00:00Z", "resolve", {"resolution_code": "x"})),
    )  # fmt: skip
    (clock,) = await desk.clocks()
    assert (clock["time_went_back"], clock["elapsed_microseconds"]) == (True, 2 * HOUR)
    await desk.proof(clock)
