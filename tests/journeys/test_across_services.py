"""One desk, several services, a database each: what a person does in one of them is seen in the others."""

from uuid import UUID, uuid4

import pytest

from tests.builders import Json, read, told
from tests.journeys.desk import Desk
from tests.journeys.probes import eventually


async def opened(desk: Desk, **order: object) -> Json:
    body = {"title": f"The printer is on fire {uuid4().hex[:8]}", "organisation": "northwind", **order}
    return await told(desk.client("alice"), "/incident/incidents", body)


async def moved(desk: Desk, incident: Json, verb: str, headers: dict[str, str] | None = None, **order: object) -> Json:
    path = f"/incident/incidents/{incident['id']}/{verb}"
    return await told(desk.client("alice"), path, order, **(headers or {}))


async def linked(desk: Desk, service: str) -> tuple[Json, Json]:
    """A problem, and an incident on this service that it is behind; both sides know it."""
    problem = await told(desk.client("manager"), "/problem/problems", {"title": "Printers catch fire"})
    incident = await moved(desk, await opened(desk, service=service), "link", problem=problem["id"])
    await known(desk, problem, incidents_count=1)
    return problem, incident


async def known(desk: Desk, problem: Json, **figures: object) -> Json:
    """The problem once it has these figures."""
    return await eventually(
        f"{problem['number']} with {figures}",
        lambda: read(desk.client("manager"), f"/problem/problems/{problem['id']}"),
        lambda seen: all(seen[name] == value for name, value in figures.items()),
    )


async def clocks(desk: Desk, incident: Json, **states: str) -> dict[str, Json]:
    """The incident's clocks by what they measure, once they are in these states."""

    async def look() -> dict[str, Json]:
        page = await read(desk.client("alice"), "/sla/clocks", record=incident["id"])
        return {each["measure"]: each for each in page["items"]}

    return await eventually(
        f"clocks of {incident['number']}: {states}",
        look,
        lambda seen: {name: clock["state"] for name, clock in seen.items()} == states,
    )


async def metrics(desk: Desk, service: str, measure: str, count: int) -> list[Json]:
    """The service's figures of one measure, once they are about so many clocks."""

    async def look() -> list[Json]:
        found: list[Json] = (await read(desk.client("alice"), "/sla/metrics", service=service, target=measure))["items"]
        return found

    return await eventually(
        f"{count} {measure} clocks of {service} in the metrics",
        look,
        lambda seen: sum(each["count"] for each in seen) == count,
    )


async def told_of(desk: Desk, correlation: UUID) -> list[str]:
    """The types of the events that a request led to."""
    return [each.type for each in await desk.messages(correlation)]


@pytest.mark.capability("PRB-2")
async def test_closing_an_incident_counts_a_recurrence_of_its_problem_exactly_once(desk: Desk, service: str) -> None:
    problem, incident = await linked(desk, service)
    correlation = uuid4()
    await moved(desk, incident, "close", {"X-Correlation-Id": str(correlation)})
    after = await known(desk, problem, recurrences=1)
    assert after["last_recurrence_at"] is not None
    await eventually("what the closing led to", lambda: told_of(desk, correlation), lambda seen: len(seen) == 4)
    await desk.drained()
    await known(desk, problem, recurrences=1, version=after["version"])
    assert (await told_of(desk, correlation)).count("steward.problem.recurred.v1") == 1


@pytest.mark.capability("SLM-5")
async def test_closing_an_incident_stops_its_clocks_and_moves_the_metrics(desk: Desk, service: str) -> None:
    incident = await opened(desk, service=service)
    await clocks(desk, incident, close="running", resolve="running")
    assert await metrics(desk, service, "close", 0) == []
    await moved(desk, incident, "resolve", resolution_code="fixed")
    await clocks(desk, incident, close="running", resolve="stopped")
    closed = await moved(desk, incident, "close")
    stopped = (await clocks(desk, incident, close="stopped", resolve="stopped"))["close"]
    assert (stopped["outcome"], stopped["stopped_at"]) == ("met", closed["closed_at"])
    (figure,) = await metrics(desk, service, "close", 1)
    assert (figure["priority"], figure["met"], figure["missed"]) == (incident["priority"], 1, 0)
    assert figure["period"] == closed["closed_at"][:7]
    assert figure["longest"] == stopped["elapsed_microseconds"]


@pytest.mark.capability("SLM-5", "INC-8")
async def test_reopening_takes_the_clock_out_of_the_metrics_until_it_stops_again(desk: Desk, service: str) -> None:
    problem, incident = await linked(desk, service)
    await moved(desk, incident, "close")
    await metrics(desk, service, "close", 1)
    await moved(desk, incident, "reopen", reason="it burns again")
    await clocks(desk, incident, close="running", resolve="running")
    assert await metrics(desk, service, "close", 0) == []
    await known(desk, problem, recurrences=1)
    await moved(desk, incident, "close")
    await metrics(desk, service, "close", 1)
    await known(desk, problem, recurrences=2)


@pytest.mark.capability("SLM-5")
async def test_waiting_pauses_only_the_clock_whose_agreement_says_so_and_resuming_runs_it(
    desk: Desk, service: str
) -> None:
    incident = await moved(desk, await opened(desk, service=service), "start")
    await moved(desk, incident, "wait", reason="vendor")
    await desk.drained()
    await clocks(desk, incident, close="running", resolve="running")
    await moved(desk, incident, "resume")
    await moved(desk, incident, "wait", reason="user")
    paused = (await clocks(desk, incident, close="running", resolve="paused"))["resolve"]
    assert (paused["pause_reason"], paused["due_at"]) == ("user", None)
    await moved(desk, incident, "resume")
    running = (await clocks(desk, incident, close="running", resolve="running"))["resolve"]
    assert running["due_at"] is not None


@pytest.mark.capability("PRB-8")
async def test_a_workaround_reaches_the_incident_desk(desk: Desk, service: str) -> None:
    problem, incident = await linked(desk, service)
    path = f"/problem/problems/{problem['id']}/workaround"
    await told(desk.client("manager"), path, {"text": "Use the one on the second floor"})
    seen = await eventually(
        "the workaround at the incident desk",
        lambda: read(desk.client("alice"), f"/incident/incidents/{incident['id']}/problem"),
        lambda found: found["workaround"] is not None,
    )
    assert (seen["number"], seen["workaround"]) == (problem["number"], "Use the one on the second floor")


async def test_correlation_and_trace_of_a_request_are_on_every_event_it_led_to(desk: Desk, service: str) -> None:
    _, incident = await linked(desk, service)
    await clocks(desk, incident, close="running", resolve="running")
    correlation, trace = uuid4(), uuid4().hex
    headers = {"X-Correlation-Id": str(correlation), "traceparent": f"00-{trace}-{uuid4().hex[:16]}-01"}
    await moved(desk, incident, "close", headers)
    expected = {
        "/steward/incident": ["steward.incident.closed.v1"],
        "/steward/problem": ["steward.problem.recurred.v1"],
        "/steward/sla": ["steward.clock.stopped.v1"] * 2,
    }

    async def look() -> dict[str, list[str]]:
        found: dict[str, list[str]] = {}
        for each in await desk.messages(correlation):
            found.setdefault(each.source, []).append(each.type)
        return found

    await eventually("the events of all services", look, lambda seen: seen == expected)
    led = await desk.messages(correlation)
    assert {(each.traceparent or "")[3:35] for each in led} == {trace}
    (cause,) = [each for each in led if each.source == "/steward/incident"]
    assert (cause.actor, cause.causation, cause.aggregate_id) == ("alice", None, UUID(incident["id"]))
    assert {each.causation for each in led if each is not cause} == {cause.id}
