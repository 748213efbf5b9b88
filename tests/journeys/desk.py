"""A running Steward as a journey sees it: people's clients, and everything that is told on its topics.

The same journeys run on both: on the whole system in the test's own process, whose logs are the topics, and on a
process per service with a real Kafka between them.
"""

import asyncio
import contextlib
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import httpx
import uvicorn

from contracts.envelope import Message
from shared.http.unreadable import Protocol
from shared.kafka import KafkaBus, KafkaSettings
from shared.local import issuer as local_issuer
from shared.local.issuer import Issuer
from shared.local.system import AUDIENCE, ISSUER, ROOT
from shared.local.system import System as Processes
from tests.journeys.probes import eventually
from tests.system import EVERYBODY, Signed, Steward

Json = dict[str, Any]


class ByService(httpx.AsyncBaseTransport):
    """Sends each request to the service that its path begins with, as a gateway in front of them does."""

    def __init__(self, ports: Mapping[str, int]) -> None:
        self.ports = ports
        self.network = httpx.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        port = self.port(request.url.path.split("/")[1])
        request.url = request.url.copy_with(host="127.0.0.1", port=port)
        request.headers["Host"] = f"127.0.0.1:{port}"
        return await self.network.handle_async_request(request)

    def port(self, service: str) -> int:
        return self.ports[service]

    async def aclose(self) -> None:
        await self.network.aclose()


@dataclass
class Desk:
    """`url` is what the command line takes as --url; `fresh` gives what came on all topics since it was asked last;
    `kafka` is where anybody reads them, empty in one process."""

    services: tuple[str, ...]
    url: str
    issuer: Issuer
    transport: httpx.AsyncBaseTransport
    fresh: Callable[[], Awaitable[list[Message]]]
    kafka: str = ""
    told: list[Message] = field(default_factory=list)
    clients: dict[str, httpx.AsyncClient] = field(default_factory=dict)

    def client(self, who: str) -> httpx.AsyncClient:
        """Asks as this person."""
        if who not in self.clients:
            self.clients[who] = httpx.AsyncClient(
                transport=self.transport,
                base_url="http://steward.test",
                auth=Signed(self.issuer, EVERYBODY[who]),
                timeout=30,
            )
        return self.clients[who]

    def token(self, who: str) -> str:
        return Signed(self.issuer, EVERYBODY[who]).token()

    async def messages(self, correlation: UUID) -> list[Message]:
        """Everything told on any topic that one request led to, directly or not."""
        self.told += await self.fresh()
        return [each for each in self.told if each.correlation == correlation]

    async def drained(self, seconds: float = 30) -> None:
        """Wait until every service has sequenced, published and taken in all there is, twice in a row."""

        async def states() -> list[Json]:
            found = []
            for _ in range(2):
                for name in self.services:
                    answer = await self.client("root").get(f"/{name}/consumption")
                    found.append({"service": name, **answer.json()})
            return found

        await eventually("everything taken in", states, lambda found: all(each["drained"] for each in found), seconds)

    async def command(self, *arguments: str | Path) -> tuple[int, str, str]:
        """The command `steward` in a process of its own, as root: exit code, output, errors."""
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "cli.main", *map(str, arguments)),
            *("--url", self.url, "--token", self.token("root")),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
        )
        output, errors = await process.communicate()
        assert process.returncode is not None
        return process.returncode, output.decode(), errors.decode()

    async def close(self) -> None:
        for client in self.clients.values():
            await client.aclose()


class Quiet(uvicorn.Server):
    """Leaves the signals to pytest."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def in_process(steward: Steward, port: int) -> AsyncIterator[Desk]:
    """The system of this process. It listens too, for the command line."""
    places = {name: await steward.runtime(name).log.head() for name in steward.services}

    async def fresh() -> list[Message]:
        found: list[Message] = []
        for name in steward.services:
            while messages := await steward.runtime(name).log.read(places[name], 1000):
                places[name] = messages[-1].position
                found += messages
        return found

    config = uvicorn.Config(steward.system.front, port=port, log_config=None, lifespan="off", ws="none", http=Protocol)
    server = Quiet(config)
    serving = asyncio.create_task(server.serve())
    transport = httpx.ASGITransport(steward.system.front)
    desk = Desk(steward.services, f"http://127.0.0.1:{port}", steward.issuer, transport, fresh)
    try:
        yield desk
    finally:
        await desk.close()
        server.should_exit = True
        await serving


@asynccontextmanager
async def of_processes(system: Processes, data: Path) -> AsyncIterator[Desk]:
    """What `make up` starts, seen from outside: its ports and its topics."""
    names = tuple(system.services)
    bus = KafkaBus(KafkaSettings(bootstrap=system.kafka.bootstrap))
    topics = [f"steward.{name}" for name in names]
    following = await bus.subscribe(f"journeys-{uuid4().hex}", topics, from_start=True)

    async def fresh() -> list[Message]:
        arrivals = []
        while batch := await following.batch(1000, 0.1):
            arrivals += batch
            await following.done(batch)
        unread = [each.fault for each in arrivals if each.message is None]
        assert not unread, unread
        return [each.message for each in arrivals if each.message]

    desk = desk_of(system, data, fresh)
    try:
        yield desk
    finally:
        await desk.close()
        await bus.close()


async def nothing() -> list[Message]:
    return []


def desk_of(system: Processes, data: Path, fresh: Callable[[], Awaitable[list[Message]]] = nothing) -> Desk:
    """The ports of these processes; `fresh` reads their topics."""
    url = ",".join(f"{name}={service.url}" for name, service in system.services.items())
    transport = ByService({name: service.port for name, service in system.services.items()})
    return Desk(
        tuple(system.services), url, local_issuer.load(data, ISSUER, AUDIENCE), transport, fresh, system.kafka.bootstrap
    )
