"""The forward schedule: as a list, a month, a calendar and an outlook; published when it says something else."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from icalendar import Calendar
from sqlalchemy import text

from contracts.change import ScheduledChange
from services.change.queries.schedule import outlook
from tests.builders import Json, read
from tests.change.samples import END, HOUR, START, Estate, approved, asked, assessed, verb
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("CHG-6")
SCHEDULE = "/change/schedule"
MINUTE = timedelta(minutes=1)


async def of(steward: Steward, service: str, **query: Any) -> Json:
    return await read(steward.client("alice"), SCHEDULE, service=service, **query)


async def calendar(steward: Steward, service: str) -> dict[str, Any]:
    answer = await steward.client("alice").get(f"{SCHEDULE}.ics", params={"service": service})
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    feed = Calendar.from_ical(answer.content)
    assert (str(feed["version"]), str(feed["method"])) == ("2.0", "PUBLISH")
    return {str(event["uid"]): event for event in feed.walk("VEVENT")}


async def portal(steward: Steward) -> tuple[Estate, str]:
    """A service that is felt two hops from its database."""
    estate = await Estate(steward).items("db", "web")
    await estate.items("portal", nature="service")
    await estate.depends(("web", "db"), ("portal", "web"))
    return estate, estate.name("portal")


async def test_the_schedule_names_the_services_that_feel_a_change(steward: Steward) -> None:
    estate, service = await portal(steward)
    first = await assessed(steward, items=[estate.name("db")])
    second = await approved(steward, service=service, planned_start=(START - HOUR).isoformat())
    await asked(steward, service=service)
    gone = await assessed(steward, service=service)
    await verb(steward, gone, "cancel", by="alice", reason="Not needed")
    found = await of(steward, service)
    assert [(each["number"], each["state"]) for each in found["items"]] == [
        (second["number"], "approved"), (first["number"], "assessed"),
    ]  # fmt: skip
    assert [each["affected_services"] for each in found["items"]] == [[service], [service]]
    assert found["items"][1]["items"] == [estate.name("db")]
    later = await of(steward, service, since=(START + 0.5 * HOUR).isoformat(), until=(START + HOUR).isoformat())
    assert len(later["items"]) == 2
    assert (await of(steward, service, since=END.isoformat()))["items"] == []


async def test_a_month_is_shown_by_its_days_in_a_zone(steward: Steward) -> None:
    service = uuid4().hex
    night = datetime(2026, 3, 31, 21, 30, tzinfo=UTC)
    change = await assessed(
        steward, service=service, planned_start=night.isoformat(), planned_end=(night + 2 * HOUR).isoformat()
    )
    utc = await of(steward, service, month="2026-03")
    assert (utc["begins"], utc["ends"]) == ("2026-03-01T00:00:00Z", "2026-04-01T00:00:00Z")
    assert [(d["date"], [c["number"] for c in d["changes"]]) for d in utc["days"]] == [
        ("2026-03-31", [change["number"]])
    ]  # fmt: skip
    # In Berlin it is 23:30 on the last day of March until 01:30 on the first of April.
    for month, day in (("2026-03", "2026-03-31"), ("2026-04", "2026-04-01")):
        berlin = await of(steward, service, month=month, zone="Europe/Berlin")
        assert [each["date"] for each in berlin["days"]] == [day]
    assert (await of(steward, service, month="2026-04", zone="Europe/Berlin"))["begins"] == "2026-03-31T22:00:00Z"
    assert (await of(steward, service, month="2026-12"))["ends"] == "2027-01-01T00:00:00Z"


@pytest.mark.parametrize(
    "query", [{"month": "2026-13"}, {"month": "March"}, {"month": "2026-03", "since": MONDAY.isoformat()},
              {"zone": "Mars/Base"}, {"since": END.isoformat(), "until": START.isoformat()}, {"month": "0001-01"},
              {"since": "2026-01-01T00:00:00Z", "until": "2030-01-01T00:00:00Z"}, {"limit": 5}]
)  # fmt: skip
async def test_a_span_that_is_none_is_refused(steward: Steward, query: Json) -> None:
    assert (await steward.client("alice").get(SCHEDULE, params=query)).status_code == 422


async def test_a_calendar_that_is_subscribed_to_follows_every_change(steward: Steward) -> None:
    service = uuid4().hex
    change = await assessed(steward, service=service, title="Driver; new, and better", description="Line 1\nLine 2")
    uid = f"{change['id']}@change.steward"
    event = (await calendar(steward, service))[uid]
    assert str(event["summary"]) == f"{change['number']} Driver; new, and better"
    assert (str(event["status"]), int(event["sequence"])) == ("TENTATIVE", change["version"])
    assert (event.decoded("dtstart"), event.decoded("dtend")) == (START, END)
    assert str(event["description"]) == "Line 1\nLine 2"
    change = await verb(steward, change, "approve", by="erin")
    event = (await calendar(steward, service))[uid]
    assert (str(event["status"]), int(event["sequence"])) == ("CONFIRMED", change["version"])
    change = await verb(steward, change, "cancel", by="alice", reason="Not needed")
    feed = await calendar(steward, service)
    assert set(feed) == {uid}
    assert (str(feed[uid]["status"]), int(feed[uid]["sequence"])) == ("CANCELLED", change["version"])


async def test_projected_availability_counts_a_service_out_once(steward: Steward) -> None:
    estate, service = await portal(steward)
    span = {"since": MONDAY.isoformat(), "until": (MONDAY + timedelta(days=10)).isoformat()}
    path = f"{SCHEDULE}/availability"
    await assessed(steward, items=[estate.name("db")])
    await assessed(steward, items=[estate.name("web")], planned_start=(START + HOUR).isoformat(),
                   planned_end=(END + HOUR).isoformat())  # fmt: skip
    (found,) = (await read(steward.client("alice"), path, service=service, **span))["items"]
    assert (found["window_minutes"], found["outage_minutes"], len(found["changes"])) == (180, 180, 2)
    assert found["availability"] == round(100 * (1 - 180 / (10 * 24 * 60)), 4)
    quiet = uuid4().hex
    for minutes in (5, 0):
        await assessed(steward, service=quiet, outage_minutes=minutes)
    (found,) = (await read(steward.client("alice"), path, service=quiet, **span))["items"]
    assert (found["window_minutes"], found["outage_minutes"]) == (120, 5)


windows = st.tuples(st.integers(0, 100), st.integers(1, 50), st.none() | st.integers(0, 30))


@given(st.lists(windows, max_size=6))
def test_an_outlook_lies_between_the_longest_outage_and_the_minutes_with_a_window(plans: list[Any]) -> None:
    lines = [
        ScheduledChange(
            change=uuid4(), number=f"CHG-{n + 1}", title="x", state="approved", affected_services=("s",),
            planned_start=MONDAY + at * MINUTE, planned_end=MONDAY + (at + long) * MINUTE, outage_minutes=stated,
        )
        for n, (at, long, stated) in enumerate(plans)
    ]  # fmt: skip
    found = outlook(lines, MONDAY, MONDAY + 100 * MINUTE)
    covered = {n for at, long, _ in plans for n in range(at, at + long) if n < 100}
    outages = [min(long if s is None else min(s, long), max(0, min(at + long, 100) - at)) for at, long, s in plans]
    assert [each.service for each in found] == (["s"] if plans else [])
    for each in found:
        assert each.window_minutes == len(covered)
        assert max(outages) <= each.outage_minutes <= min(len(covered), sum(outages))


async def test_the_schedule_is_published_when_it_says_something_else(fresh_steward: Steward) -> None:
    steward = fresh_steward

    async def publications() -> list[list[Json]]:
        await steward.ticked()
        sql = text("SELECT data FROM event WHERE type = 'steward.change_schedule.published.v1' ORDER BY serial")
        return [json.loads(row.data)["changes"] for row in await steward.database("change").rows(sql, {})]

    assert await publications() == []
    change = await assessed(steward)
    await asked(steward)
    (first,) = await publications()
    assert [(each["number"], each["state"]) for each in first] == [(change["number"], "assessed")]
    # Neither time nor words that the schedule does not have make it another one.
    steward.clock.advance(hours=3)
    await verb(steward, change, "comment", text="Seen")
    assert len(await publications()) == 1
    await verb(steward, change, "approve", by="erin")
    assert [each[0]["state"] for each in await publications()] == ["assessed", "approved"]
    steward.clock.set(END)
    assert (await publications())[-1] == []
    assert len(await publications()) == 3
