"""A real desk's log, played in by the command line against a server of its own, killed on the way, and judged."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from cli.tokens import issued
from tests.journeys.embedded import Embedded, steward
from tests.journeys.replays import FILE, POLICY, breaking_network, endings, first_rows, rows, state

pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the real log is not beside the project: ../shared/data")
ROWS = 3000


@pytest.fixture
async def systems(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[Callable[[str], Embedded]]:
    """Makes an embedded system of this name, to be started by the test and ended after it."""
    made: list[Embedded] = []

    def make(name: str) -> Embedded:
        made.append(Embedded(workplace / name, free_port()))
        return made[-1]

    yield make
    for each in made:
        if each.process is not None and each.process.poll() is None:
            await each.stop()


async def done(*arguments: str | Path, data: Path, url: str) -> str:
    """What a command that must succeed has said."""
    process = await steward(*arguments, data=data, url=url)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode()


async def imported(system: Embedded, log: Path, *options: str) -> dict[str, Any]:
    rejects = system.data.with_name(f"{system.data.name}-rejects.csv")
    command = ("import", "servicenow", str(log), "--rejects", str(rejects), *options)
    said = await done(*command, data=system.data, url=system.url)
    outcome: dict[str, Any] = json.loads(said.splitlines()[-1])
    return outcome


async def started(system: Embedded) -> Embedded:
    await system.start()
    await done("apply", "-f", POLICY, data=system.data, url=system.url)
    return system


async def different_clocks(system: Embedded) -> tuple[int, list[Any]]:
    """How many clocks were computed once more, and every field that came out otherwise."""
    checked, different, cursor = 0, [], None
    headers = {"Authorization": f"Bearer {issued('root', system.data)}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, trust_env=False, timeout=60) as client:
        while True:
            query = {"limit": "200"} | ({"cursor": cursor} if cursor else {})
            answer = await client.get("/sla/verification", params=query)
            assert answer.status_code == 200, answer.text
            page = answer.json()
            checked += page["clocks"]
            different += page["different"]
            if (cursor := page["next"]) is None:
                return checked, different


async def disagreeing(system: Embedded, log: Path) -> dict[str, list[str]]:
    """The incidents whose end is not the one in the log, by what differs."""
    expected = endings(log)
    found = {each["reference"]: each for each in await rows(system, "incident", "SELECT * FROM incident")}
    clocks = await rows(system, "sla", "SELECT record, outcome FROM clock WHERE measure = 'close'")
    met = {each["record"]: each["outcome"] == "met" for each in clocks}
    pairs = [(found[reference], ending) for reference, ending in expected.items()]
    return {
        "state": [end.reference for row, end in pairs if row["state"] != "closed"],
        "priority": [
            end.reference for row, end in pairs if row["priority"] != end.priority or row["priority_overridden"]
        ],
        "reopen_count": [end.reference for row, end in pairs if row["reopen_count"] != end.reopen_count],
        "made_sla": [end.reference for row, end in pairs if met[row["id"]] != end.made_sla],
    }


@pytest.mark.capability("SLM-7", "INC-2", "INC-8")
async def test_an_import_that_is_killed_and_run_again_ends_as_one_that_was_not(
    systems: Callable[[str], Embedded], tmp_path: Path
) -> None:
    log = tmp_path / "log.csv.gz"
    count = first_rows(FILE, ROWS, log)
    smooth, rough = await started(systems("smooth")), await started(systems("rough"))
    outcome = await imported(smooth, log)
    assert (outcome["rows"], outcome["rejected"], outcome["incidents"]) == (count, 0, outcome["closed"])

    # Killed while some requests are answered, some are done without its knowing and most are not sent.
    async with breaking_network(rough.port, after=8) as (url, silent):
        killed = await steward("import", "servicenow", log, "--batch", "20", data=rough.data, url=url)
        async with asyncio.timeout(60):
            await silent.wait()
        killed.kill()
        assert await killed.wait() == -9
    half = await rows(rough, "incident", "SELECT count(*) AS count FROM incident")
    assert 0 < half[0]["count"] < outcome["incidents"]
    again = await imported(rough, log, "--batch", "33")

    assert {**again, "seconds": 0} == {**outcome, "seconds": 0}
    expected, found = await state(smooth), await state(rough)
    assert found.counts == expected.counts
    assert {each for each, digest in expected.incidents.items() if found.incidents.get(each) != digest} == set()
    assert (found.incidents, found.problems, found.directory) == (
        expected.incidents,
        expected.problems,
        expected.directory,
    )

    for system in (smooth, rough):
        assert await different_clocks(system) == (outcome["incidents"], [])
        wrong = await disagreeing(system, log)
        assert (wrong["state"], wrong["priority"], wrong["reopen_count"]) == ([], [], [])
        assert len(wrong["made_sla"]) <= 0.02 * outcome["incidents"]


@pytest.mark.long
@pytest.mark.capability("SLM-5", "SLM-7", "INC-2", "INC-8")
async def test_a_year_of_a_real_desk_ends_as_its_own_log_says(systems: Callable[[str], Embedded]) -> None:
    system = await started(systems("year"))
    outcome = await imported(system, FILE)
    assert (outcome["rows"], outcome["rejected"]) == (99_390, 5)
    assert (outcome["incidents"], outcome["closed"]) == (17_460, 17_460)
    assert outcome["sla_met"] + outcome["sla_missed"] == 17_460
    assert await different_clocks(system) == (17_460, [])
    wrong = await disagreeing(system, FILE)
    assert (wrong["state"], wrong["priority"], wrong["reopen_count"]) == ([], [], [])
    assert len(wrong["made_sla"]) <= 0.01 * 17_460
