"""The two systems that every journey is made on, and an agreement of the journeys' own."""

from collections.abc import AsyncIterator, Callable
from pathlib import Path
from uuid import uuid4

import pytest

from shared.local import kafka as local_kafka
from shared.local.processes import CannotStart
from shared.local.system import System as Processes
from tests.conftest import not_available
from tests.journeys.desk import Desk, in_process, of_processes
from tests.journeys.documents import agreement, always
from tests.system import Steward


@pytest.fixture(scope="session")
async def desk_in_process(steward: Steward, free_port: Callable[[], int]) -> AsyncIterator[Desk]:
    async with in_process(steward, free_port()) as desk:
        yield desk


@pytest.fixture(scope="session")
async def desk_of_processes(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[Desk]:
    try:
        local_kafka.jars(), local_kafka.java()
    except CannotStart as reason:
        not_available(reason)
    system, data = Processes(), workplace / "journeys"
    await system.start(data, free_port())
    try:
        async with of_processes(system, data) as desk:
            yield desk
    finally:
        await system.stop()


@pytest.fixture(
    scope="session",
    params=[
        pytest.param("desk_in_process", id="in-process"),
        pytest.param("desk_of_processes", id="kafka", marks=pytest.mark.kafka),
    ],
)
def desk(request: pytest.FixtureRequest) -> Desk:
    """The system under the journey, first one and then the other."""
    found: Desk = request.getfixturevalue(request.param)
    return found


@pytest.fixture
async def service(desk: Desk) -> str:
    """A service of a customer with an agreement on it: see `documents.agreement`."""
    name = f"journeys-{uuid4().hex[:8]}"
    documents = [always(f"{name}-always"), agreement(name, f"{name}-always")]
    answer = await desk.client("root").post("/sla/policies", json={"documents": documents})
    assert answer.status_code == 200, answer.text
    return name
