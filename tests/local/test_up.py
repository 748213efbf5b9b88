"""`make up` and `make down`, as a person uses them, with the services there are."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from shared.local import kafka
from shared.local.processes import CannotStart, Claim, processes_in, until
from shared.local.system import found_services
from shared.local.up import holder, read_state
from tests.conftest import not_available

pytestmark = pytest.mark.kafka


async def command(name: str, *arguments: str) -> tuple[int, str]:
    """Run `python -m shared.local.<name>` and give its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", f"shared.local.{name}", *arguments),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        env={**os.environ, "COLUMNS": "200"},
    )
    output, _ = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode()


@pytest.fixture
async def data(workplace: Path) -> AsyncIterator[Path]:
    try:
        kafka.jars(), kafka.java()
    except CannotStart as reason:
        not_available(reason)
    folder = workplace / "up"
    yield folder
    await command("down", "--data", str(folder))


async def test_up_says_where_everything_is_and_down_ends_it_all(data: Path, free_port: Callable[[], int]) -> None:
    base = free_port()
    code, said = await command("up", "--data", str(data), "--port", str(base))
    assert code == 0, said
    state = read_state(data)
    assert list(state["services"]) == found_services()
    async with httpx.AsyncClient(trust_env=False) as client:
        for service in state["services"].values():
            assert (await client.get(f"{service['url']}/readyz")).status_code == 200
            assert f"{service['url']}/docs" in said
    assert state["kafka"]["bootstrap"] in said

    again, said_again = await command("up", "--data", str(data), "--port", str(base))
    assert (again, "It runs already" in said_again) == (0, True)
    assert read_state(data)["supervisor"] == state["supervisor"]

    code, said = await command("down", "--data", str(data))
    assert (code, "is stopped" in said) == (0, True), said
    assert holder(data) is None
    assert read_state(data) == {}
    assert processes_in(data / "postgres", "postgres") + processes_in(data / "kafka", "java") == []


async def test_down_also_ends_what_a_killed_supervisor_left(data: Path, free_port: Callable[[], int]) -> None:
    code, said = await command("up", "--data", str(data), "--port", str(free_port()))
    assert code == 0, said
    state = read_state(data)
    name, first = next((name, service["pid"]) for name, service in state["services"].items())
    os.kill(first, signal.SIGKILL)
    assert await until(lambda: read_state(data)["services"][name]["pid"] != first, 30), (
        "the state tells the new process"
    )
    os.kill(state["supervisor"], signal.SIGKILL)
    assert await until(lambda: holder(data) is None, 10)
    assert processes_in(data / "kafka", "java") != []
    code, said = await command("down", "--data", str(data))
    assert code == 0, said
    assert processes_in(data / "postgres", "postgres") + processes_in(data / "kafka", "java") == []


async def test_what_keeps_it_from_starting_is_said_in_the_end(data: Path, free_port: Callable[[], int]) -> None:
    code, said = await command("up", "--data", str(data), "--port", "40000")
    assert code == 1
    assert "ports must lie between 1024 and 32767" in said
    assert holder(data) is None
    assert json.dumps(read_state(data).get("ready")) == "false"


async def test_a_folder_that_is_in_use_is_named_and_nothing_else(data: Path, free_port: Callable[[], int]) -> None:
    claim = Claim(data, "postgres")
    try:
        code, said = await command("up", "--data", str(data), "--port", str(free_port()))
    finally:
        claim.release()
    assert code == 1
    assert "in use by another Steward" in said and "Traceback" not in said
