"""Somebody generates a client in TypeScript from the served document, compiles it strictly, and works with it."""

import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from tests.builders import told
from tests.journeys.documents import agreement, always
from tests.journeys.embedded import Embedded, steward
from tests.journeys.examples import compiled, done, packages, tool

SERVICE = "Order portal"


@pytest.fixture
async def newcomer(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[Embedded]:
    """`make run`, and an agreement on one service."""
    system = Embedded(workplace / "caller", free_port())
    await system.start()
    try:
        headers = {"Authorization": f"Bearer {await token(system, 'root')}"}
        async with httpx.AsyncClient(base_url=system.url, headers=headers, trust_env=False) as root:
            await told(root, "/sla/policies", {"documents": [always("always"), agreement(SERVICE, "always")]})
        yield system
    finally:
        await system.stop()


async def token(system: Embedded, name: str) -> str:
    process = await steward("token", name, data=system.data)
    output, errors = await process.communicate()
    assert process.returncode == 0, errors.decode()
    return output.decode().strip()


@pytest.mark.capability("PRB-2", "SLM-5")
async def test_a_generated_client_plays_the_journey(newcomer: Embedded) -> None:
    folder = packages("client-typescript")
    environment = {
        "STEWARD_URL": newcomer.url,
        "DESK_TOKEN": await token(newcomer, "alice"),
        "MANAGER_TOKEN": await token(newcomer, "grace"),
        "SERVICE": SERVICE,
    }
    # Made anew each time: what is compiled is what the services of today say.
    await done(tool("npm"), "run", "--silent", "generate", folder=folder, environment=environment)
    generated = (folder / "source" / "steward.d.ts").read_text()
    assert not re.search(r"\bany\b", re.sub(r"/\*.*?\*/", "", generated, flags=re.DOTALL))
    await compiled(folder)
    said = await done(tool("npm"), "run", "--silent", "start", folder=folder, environment=environment)
    journey = r"""(PRB-\d+) is new: Printers catch fire
(INC-\d+) is new, priority 1
\2 is closed; now one may .*reopen.*
closed again: 409 The record's state does not permit this; allowed: .*reopen.*
\1 came back 1 time, last at \S+Z
restorations of Order portal in the metrics: 0 before, 1 after
"""
    assert re.fullmatch(journey, said), said
