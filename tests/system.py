"""The whole system in the test's own process: every service, a real PostgreSQL, no ports.

Requests go straight to the ASGI app in front. Time is the test's: it runs only as `clock` lets it, and what services do
when time passes happens when the test says `ticked`.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Generator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx

from shared.clock import Clock
from shared.database import Database
from shared.local import issuer as local_issuer
from shared.local.issuer import Issuer
from shared.local.people import PEOPLE, Person
from shared.run import System, started
from shared.service import Job, Runtime, Service
from shared.settings import Settings

MONDAY = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
ISSUER = "http://127.0.0.1/steward-tests"
# People of roles that the embedded system has nobody for.
STRANGERS = (
    Person("manager", "Mara", ("problem_manager",)),
    Person("keeper", "Kim", ("service_level_manager",)),
    Person("chief", "Chris", ("incident_manager",)),
    Person("nobody", "Noa", ("visitor",)),
)
EVERYBODY = {**PEOPLE, **{person.subject: person for person in STRANGERS if person.subject not in PEOPLE}}


class SetClock(Clock):
    """Stands still until the test moves it; forwards only, as time does."""

    def __init__(self, start: datetime = MONDAY) -> None:
        super().__init__(lambda: self.instant)
        self.instant = start

    def advance(self, **duration: float) -> datetime:
        """`advance(hours=4)`; the time it is then."""
        return self.set(self.instant + timedelta(**duration))

    def set(self, instant: datetime) -> datetime:
        if instant < self.instant:
            raise ValueError(f"it is {self.instant} already")
        self.instant = instant
        return instant


class Signed(httpx.Auth):
    """A token of this person with every request, valid at the time that the clock shows."""

    def __init__(self, issuer: Issuer, person: Person) -> None:
        self.issuer = issuer
        self.person = person
        self._token = ""
        self._until = datetime.min.replace(tzinfo=UTC)

    def token(self) -> str:
        now = self.issuer.clock.now()
        if now >= self._until:
            self._token, self._until = self.issuer.issue(self.person), now + timedelta(hours=6)
        return self._token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self.token()}"
        yield request


class Steward:
    """A running system. `client("alice")` asks as Alice; `runtime("incident")` is that service from inside."""

    def __init__(self, system: System, issuer: Issuer, clock: SetClock, jobs: dict[str, tuple[Job, ...]]) -> None:
        self.system = system
        self.issuer = issuer
        self.clock = clock
        self._jobs = jobs
        self._clients: dict[Person | None, httpx.AsyncClient] = {}

    @property
    def services(self) -> tuple[str, ...]:
        return tuple(self.system.runtimes)

    def runtime(self, name: str) -> Runtime:
        return self.system.runtimes[name]

    def database(self, name: str) -> Database:
        return self.system.runtimes[name].database

    def client(self, who: str | Person | None) -> httpx.AsyncClient:
        """A client with this person's token; None: without any. Closed with the system."""
        person = EVERYBODY[who] if isinstance(who, str) else who
        if person not in self._clients:
            self._clients[person] = httpx.AsyncClient(
                transport=httpx.ASGITransport(self.system.front, raise_app_exceptions=False),
                base_url="http://steward.test",
                auth=Signed(self.issuer, person) if person else None,
                timeout=30,
            )
        return self._clients[person]

    def token(self, who: str | Person) -> str:
        return Signed(self.issuer, EVERYBODY[who] if isinstance(who, str) else who).token()

    async def drained(self, seconds: float = 30) -> None:
        """Wait until every event there is was sequenced and taken in by all who follow it, and by all who follow what
        they recorded because of it. Fails with what is left."""
        before: list[dict[str, object]] | None = None
        found: list[dict[str, object]] = []
        try:
            async with asyncio.timeout(seconds):
                while True:
                    found = [{"service": each.service.name, "end": each.log.end, **await each.consumption()}
                             for each in self.system.runtimes.values()]  # fmt: skip
                    # Twice the same, because a service that was asked early may have got something to do meanwhile.
                    if all(each["drained"] for each in found) and found == before:
                        return
                    before = found
                    await asyncio.sleep(0.01)
        except TimeoutError:
            left = [each for each in found if not each["drained"]]
            raise AssertionError(f"not drained within {seconds} s: {left or found}") from None

    async def ticked(self) -> None:
        """Have every service do what is due by the clock, and everything that follows from it."""
        while True:
            await self.drained()
            done = [await job.run(self.runtime(name)) for name, jobs in self._jobs.items() for job in jobs]
            if not any(done):
                return
            for runtime in self.system.runtimes.values():
                runtime.saved()

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


@asynccontextmanager
async def steward_of(
    services: Sequence[Service], database: Callable[[Service], Awaitable[str]], folder: Path, clock: SetClock
) -> AsyncIterator[Steward]:
    """These services on databases of their own, which `database` makes with their newest schema."""
    issuer = local_issuer.load(folder, ISSUER, "steward", clock)
    settings = Settings(
        data=folder, bus="memory", oidc_issuer=ISSUER, oidc_jwks=str(issuer.jwks), database_pool=5, port=1
    )
    jobs = {each.name: each.jobs for each in services}
    urls = {each.name: await database(each) for each in services}
    idle = [replace(each, jobs=()) for each in services]
    async with AsyncExitStack() as stack:
        routes: list[Any] = [local_issuer.router(issuer)]
        system = await stack.enter_async_context(started(idle, urls, settings, clock, routes))
        steward = Steward(system, issuer, clock, jobs)
        stack.push_async_callback(steward.close)
        yield steward
