"""The first command that anybody types, `make run`: it ends in a box, keeps its data, and says what is wrong."""

import asyncio
import json
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from shared.local.processes import processes_in, until
from shared.local.system import ROOT
from tests.journeys.embedded import Embedded, steward

BOX = "Steward is ready"


@pytest.fixture(scope="module")
async def newcomer(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[Embedded]:
    """The system on a folder that was empty when the first test started it."""
    system = Embedded(workplace / "newcomer", free_port(), seeded=True)
    yield system
    if system.process is not None and system.process.poll() is None:
        await system.stop()


@pytest.fixture(scope="module")
async def running(newcomer: Embedded) -> Embedded:
    """Started, and the box is shown."""
    await newcomer.start()
    assert await until(lambda: BOX in newcomer.said, 60), newcomer.said
    return newcomer


async def token(system: Embedded, name: str) -> str:
    process = await steward("token", name, data=system.data)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode().strip()


async def asked(system: Embedded, who: str, path: str) -> httpx.Response:
    headers = {"Authorization": f"Bearer {await token(system, who)}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, trust_env=False, timeout=30) as client:
        return await client.get(path)


def refused(*arguments: str, **environment: str) -> str:
    """Start with these arguments what must refuse to start: what it says."""
    command = (sys.executable, "-m", "shared.run", "--embedded", *arguments)
    ended = subprocess.run(
        command, cwd=ROOT, env={"PATH": "/usr/bin:/bin", **environment}, capture_output=True, text=True, timeout=60
    )
    assert ended.returncode != 0
    return ended.stderr


async def test_it_ends_in_a_box_that_says_where_everything_is(running: Embedded) -> None:
    box = running.said[running.said.index(BOX) :]
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        for path in ("/docs", "/openapi.json", "/asyncapi.json", "/metrics"):
            assert f"{running.url}{path}" in box
            assert (await client.get(path)).status_code == 200
        described = (await client.get("/openapi.json")).json()["paths"]
        assert {path.split("/")[1] for path in described} >= {"incident", "problem", "sla"}
        assert (await client.get("/asyncapi.json")).json()["asyncapi"].startswith("3.")
    for name in ("alice", "bob", "erin", "carol", "dave", "root"):
        assert name in box
    assert "steward token alice" in box
    assert "Stop" in box


async def test_a_token_from_the_command_line_shows_the_company_that_moved_in(running: Embedded) -> None:
    answer = await asked(running, "alice", "/incident/incidents?limit=200")
    assert answer.status_code == 200
    assert len(answer.json()["items"]) >= 10
    mine = await asked(running, "carol", "/incident/incidents?limit=200")
    assert {each["organisation"] for each in mine.json()["items"]} == {"northwind"}


async def test_a_second_one_on_the_same_folder_is_refused_and_the_first_one_goes_on(
    running: Embedded, free_port: Callable[[], int]
) -> None:
    said = await asyncio.to_thread(refused, "--port", str(free_port()), "--data", str(running.data))
    assert said.startswith("Steward does not start: ")
    assert "is in use by another Steward" in said
    assert str(running.data) in said
    assert "Traceback" not in said
    async with httpx.AsyncClient(base_url=running.url, trust_env=False) as client:
        assert (await client.get("/readyz")).status_code == 200


async def test_it_serves_this_machine_only(tmp_path: Path, free_port: Callable[[], int]) -> None:
    arguments = ("--port", str(free_port()), "--data", str(tmp_path / "open"))
    said = await asyncio.to_thread(lambda: refused(*arguments, STEWARD_HOST="0.0.0.0"))
    assert "serves 127.0.0.1 or ::1, not '0.0.0.0'" in said
    assert "Traceback" not in said
    assert not (tmp_path / "open" / "postgres").exists()


async def test_it_stops_when_told_to_and_starts_again_with_its_data(
    running: Embedded, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (await asked(running, "alice", "/incident/incidents?limit=200")).json()
    assert await running.stop() == 0
    assert processes_in(running.data.resolve() / "postgres", "postgres") == []
    assert "Traceback" not in running.said
    seconds = await running.start()
    with capsys.disabled():
        sys.stdout.write(f"\nsecond start: ready after {seconds:.1f} s\n")
    assert await until(lambda: running.said.count(BOX) == 2, 30)
    after = (await asked(running, "alice", "/incident/incidents?limit=200")).json()
    assert json.dumps(after) == json.dumps(before)
