"""Calendars and agreements as documents: what is refused, what is in force, and what takes effect in the past."""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import Json, read
from tests.sla.desk import HOUR, Desk, at
from tests.sla.documents import SIGNED, Document, agreement, calendar, target


async def refused(desk: Desk, *documents: Document) -> list[tuple[str, str]]:
    """The faults that these documents are refused for."""
    answer = await desk.steward.client("root").post("/sla/policies", json={"documents": documents})
    assert answer.status_code == 422, answer.text
    return [(each["field"], each["message"]) for each in answer.json()["errors"]]


def own(desk: Desk, *targets: Json, **spec: Any) -> Document:
    return agreement(*targets, name=desk.organisation, customers=[desk.organisation], **spec)


@pytest.mark.capability("SLM-2")
async def test_an_agreement_binds_only_with_the_signatures_of_both_parties(desk: Desk) -> None:
    found = await refused(desk, calendar(), own(desk, signatures=SIGNED[:1]))
    assert found == [("documents.1.spec.signatures", "not signed by the provider: it binds nobody")]


@pytest.mark.capability("SLM-2")
async def test_an_agreement_names_only_calendars_that_are_there_when_it_takes_effect(desk: Desk) -> None:
    absent, late = f"absent-{desk.organisation}", f"late-{desk.organisation}"
    found = await refused(
        desk,
        calendar(late, effective_from="2025-01-01T00:00:00Z"),
        own(desk, target(calendar=absent), target("respond", calendar=late)),
    )
    assert [field for field, _ in found] == [
        "documents.1.spec.targets.0.calendar",
        "documents.1.spec.targets.1.calendar",
    ]


@pytest.mark.capability("SLM-2")
async def test_one_broken_document_leaves_everything_as_it_was(desk: Desk) -> None:
    name = f"hours-{desk.organisation}"
    broken = own(desk, target(limits={3: "2 fortnights"}))
    found = await refused(desk, calendar(name), broken)
    assert found[0][0].startswith("documents.1.spec.targets.0.limits.3")
    answer = await desk.steward.client("alice").get(f"/sla/calendars/{name}")
    assert answer.status_code == 404
    assert await desk.clocks(await desk.opens()) == []


@pytest.mark.capability("SLM-4")
async def test_a_version_is_never_edited(desk: Desk) -> None:
    name = f"hours-{desk.organisation}"
    await desk.applies(calendar(name))
    ((field, _),) = await refused(desk, calendar(name, weekly={"monday": ["09:00-12:00"]}))
    assert field == "documents.0.effective_from"


@pytest.mark.capability("SLM-4")
async def test_each_version_of_a_calendar_says_when_it_is_in_force(desk: Desk) -> None:
    name = f"hours-{desk.organisation}"
    await desk.applies(calendar(name))
    effect = desk.now + timedelta(days=1)
    await desk.applies(calendar(name, effective_from=at(effect), weekly={"monday": ["09:00-12:00"]}))
    found = await read(desk.steward.client("alice"), f"/sla/calendars/{name}")
    assert [(each["version"], each["standing"], each["ends_at"]) for each in found["versions"]] == [
        (2, "coming", None), (1, "in force", at(effect))]  # fmt: skip
    later = await read(desk.steward.client("alice"), f"/sla/calendars/{name}", at=at(effect))
    assert [(each["version"], each["standing"]) for each in later["versions"]] == [(2, "in force"), (1, "replaced")]
    assert found["versions"][1]["spec"]["weekly"] == {"monday-friday": ["09:00-17:00"]}


@pytest.mark.capability("SLM-4")
async def test_people_ask_a_calendar_for_working_time_and_deadlines(desk: Desk) -> None:
    name = f"hours-{desk.organisation}"
    await desk.applies(calendar(name, zone="Europe/Berlin", holidays={"dates": ["2026-03-27"]}))
    client = desk.steward.client("alice")
    # Thursday afternoon to Monday morning: a holiday, a weekend and the change to summer time between them.
    span = {"start": "2026-03-26T15:00:00Z", "end": "2026-03-30T08:00:00Z"}
    assert (await read(client, f"/sla/calendars/{name}/elapsed", **span))["duration"] == "PT2H"
    found = await read(client, f"/sla/calendars/{name}/due", start=span["start"], length="2h")
    assert (found["due_at"], found["late_from"]) == ("2026-03-30T08:00:00Z",) * 2
    end = await read(client, f"/sla/calendars/{name}/due", start=span["start"], length="PT1H")
    assert (end["due_at"], end["late_from"]) == ("2026-03-26T16:00:00Z", "2026-03-30T07:00:00Z")
    days = (await read(client, f"/sla/calendars/{name}/days", first="2026-03-26", last="2026-03-30"))["days"]
    assert [(each["holiday"], len(each["spans"])) for each in days] == [
        (False, 1), (True, 0), (False, 0), (False, 0), (False, 1)]  # fmt: skip
    wrong = await client.get(f"/sla/calendars/{name}/due", params={"start": span["start"], "length": "soon"})
    assert (wrong.status_code, wrong.json()["errors"][0]["field"]) == (422, "length")


@pytest.mark.capability("SLM-2")
async def test_an_agreement_is_shown_in_the_words_in_which_it_was_written(desk: Desk) -> None:
    await desk.promises(period={"from": "2021-01-01", "to": "2021-12-31"}, charging_basis="A fee per month",
                        review_dates=["2026-06-30"], customer_duties=["Answer questions"])  # fmt: skip
    (version,) = (await read(desk.steward.client("alice"), f"/sla/agreements/{desk.organisation}"))["versions"]
    assert (version["standing"], version["ends_at"]) == ("over", "2022-01-01T00:00:00Z")
    assert version["spec"]["period"] == {"from": "2021-01-01", "to": "2021-12-31"}
    assert version["spec"]["charging_basis"] == "A fee per month"
    assert [each["party"] for each in version["spec"]["signatures"]] == ["customer", "provider"]


@pytest.mark.capability("SLM-2")
async def test_an_activated_agreement_and_a_calendar_version_are_told(desk: Desk) -> None:
    name = f"hours-{desk.organisation}"
    await desk.applies(calendar(name), own(desk, target(calendar=name)))
    await desk.steward.drained()
    log = desk.steward.runtime("sla").log
    told = {each.subject: each.type for each in await log.read(0, 100_000)}
    assert told[f"sla/Calendar/{name}"] == "steward.calendar.versioned.v1"
    assert told[f"sla/Agreement/{desk.organisation}"] == "steward.agreement.activated.v1"


@pytest.mark.capability("SLM-7")
async def test_an_agreement_signed_today_for_yesterday_judges_what_happened_since_then(desk: Desk) -> None:
    late, met = await desk.opens(), await desk.opens()
    desk.passes(hours=1)
    await desk.resolves(met)
    desk.passes(hours=6)
    assert await desk.clocks(late) == []
    await desk.promises()
    assert ((await desk.clock(met))["outcome"], (await desk.clock(met))["elapsed_microseconds"]) == ("met", HOUR)
    clock = await desk.clock(late)
    assert clock["outcome"] == "missed"
    assert [what for what, _ in await desk.story(clock)] == ["started", "breached"]
    for incident in (late, met):
        await desk.proof(await desk.clock(incident))


@pytest.mark.capability("SLM-7")
async def test_a_version_that_counts_from_yesterday_corrects_what_was_judged_by_the_one_before(desk: Desk) -> None:
    await desk.promises(target("resolve"), target("respond"))
    yesterday = desk.now
    desk.passes(minutes=1)
    incident = await desk.opens()
    desk.passes(hours=3)
    await desk.resolves(incident)
    assert [each["outcome"] for each in await desk.clocks(incident)] == ["met", "met"]
    await desk.promises(target(limits={3: "2h"}), effective_from=at(yesterday))
    clock = await desk.clock(incident)
    assert (clock["measure"], clock["outcome"], clock["agreement_version"]) == ("resolve", "missed", 2)
    assert [what for what, _ in await desk.story(clock)] == ["started", "stopped", "retargeted", "breached"]
    await desk.proof(clock)
    before = clock["version"]
    await desk.does(incident, "reopen", reason="It came back")
    assert (await desk.clock(incident))["version"] == before + 1
    # Promised again, for as long as before: the clock that was gone is the next event of the same one.
    await desk.promises(
        target(limits={3: "2h"}), target("respond"), effective_from=at(yesterday + timedelta(seconds=1))
    )
    _, respond = await desk.clocks(incident)
    assert [what for what, _ in await desk.story(respond)] == ["started", "stopped", "cancelled", "started", "stopped"]
    await desk.proof(respond)
