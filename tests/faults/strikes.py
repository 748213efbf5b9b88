"""How each blow is dealt to a running system, and when it has come back from it."""

import asyncio
import os
import re
import signal
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass

import asyncpg
import httpx
import psutil

from shared.database.faults import passing
from shared.events.sequencer import LEADER
from shared.local import kafka as local_kafka
from shared.local.system import System
from tests.faults.schedule import Strike

BOUND = 60.0
"""Seconds in which everything has to be back."""
AT_LEAST = 10
"""Commands that must be acknowledged between one blow's healing and the next."""
LEADING = """
SELECT activity.pid, application_name FROM pg_locks JOIN pg_stat_activity AS activity USING (pid)
WHERE locktype = 'advisory' AND granted AND objid = $1 AND datname = current_database()
"""


@dataclass
class Blow:
    """A strike that was dealt: the process it hit (0: there was none to hit), and the seconds until all answered."""

    strike: Strike
    at: float
    pid: int = 0
    back: float | None = None


class Striker:
    """Deals the strikes of a schedule. `late` says what did not come back in time."""

    def __init__(self, system: System, acknowledged: Callable[[], int], tell: Callable[[str], None]) -> None:
        self.system = system
        self.acknowledged = acknowledged
        self.tell = tell
        self.blows: list[Blow] = []
        self.late: list[str] = []
        self._began = time.monotonic()
        self._client = httpx.AsyncClient(trust_env=False, timeout=2)

    @property
    def kills(self) -> int:
        return sum(1 for each in self.blows if each.strike.kills and each.pid)

    async def all(self, strikes: Sequence[Strike]) -> None:
        """Deal them one after the other, some of them together."""
        healing: list[asyncio.Task[None]] = []
        try:
            for strike in strikes:
                if not strike.together:
                    await asyncio.gather(*healing)
                    healing.clear()
                    await self._progress()
                await asyncio.sleep(strike.after)
                healing.append(asyncio.create_task(self._one(strike)))
            await asyncio.gather(*healing)
        finally:
            for task in healing:
                task.cancel()
            await asyncio.gather(*healing, return_exceptions=True)
            await self._client.aclose()

    async def _progress(self) -> None:
        wanted = self.acknowledged() + AT_LEAST
        if not await self._until(lambda: _true(self.acknowledged() >= wanted)):
            self.late.append(f"fewer than {AT_LEAST} commands were acknowledged in {BOUND:.0f} s without any fault")

    async def _one(self, strike: Strike) -> None:
        blow = Blow(strike, round(time.monotonic() - self._began, 2))
        self.blows.append(blow)
        deal = {
            "service": self._service, "leader": self._leader, "postgres": self._postgres,
            "postmaster": self._postmaster, "backend": self._backend, "kafka": self._kafka,
            "pause": self._pause, "zombie": self._zombie, "pause kafka": self._pause_kafka,
        }[strike.kind]  # fmt: skip
        await deal(blow)
        began = time.monotonic()
        if await self._until(self.serving):
            blow.back = round(time.monotonic() - began, 2)
        else:
            self.late.append(f"not everything answered {BOUND:.0f} s after {strike.what}")
        back = "did not come back" if blow.back is None else f"back in {blow.back:.1f} s"
        self.tell(f"{blow.at:6.1f} s {strike.what} (process {blow.pid}): {back}")

    async def serving(self) -> bool:
        """Whether PostgreSQL, Kafka and every process of a service answer."""
        kafka = self.system.kafka
        if not (self.system.postgres.alive and kafka.alive):
            return False
        if not await asyncio.to_thread(local_kafka.answers, kafka.port):
            return False
        ready = [self._ready(process.url) for process in self.system.processes.values()]
        return all(await asyncio.gather(*ready))

    async def _ready(self, url: str) -> bool:
        try:
            return (await self._client.get(f"{url}/readyz")).status_code == 200
        except httpx.TransportError:
            return False

    async def _until(self, holds: Callable[[], Awaitable[bool]]) -> bool:
        deadline = time.monotonic() + BOUND
        while not await holds():
            if time.monotonic() > deadline:
                return False
            await asyncio.sleep(0.05)
        return True

    async def _service(self, blow: Blow) -> None:
        process = self.system.processes[blow.strike.target]
        if process.alive:
            blow.pid = process.pid
            process.kill()

    async def _leader(self, blow: Blow) -> None:
        leader = await self._leading(blow.strike.target)
        for process in self.system.processes.values():
            if leader and process.pid == leader[1]:
                blow.pid = process.pid
                process.kill()

    async def _postgres(self, blow: Blow) -> None:
        if self.system.postgres.alive:
            blow.pid = self.system.postgres.pid
            self.system.postgres.kill()

    async def _postmaster(self, blow: Blow) -> None:
        if self.system.postgres.alive:
            blow.pid = self.system.postgres.pid
            os.kill(blow.pid, signal.SIGKILL)

    async def _backend(self, blow: Blow) -> None:
        async def dealt() -> bool:
            # There is none for as long as PostgreSQL recovers from another blow.
            pid = next(self._backends(f"steward_{blow.strike.target}"), 0)
            with suppress(ProcessLookupError):
                if pid:
                    os.kill(pid, signal.SIGKILL)
                    blow.pid = pid
            return blow.pid != 0

        await self._until(dealt)

    def _backends(self, database: str) -> Iterator[int]:
        """The processes of PostgreSQL that serve connections to this database."""
        try:
            for child in psutil.Process(self.system.postgres.pid).children():
                if f" {database} " in " ".join(child.cmdline()):
                    yield child.pid
        except psutil.NoSuchProcess:
            return

    async def _kafka(self, blow: Blow) -> None:
        if self.system.kafka.alive:
            blow.pid = self.system.kafka.pid
            self.system.kafka.kill()

    async def _pause(self, blow: Blow) -> None:
        process = self.system.processes[blow.strike.target]
        if process.alive:
            blow.pid = process.pid
            with stopped(blow.pid):
                await asyncio.sleep(blow.strike.length)

    async def _pause_kafka(self, blow: Blow) -> None:
        if self.system.kafka.alive:
            blow.pid = self.system.kafka.pid
            with stopped(blow.pid):
                await asyncio.sleep(blow.strike.length)

    async def _zombie(self, blow: Blow) -> None:
        leader = await self._leading(blow.strike.target)
        if leader is None:
            return
        backend, blow.pid = leader
        with stopped(blow.pid):
            # Its session ends, as behind a network that was cut; it will not know before it goes on.
            async with self._database(blow.strike.target) as connection:
                await connection.execute("SELECT pg_terminate_backend($1)", backend)
            began = time.monotonic()
            if sum(each.service == blow.strike.target for each in self.system.processes.values()) > 1:
                await self._leading(blow.strike.target, other_than=backend)
            await asyncio.sleep(max(0.0, blow.strike.length - (time.monotonic() - began)))

    @asynccontextmanager
    async def _database(self, service: str) -> AsyncIterator[asyncpg.Connection]:
        connection = await self.system.postgres.connect(f"steward_{service}")
        try:
            yield connection
        finally:
            connection.terminate()

    async def _leading(self, service: str, other_than: int = 0) -> tuple[int, int] | None:
        """The leader's session, another one than that, and its process; None where nobody leads for so long as
        everything has to be back in."""
        found: list[tuple[int, int]] = []

        async def look() -> bool:
            try:
                async with self._database(service) as connection:
                    row = await connection.fetchrow(LEADING, LEADER)
            except Exception as error:
                if not passing(error):
                    raise
                return False
            if row is None or row["pid"] == other_than:
                return False
            name = re.match(r"sequencer (\d+)", row["application_name"])
            assert name is not None, f"a leader of the name {row['application_name']!r}"
            found.append((row["pid"], int(name[1])))
            return True

        if await self._until(look):
            return found[0]
        self.late.append(f"nobody has led the log of {service} for {BOUND:.0f} s")
        return None


async def _true(holds: bool) -> bool:
    return holds


@contextmanager
def stopped(pid: int) -> Iterator[None]:
    """SIGSTOP; SIGCONT in the end, unless it was killed meanwhile."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
