"""Every route, found in the served document, is asked with thousands of requests that nobody here thought of.

Schemathesis makes them from the document: valid ones, invalid ones, without a token, with other methods, one after the
other on the same records. None may end in a fault, and no answer may differ from what the document says of it.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from tests.builders import Json, agreed, applied, closed_incident, opened_incident, problem_with_incident, read
from tests.journeys.desk import Desk, in_process
from tests.journeys.documents import always
from tests.system import Steward

HERE = Path(__file__).parent
COMMAND = Path(sys.executable).with_name("schemathesis")


@pytest.fixture
async def desk(fresh_steward: Steward, free_port: Callable[[], int]) -> AsyncIterator[Desk]:
    """A system of its own that listens, with a little of everything in it."""
    service = await agreed(fresh_steward)
    await applied(fresh_steward, "sla", [always("0")])
    await problem_with_incident(fresh_steward)
    await opened_incident(fresh_steward, service=service)
    await closed_incident(fresh_steward, service=service)
    await fresh_steward.drained()
    async with in_process(fresh_steward, free_port()) as desk:
        yield desk


async def explored(desk: Desk, folder: Path, *arguments: str) -> Json:
    """Have every route asked: what was done. A finding fails the test with the request that shows it."""
    report = folder / "report.json"
    command = (
        COMMAND, "--config-file", HERE / "schemathesis.toml", "run", f"{desk.url}/openapi.json", "--checks", "all",
        "--header", f"Authorization: Bearer {desk.token('root')}", "--request-timeout", "60",
        "--generation-database", "none", "--report", "json", "--report-json-path", report, "--no-color", *arguments,
    )  # fmt: skip
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=HERE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, output.decode()
    done: Json = json.loads(report.read_text())
    document = await read(desk.client("root"), "/openapi.json")
    asked = [path for path, item in document["paths"].items() for _ in item if not path.endswith("/stream")]
    assert (done["complete"], done["operations"]["tested"]) == (True, len(asked))
    return done


# Half a minute of work for two processors, and those of a busy machine take several times as long.
@pytest.mark.timeout(900)
async def test_no_route_breaks_its_description(desk: Desk, tmp_path: Path) -> None:
    done = await explored(desk, tmp_path, "--phases", "coverage", "--seed", "20000")
    # It got as far as the rules, and not only to the refusal of what it made up.
    for operation in ("POST /incident/incidents", "POST /problem/problems", "PATCH /incident/incidents/{id}"):
        assert done["valid_rates"][operation]["coverage"]["accepted"] > 0, operation


@pytest.mark.long
async def test_no_route_breaks_its_description_whatever_it_is_asked(desk: Desk, tmp_path: Path) -> None:
    """Random requests, each time others (what fails says its seed), and one after the other on what they have made."""
    await explored(desk, tmp_path, "--phases", "fuzzing,stateful", "--max-examples", "40")
