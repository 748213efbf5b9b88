"""Promises about months: how they stand while the month goes on, what they came to, and corrections that come late."""

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import text

from services.sla.rules.periods import month_of
from tests.builders import Json, read
from tests.sla.desk import HOUR, Desk
from tests.sla.documents import availability
from tests.sla.outages import Elsewhere

pytestmark = pytest.mark.capability("SLM-8")


def service(desk: Desk) -> str:
    return f"portal-{desk.organisation}"


def throughput(at_least: int, **values: Any) -> Json:
    return {"name": "closed", "measure": "throughput", "calendar": "office", "at_least": at_least, **values}


def closed_within(percent: float, within: str) -> Json:
    return {"name": "soon", "measure": "closed_within", "calendar": "office", "within": within, "at_least": percent}


async def promised(desk: Desk, *levels: Json, **spec: Any) -> None:
    await desk.promises(service_levels=levels or [availability("usable", service(desk))], **spec)


def office_time(begins: datetime, ends: datetime) -> int:
    """Microseconds of weekdays' eight hours between two midnights, counted day by day."""
    days = [begins + timedelta(days=number) for number in range((ends - begins).days)]
    return sum(8 * HOUR for day in days if day.weekday() < 5)


def month(desk: Desk) -> tuple[str, datetime, datetime]:
    return tuple(month_of(desk.now, ZoneInfo("UTC")))  # type: ignore[return-value]  # its three parts


async def ends(desk: Desk) -> None:
    """The month is over, and a day more."""
    desk.steward.clock.set(month(desk)[2] + timedelta(days=1))
    await desk.ticks()


async def running(desk: Desk, who: Any = "alice") -> list[Json]:
    found = await read(desk.steward.client(who), "/sla/measurements/running", agreement=desk.organisation)
    return list(found["items"])


async def final(desk: Desk, who: Any = "alice", **query: Any) -> list[Json]:
    found = await read(desk.steward.client(who), "/sla/measurements", agreement=desk.organisation, **query)
    return list(found["items"])


async def story(desk: Desk, measurement: Json) -> list[str]:
    path = f"/sla/measurements/{measurement['id']}/timeline"
    return [each["event"] for each in (await read(desk.steward.client("alice"), path))["items"]]


async def test_availability_stands_at_every_instant_with_the_budget_that_is_left(desk: Desk) -> None:
    await promised(desk)
    name, begins, end = month(desk)
    agreed = office_time(begins, end)
    (before,) = await running(desk)
    assert (before["value"], before["lost_microseconds"], before["outcome"]) == (100.0, 0, "met")
    assert before["budget_microseconds"] == agreed // 200
    record = Elsewhere(desk)
    began = desk.now
    outage = await record.outage(service(desk), began, None)
    desk.passes(minutes=30)
    (during,) = await running(desk)
    assert during["lost_microseconds"] == HOUR // 2, "it goes on until now"
    desk.passes(hours=2)
    await record.outage(service(desk), began, began + timedelta(hours=1), outage)
    (after,) = await running(desk)
    assert (after["period"], after["lost_microseconds"]) == (name, HOUR)
    assert after["budget_microseconds"] == agreed // 200 - HOUR
    assert after["outcome"] == ("met" if agreed // 200 >= HOUR else "missed")
    await record.outage(service(desk), began, None, outage, withdrawn=True)
    assert (await running(desk))[0]["lost_microseconds"] == 0


async def test_a_month_that_is_over_is_measured_once(desk: Desk) -> None:
    await promised(desk)
    name, begins, end = month(desk)
    agreed = office_time(begins, end)
    record = Elsewhere(desk)
    # Two that overlap, one at night, and one in the next month.
    await record.outage(service(desk), desk.now, desk.now + timedelta(hours=2))
    await record.outage(service(desk), desk.now + timedelta(hours=1), desk.now + timedelta(hours=3))
    await record.outage(service(desk), desk.now + timedelta(hours=12), desk.now + timedelta(hours=14))
    await record.outage(service(desk), end + timedelta(hours=9), None)
    assert await final(desk) == []
    await ends(desk)
    (found,) = await final(desk)
    assert found == {
        **found, "period": name, "state": "final", "outcome": "missed", "agreed_microseconds": agreed,
        "lost_microseconds": 3 * HOUR, "budget_microseconds": agreed // 200 - 3 * HOUR, "at_least": 99.5,
        "service": service(desk), "organisation": desk.organisation, "replaces": None,
    }  # fmt: skip
    assert found["value"] == pytest.approx(100 * (1 - 3 * HOUR / agreed))
    assert await story(desk, found) == ["measurement.finalised"]
    await desk.ticks()
    assert await final(desk) == [found]
    await ends(desk)
    assert [each["period"] for each in await final(desk, sort="begins_at")] == [name, month_before(desk)]


def month_before(desk: Desk) -> str:
    return month_of(month(desk)[1] - timedelta(days=1), ZoneInfo("UTC")).name


async def test_planned_time_is_no_agreed_time_and_degraded_time_counts_by_its_weight(desk: Desk) -> None:
    await promised(desk, availability("usable", service(desk), degraded=0.25),
                   availability("at all", service(desk), planned="counted"))  # fmt: skip
    _, begins, end = month(desk)
    agreed = office_time(begins, end)
    record = Elsewhere(desk)
    await record.outage(service(desk), desk.now, desk.now + timedelta(hours=4), planned=True)
    await record.outage(service(desk), desk.now + timedelta(hours=3), desk.now + timedelta(hours=8), degree="degraded")
    await ends(desk)
    usable, at_all = sorted(await final(desk), key=lambda each: str(each["level"]), reverse=True)
    assert (usable["agreed_microseconds"], usable["lost_microseconds"]) == (agreed - 4 * HOUR, HOUR)
    assert (at_all["agreed_microseconds"], at_all["lost_microseconds"]) == (agreed, 4 * HOUR)


async def test_whose_outages_count_is_a_term(desk: Desk) -> None:
    await promised(desk, availability("of all", service(desk)),
                   availability("own", service(desk), outages_of="customers"))  # fmt: skip
    await Elsewhere(desk, "somebody").outage(service(desk), desk.now, desk.now + timedelta(hours=1))
    desk.passes(hours=2)
    assert {each["level"]: each["lost_microseconds"] for each in await running(desk)} == {"of all": HOUR, "own": 0}


async def test_a_late_correction_restates_the_month_and_says_what_it_replaces(desk: Desk) -> None:
    await promised(desk)
    record, began = Elsewhere(desk), desk.now
    outage = await record.outage(service(desk), began, began + timedelta(hours=5))
    await ends(desk)
    (first,) = await final(desk)
    assert first["outcome"] == "missed"
    await record.outage(service(desk), began, began + timedelta(minutes=6), outage)
    await desk.ticks()
    (second,) = await final(desk)
    assert (second["outcome"], second["lost_microseconds"], second["replaces"]) == ("met", HOUR // 10, first["id"])
    (replaced,) = await final(desk, state="replaced")
    assert (replaced["id"], replaced["replaced_by"], replaced["lost_microseconds"]) == (
        first["id"], second["id"], 5 * HOUR)  # fmt: skip
    assert await story(desk, first) == ["measurement.finalised", "measurement.replaced"]
    # A correction that changes no figure restates nothing.
    await record.outage(service(desk), began, began + timedelta(minutes=6), outage, affected_ci="db-1")
    await Elsewhere(desk).outage(service(desk), began + timedelta(hours=12), began + timedelta(hours=13))
    await desk.ticks()
    assert [each["id"] for each in await final(desk)] == [second["id"]]


async def test_what_is_closed_in_a_month_is_counted_once_and_what_is_opened_again_is_not(desk: Desk) -> None:
    await promised(desk, throughput(2), throughput(3, name="more"), closed_within(75, "2h"))
    for hours in (1, 2, 3):
        incident = await desk.opens()
        desk.passes(hours=hours)
        await desk.does(await desk.resolves(incident), "close")
        desk.steward.clock.set(desk.now.replace(hour=9) + timedelta(days=1))
    again = await desk.opens()
    await desk.does(await desk.resolves(again), "close")
    await desk.does(again, "reopen", reason="It came back")
    await desk.steward.drained()
    assert {each["level"]: each["counted"] for each in await running(desk)} == {"closed": 3, "more": 3, "soon": 2}
    await ends(desk)
    found = {each["level"]: each for each in await final(desk)}
    assert [(found[name]["value"], found[name]["outcome"]) for name in ("closed", "more")] == [(3, "met"), (3, "met")]
    soon = found["soon"]
    assert (soon["records"], soon["counted"], soon["outcome"]) == (3, 2, "missed")
    assert soon["value"] == pytest.approx(200 / 3)
    # Closed in the next month, it counts there and not in the month that was measured.
    await desk.does(await desk.resolves(again), "close")
    await desk.ticks()
    assert [each["id"] for each in await final(desk, level="closed")] == [found["closed"]["id"]]


async def test_where_nothing_was_closed_a_share_has_no_value_and_is_met(desk: Desk) -> None:
    await promised(desk, throughput(1), closed_within(99, "1h"))
    await ends(desk)
    found = {each["level"]: (each["value"], each["outcome"]) for each in await final(desk)}
    assert found == {"closed": (0, "missed"), "soon": (None, "met")}


async def test_a_contact_sees_the_measurements_of_its_own_agreements(desk: Desk) -> None:
    await promised(desk, customers=[desk.organisation, "another"])
    await ends(desk)
    (found,) = await final(desk, desk.contact)
    assert found["organisation"] is None, "an agreement with several customers has no single one"
    assert len(await running(desk, desk.contact)) == 1
    assert await final(desk, "dave") == [] == await running(desk, "dave")
    path = f"/sla/measurements/{found['id']}"
    for who, status in ((desk.contact, 200), ("dave", 404), ("alice", 200), ("nobody", 403)):
        assert (await desk.steward.client(who).get(path)).status_code == status
        assert (await desk.steward.client(who).get(f"{path}/timeline")).status_code == status


async def test_a_second_final_measurement_of_a_month_is_impossible(desk: Desk) -> None:
    await promised(desk)
    await ends(desk)
    (found,) = await final(desk)
    copy = text(
        "INSERT INTO measurement SELECT (jsonb_populate_record(measurement, jsonb_build_object('id', "
        "gen_random_uuid(), 'number', 'MSR-0'))).* FROM measurement WHERE id = CAST(:id AS uuid)"
    )
    with pytest.raises(Exception, match="ix_measurement_final"):
        await desk.steward.database("sla").rows(copy, {"id": found["id"]})


async def test_outages_that_come_twice_count_once(desk: Desk) -> None:
    await promised(desk)
    record = Elsewhere(desk)
    outage = await record.outage(service(desk), desk.now, desk.now + timedelta(hours=3))
    await record.outage(service(desk), desk.now, desk.now + timedelta(hours=1), outage)
    inbox = desk.steward.runtime("sla").inbox
    await inbox.receive([*record.arrivals(), *record.arrivals()])
    desk.passes(hours=4)
    assert [each["lost_microseconds"] for each in await running(desk)] == [HOUR]
