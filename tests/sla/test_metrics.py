"""Figures of how well targets are met: they move when a record is resolved, and back when it is reopened."""

import pytest

from tests.builders import Json, read
from tests.sla.desk import HOUR, Desk


async def metrics(desk: Desk, **query: object) -> list[Json]:
    await desk.steward.drained()
    query = {"organisation": desk.organisation, **query}
    items: list[Json] = (await read(desk.steward.client("alice"), "/sla/metrics", **query))["items"]
    return items


async def totals(desk: Desk) -> Json:
    await desk.steward.drained()
    return await read(desk.steward.client("alice"), "/sla/metrics/totals", organisation=desk.organisation)


@pytest.mark.capability("SLM-5")
async def test_the_figures_move_with_each_outcome(desk: Desk) -> None:
    await desk.promises()
    period = f"{desk.now:%Y-%m}"
    first, second, third = [await desk.opens(service="Portal") for _ in range(3)]
    assert (await metrics(desk), await totals(desk)) == ([], {"met": 0, "missed": 0, "pending": 3})
    desk.passes(hours=2)
    await desk.resolves(first)
    desk.passes(hours=4)
    await desk.resolves(second)
    (found,) = await metrics(desk)
    assert found == {"service": "Portal", "priority": 3, "measure": "resolve", "period": period, "count": 2, "met": 1,
                     "missed": 1, "met_rate": 0.5, "p50": 4 * HOUR, "p90": round(5.6 * HOUR), "p95": round(5.8 * HOUR),
                     "p99": round(5.96 * HOUR), "longest": 6 * HOUR}  # fmt: skip
    # The third still runs, and is late whether or not anybody has told.
    assert await totals(desk) == {"met": 1, "missed": 2, "pending": 0}
    await desk.does(first, "reopen", reason="It came back")
    (found,) = await metrics(desk)
    assert (found["count"], found["met"], found["missed"]) == (1, 0, 1)
    assert await totals(desk) == {"met": 0, "missed": 2, "pending": 1}
    await desk.does(third, "cancel", reason="It works again")
    assert await totals(desk) == {"met": 0, "missed": 1, "pending": 1}


async def test_the_figures_are_asked_by_service_priority_target_and_month(desk: Desk) -> None:
    await desk.promises()
    await desk.resolves(await desk.opens(service="Portal"))
    await desk.resolves(await desk.opens(service="Mail", impact=1, urgency=1))
    month = f"{desk.now:%Y-%m}"
    assert [each["service"] for each in await metrics(desk)] == ["Mail", "Portal"]
    assert [each["service"] for each in await metrics(desk, service="Mail")] == ["Mail"]
    assert [each["service"] for each in await metrics(desk, priority=1)] == ["Mail"]
    assert len(await metrics(desk, target="resolve")) == len(await metrics(desk, target="resolve in time")) == 2
    assert (len(await metrics(desk, period=month)), await metrics(desk, period="2001-01")) == (2, [])
    assert await metrics(desk, target="respond") == []
    answer = await desk.steward.client("alice").get("/sla/metrics", params={"period": "2026-13"})
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, "period")
