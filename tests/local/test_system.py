"""The whole system on one machine: every part comes back when it dies, and all of it ends."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import httpx
import pytest

from shared.local import kafka
from shared.local.processes import CannotStart, FolderInUse, processes_in, until
from shared.local.system import System, clear, found_services
from tests.conftest import not_available

pytestmark = pytest.mark.kafka

STUB = (sys.executable, str(Path(__file__).with_name("stub.py")))


@pytest.fixture(scope="module")
def base_port(free_port: Callable[[], int]) -> int:
    """A port with room for the services and the broker after it."""
    return free_port()


@pytest.fixture(scope="module")
async def system(workplace: Path, base_port: int) -> AsyncIterator[System]:
    try:
        kafka.jars(), kafka.java()
    except CannotStart as reason:
        not_available(reason)
    system = System(["incident", "problem"], STUB, twice=["problem"])
    await system.start(workplace / "system", base_port)
    yield system
    await system.stop()


async def answer(url: str) -> dict[str, str]:
    async with httpx.AsyncClient(trust_env=False) as client:
        found: dict[str, str] = (await client.get(f"{url}/readyz")).json()
        return found


def listening(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


async def test_each_service_has_its_own_port_and_knows_only_its_own_database(system: System, base_port: int) -> None:
    told = {name: await answer(service.url) for name, service in system.services.items()}
    assert [service.port for service in system.services.values()] == [base_port + 1, base_port + 2]
    assert told["incident"]["STEWARD_INCIDENT_DATABASE_URL"] == system.postgres.url("steward_incident")
    assert told["problem"]["STEWARD_PROBLEM_DATABASE_URL"] == system.postgres.url("steward_problem")
    assert not {"STEWARD_PROBLEM_DATABASE_URL", "STEWARD_DATABASE_URL"} & told["incident"].keys()
    assert told["incident"]["STEWARD_BUS"] == "kafka"
    assert told["incident"]["STEWARD_KAFKA"] == system.kafka.bootstrap
    assert os.path.exists(told["incident"]["STEWARD_OIDC_JWKS"])


async def test_a_service_in_two_processes_has_two_ports_and_two_names_on_one_database(
    system: System, base_port: int
) -> None:
    first, second = system.processes["problem"], system.processes["problem-2"]
    assert (first.port, second.port, second.service) == (base_port + 2, base_port + 3, "problem")
    told = [await answer(each.url) for each in (first, second)]
    assert told[0]["STEWARD_PROBLEM_DATABASE_URL"] == told[1]["STEWARD_PROBLEM_DATABASE_URL"]
    assert [each["STEWARD_KAFKA_INSTANCE"] for each in told] == ["problem", "problem-2"]


async def test_the_databases_are_migrated_before_the_services_start(system: System) -> None:
    for name, service in system.services.items():
        assert (service.folder / "migrated").exists()
        connection = await system.postgres.connect(f"steward_{name}")
        await connection.close()


async def test_a_killed_service_comes_back_on_its_port(system: System) -> None:
    service = system.services["problem"]
    first, other = service.pid, system.services["incident"].pid
    system.kill("problem")
    assert await until(lambda: service.alive and service.pid != first and listening(service.port), 30)
    await system.ready()
    assert system.services["incident"].pid == other


async def test_a_killed_database_and_a_killed_broker_come_back(system: System) -> None:
    database, broker = system.postgres.pid, system.kafka.pid
    system.kill("postgres")
    system.kill("kafka")
    assert await until(lambda: system.postgres.pid != database and system.postgres.alive, 60)
    assert await until(lambda: system.kafka.pid != broker and kafka.answers(system.kafka.port), 90)
    connection = await system.postgres.connect("steward_incident")
    await connection.close()


async def test_a_second_system_on_the_same_folder_is_refused(system: System, base_port: int) -> None:
    folder = system.services["incident"].folder.parents[2]
    with pytest.raises(FolderInUse, match="in use by another Steward"):
        await System(["incident"], STUB).start(folder, base_port)
    with pytest.raises(FolderInUse):
        await clear(folder)
    await system.ready()


@pytest.mark.usefixtures("system")  # says once that there is no broker
async def test_a_service_that_cannot_start_is_named_with_its_log_and_nothing_is_left(
    workplace: Path, free_port: Callable[[], int]
) -> None:
    data = workplace / "broken"
    with pytest.raises(CannotStart, match=r"(?s)incident.*broken on purpose"):
        await System(["incident"], (*STUB, "broken")).start(data, free_port())
    assert processes_in(data / "postgres", "postgres") == []
    assert processes_in(data / "kafka", "java") == []


@pytest.mark.usefixtures("system")
async def test_what_a_killed_supervisor_left_is_ended(workplace: Path, free_port: Callable[[], int]) -> None:
    data = workplace / "left"
    program = (
        "import asyncio, pathlib, sys\n"
        "from shared.local.system import System\n"
        "async def main():\n"
        "    await System(['incident'], sys.argv[3:]).start(pathlib.Path(sys.argv[1]), int(sys.argv[2]))\n"
        "    print('ready', flush=True)\n"
        "    await asyncio.sleep(600)\n"
        "asyncio.run(main())\n"
    )
    supervisor = await asyncio.create_subprocess_exec(
        sys.executable, "-c", program, str(data), str(free_port()), *STUB, stdout=asyncio.subprocess.PIPE
    )
    assert supervisor.stdout is not None
    assert await supervisor.stdout.readline() == b"ready\n"
    os.kill(supervisor.pid, signal.SIGKILL)
    await supervisor.wait()
    places = ((data / "up/services/incident", "python"), (data / "kafka", "java"), (data / "postgres", "postgres"))
    assert all(processes_in(folder, program) for folder, program in places)
    await clear(data)
    assert not any(processes_in(folder, program) for folder, program in places)


def test_services_are_found_by_their_folder() -> None:
    assert found_services() == sorted(found_services())
