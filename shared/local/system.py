"""Steward on one machine as it runs in production: PostgreSQL, Kafka and one supervised process per service.

`make up` runs it in the background, the journey tests in their own process. Everything lies under one data folder,
which `make run` may use at another time: the same databases, the same people.

    <data>/postgres, kafka, issuer     as the modules of these names say
    <data>/up/services/<name>/         the current directory of the service
    <data>/up/logs/<name>.log          what it says
"""

import asyncio
import contextlib
import logging
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import httpx

from shared.local import issuer, kafka, postgres
from shared.local.kafka import LocalKafka
from shared.local.postgres import LocalPostgres
from shared.local.processes import CannotStart, Claim, begin_log, end, end_processes_in, last_lines, spawn, until

log = logging.getLogger(__name__)

ROOT = Path(__file__).parents[2]
PROGRAM = (sys.executable, "-m", "shared.run")
ISSUER = "http://127.0.0.1/steward-local"
AUDIENCE = "steward"
# The ports from the base one on: the services count up from 1.
KAFKA, CONTROLLER = 90, 91
GENTLE = ((signal.SIGTERM, 15.0), (signal.SIGKILL, 5.0))


def found_services() -> list[str]:
    """The folders under services/ that have an app.py, sorted."""
    return sorted(path.parent.name for path in (ROOT / "services").glob("*/app.py"))


class ServiceProcess:
    """One service in a process of its own, started again when it ends by itself."""

    def __init__(self, name: str, port: int, data: Path, program: Sequence[str], service: str = "") -> None:
        """`name` is the process's; a second process of a service names the `service` besides."""
        self.name = name
        self.service = service or name
        self.port = port
        self.folder = data / "up" / "services" / name
        self.log = data / "up" / "logs" / f"{name}.log"
        self.starts = 0
        self.environment: Mapping[str, str] = {}
        self._program = program
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def prepare(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        begin_log(self.log)

    def start(self) -> None:
        self._process = self._spawn(self.service)
        self.starts += 1

    def kill(self) -> None:
        """SIGKILL, for tests of what a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def migrate(self) -> None:
        """Bring its database to the newest schema. Raises CannotStart with what it said."""
        migrating = self._spawn(self.service, "--migrate")
        try:
            in_time = await until(lambda: migrating.poll() is not None, 120)
        finally:
            await end(migrating, 5)
        if not in_time or migrating.poll() != 0:
            raise CannotStart(f"the migration of {self.name} failed:\n{last_lines(self.log)}")

    async def supervise(self) -> None:
        """Start it, and again whenever it has ended, at once at first and then at growing intervals."""
        pause = 0.1
        while True:
            began = time.monotonic()
            self.start()
            while self.alive:  # noqa: ASYNC110 - no event tells of a process's end
                await asyncio.sleep(0.1)
            if time.monotonic() - began > 10:
                pause = 0.1
            log.warning("%s has ended; starting it again in %.1f s", self.name, pause)
            await asyncio.sleep(pause)
            pause = min(pause * 2, 10)

    async def stop(self) -> None:
        """SIGTERM, so that it finishes what it is at; SIGKILL after 15 s."""
        if self._process is not None:
            await end(self._process, 15)

    async def end_leftovers(self) -> None:
        await end_processes_in(self.folder, "python", GENTLE)

    async def ready(self, client: httpx.AsyncClient, deadline: float) -> None:
        """Return when /readyz answers 200. Raises CannotStart with why not."""
        said = "it does not answer"
        first = self.starts
        while time.monotonic() < deadline:
            if self.starts - first >= 3:
                raise CannotStart(f"{self.name} ends again and again; its log says:\n{last_lines(self.log)}")
            with contextlib.suppress(httpx.TransportError):
                answer = await client.get(f"{self.url}/readyz", timeout=5)
                if answer.status_code == 200:
                    return
                said = f"/readyz: {answer.status_code} {answer.text[:500]}"
            await asyncio.sleep(0.1)
        raise CannotStart(f"{self.name} is not ready: {said}\nits log ends:\n{last_lines(self.log)}")

    def _spawn(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = (*self._program, *arguments)
        return spawn(command, folder=self.folder, log=self.log, environment=self.environment)


class System:
    """PostgreSQL, Kafka and the services. `start` returns when every one of them is ready.

    `postgres`, `kafka` and `services` (by name) are there from then on; all are watched and started again when they
    die. `program` serves one service when its name is added, and migrates its database with `--migrate`. The services
    named in `twice` run in a second process each, on the same database: `replicas`, by "<service>-2".
    """

    postgres: LocalPostgres
    kafka: LocalKafka

    def __init__(
        self, names: Sequence[str] | None = None, program: Sequence[str] = PROGRAM, twice: Sequence[str] = ()
    ) -> None:
        self.services: dict[str, ServiceProcess] = {}
        self.replicas: dict[str, ServiceProcess] = {}
        self._twice = twice
        self._names = found_services() if names is None else list(names)
        self._program = program
        self._servers: list[LocalPostgres | LocalKafka] = []
        self._watching: list[asyncio.Task[None]] = []
        self._supervising: list[asyncio.Task[None]] = []
        self._claim: Claim | None = None

    @property
    def processes(self) -> dict[str, ServiceProcess]:
        """Every process of a service, by its name."""
        return {**self.services, **self.replicas}

    async def start(self, data: Path, base_port: int) -> None:
        """Start everything on the data in this folder. Service n has the port `base_port` + n, from 1, in name order.

        Raises FolderInUse if another live Steward has the folder, CannotStart with the reason for anything else; then
        nothing is left running.
        """
        data = data.resolve()  # noqa: ASYNC240 - once at start
        self._claim = Claim(data / "up", "up")
        try:
            await self._start(data, base_port)
        except BaseException:
            await self.stop()
            raise

    async def ready(self, seconds: float = 90) -> None:
        """Return when every process's /readyz answers 200. Raises CannotStart that names one that does not."""
        deadline = time.monotonic() + seconds
        async with httpx.AsyncClient(trust_env=False) as client:
            for process in self.processes.values():
                await process.ready(client, deadline)

    def kill(self, name: str) -> None:
        """SIGKILL one service, `kafka` or `postgres` with all its processes; it is started again."""
        if name == "postgres":
            self.postgres.kill()
        elif name == "kafka":
            self.kafka.kill()
        else:
            self.processes[name].kill()

    async def stop(self) -> None:
        """Services first, so that they can finish; then the broker; then the database. At most a minute."""
        for task in self._watching:
            task.cancel()
        await asyncio.gather(*self._watching, return_exceptions=True)
        await self.stop_services()
        for server in reversed(self._servers):
            await server.stop()
        if self._claim is not None:
            self._claim.release()

    async def stop_services(self) -> None:
        """End every process of a service, for good; the servers stay, for who looks at what they hold."""
        for task in self._supervising:
            task.cancel()
        await asyncio.gather(*self._supervising, return_exceptions=True)
        await asyncio.gather(*(process.stop() for process in self.processes.values()))

    def state(self) -> dict[str, object]:
        """What runs where, for whoever comes later."""
        return {
            "postgres": {"pid": self.postgres.pid, "url": self.postgres.url("{database}")},
            "kafka": {"pid": self.kafka.pid, "bootstrap": self.kafka.bootstrap},
            "services": {
                name: {"pid": service.pid, "port": service.port, "url": service.url}
                for name, service in self.services.items()
            },
        }

    async def _start(self, data: Path, base_port: int) -> None:
        for number, name in enumerate(self._names, 1):
            self.services[name] = ServiceProcess(name, base_port + number, data, self._program)
        for number, name in enumerate(self._twice, len(self._names) + 1):
            self.replicas[f"{name}-2"] = ServiceProcess(f"{name}-2", base_port + number, data, self._program, name)
        for process in self.processes.values():
            process.prepare()
            await process.end_leftovers()
        # Kafka takes the longest, so it starts beside the database and the migrations.
        starting = asyncio.create_task(kafka.start(data, base_port + KAFKA, base_port + CONTROLLER))
        try:
            self.postgres = await postgres.start(data)
            self._servers.append(self.postgres)
            await self._prepare_databases(data, base_port)
        finally:
            self.kafka = await starting
            self._servers.append(self.kafka)
        self._watching = [asyncio.create_task(server.watch()) for server in self._servers]
        self._supervising = [asyncio.create_task(process.supervise()) for process in self.processes.values()]
        await self.ready()

    async def _prepare_databases(self, data: Path, base_port: int) -> None:
        keys = issuer.load(data, ISSUER, AUDIENCE)
        common = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "STEWARD_DATA": str(data),
            "STEWARD_BUS": "kafka",
            "STEWARD_KAFKA": f"127.0.0.1:{base_port + KAFKA}",
            "STEWARD_HOST": "127.0.0.1",
            "STEWARD_OIDC_ISSUER": ISSUER,
            "STEWARD_OIDC_AUDIENCE": AUDIENCE,
            "STEWARD_OIDC_JWKS": str(keys.jwks),
        }
        for name, process in self.processes.items():
            database = f"steward_{process.service}"
            await self.postgres.ensure_database(database)
            process.environment = {
                **common,
                "STEWARD_PORT": str(process.port),
                # A service that was killed gets its partitions back at once, not after its old session's time.
                "STEWARD_KAFKA_INSTANCE": name,
                f"STEWARD_{process.service.upper()}_DATABASE_URL": self.postgres.url(database),
            }
        await asyncio.gather(*(service.migrate() for service in self.services.values()))


async def clear(data: Path) -> None:
    """End what a killed supervisor has left behind. Raises FolderInUse if a live Steward has the folder."""
    claims = []
    try:
        for folder, name in ((data / "up", "up"), (data, "kafka"), (data, "postgres")):
            claims.append(Claim(folder, name))
        for folder in (data / "up" / "services").glob("*"):
            await end_processes_in(folder, "python", GENTLE)
        await LocalKafka(data, 0, 0, claims[1]).end_leftovers()
        await LocalPostgres(data, claims[2], None).end_leftovers()
    finally:
        for claim in claims:
            claim.release()
