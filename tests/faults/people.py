"""Clients that work while servers are killed, each with a ledger of what it was told.

Some are hasty and ask again while their first request is still at work; some go home on a doubt, and never learn what
became of their command.
"""

import asyncio
import itertools
import random
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any
from uuid import uuid4

import httpx

from shared.local.issuer import Issuer
from tests.faults.ledger import Command, Ledger
from tests.journeys.desk import ByService
from tests.system import EVERYBODY, Signed

Json = dict[str, Any]
HASTY, GOES_HOME = 0.1, 0.1
PATIENCE = 90.0
"""Seconds after which a command that nobody answers is a failure: something has not come back."""
THINKING = 0.3
"""Seconds at most between two commands; without them a handful of people would keep the machine to themselves."""


class WentHome(Exception):
    """The client has given up a command, and what it was about to do next with it."""


async def together(*commands: Awaitable[None] | Awaitable[Json]) -> None:
    """At the same time. Raises WentHome when all have ended, where somebody went home from one of them."""
    for outcome in await asyncio.gather(*commands, return_exceptions=True):
        if isinstance(outcome, BaseException):
            raise outcome


class Gateway(ByService):
    """Sends the requests to a service in turn to each of its processes."""

    def __init__(self, ports: Mapping[str, Sequence[int]]) -> None:
        super().__init__({name: each[0] for name, each in ports.items()})
        self._turns = {name: itertools.cycle(each) for name, each in ports.items()}

    def port(self, service: str) -> int:
        return next(self._turns[service])


class People:
    """Everybody who works at the services on these ports; several where a service has several processes.

    `stock` is where clients leave records for others to work with, by kind. `stop` ends everybody's work after the
    record that they are at. `stuck`: commands that were not answered in time.
    """

    def __init__(
        self, ports: Mapping[str, Sequence[int]], issuer: Issuer, ledger: Ledger, seed: int, goes_home: float = 0.0
    ) -> None:
        self.ledger = ledger
        self.goes_home = goes_home
        self.acknowledged = 0
        self.stock: dict[str, list[Json]] = defaultdict(list)
        self.stop = asyncio.Event()
        self.stuck: list[str] = []
        self._seed = seed
        self._issuer = issuer
        self._transport = Gateway(ports)
        self._sessions: dict[str, httpx.AsyncClient] = {}

    def client(self, name: str) -> "Client":
        """A client of this name, whose haste is a function of the seed and the name."""
        return Client(name, self, random.Random(f"{self._seed} {name}"), self.goes_home)

    def first(self, name: str) -> "Client":
        """One who prepares what the others need, and stays until it is there."""
        return Client(f"{name}-first", self, random.Random(f"{self._seed} {name}-first"), 0.0)

    def token(self, who: str) -> str:
        return Signed(self._issuer, EVERYBODY[who]).token()

    def session(self, who: str) -> httpx.AsyncClient:
        if who not in self._sessions:
            self._sessions[who] = httpx.AsyncClient(
                transport=self._transport,
                base_url="http://steward.test",
                auth=Signed(self._issuer, EVERYBODY[who]),
                timeout=30,
            )
        return self._sessions[who]

    async def aclose(self) -> None:
        for session in self._sessions.values():
            await session.aclose()


class Client:
    """One who sends commands, each with the same Idempotency-Key until it is answered."""

    def __init__(self, name: str, people: People, chance: random.Random, goes_home: float) -> None:
        self.name = name
        self.people = people
        self.chance = chance
        self.goes_home = goes_home

    async def send(self, who: str, path: str, body: Json, *expects: str) -> Json:
        """What the service answered in the end, be it a refusal. `expects` are types without `steward.` and `.v1`;
        none for a command that must be refused. Raises WentHome."""
        people = self.people
        types = tuple(f"steward.{each}.v1" for each in expects)
        command = Command(uuid4(), path.split("/")[1], path, types, who=who, body=body)
        people.ledger.begin(command)
        began, pause = time.monotonic(), 0.05
        while not await self._attempt(command):
            command.doubts += 1
            if time.monotonic() - began > PATIENCE:
                people.stuck.append(f"nobody has answered {command} for {PATIENCE:.0f} s: {command.answer}")
                raise WentHome
            if command.doubts == 1 and self.chance.random() < self.goes_home:
                raise WentHome
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)
        await asyncio.sleep(self.chance.uniform(0, THINKING))
        return dict(command.answer)

    async def lives(self, life: Callable[["Client"], Awaitable[None]]) -> None:
        """One life of a record after the other."""
        while not self.people.stop.is_set():
            try:
                await life(self)
            except WentHome:
                continue

    async def asks_again(self, command: Command) -> None:
        """Send a command that was acknowledged once more; what is answered now is noted where it is not the same."""
        headers = {"Idempotency-Key": command.key, "X-Correlation-Id": str(command.correlation)}
        answer = await self.people.session(command.who).post(command.path, json=dict(command.body), headers=headers)
        if not answer.is_success or answer.json() != command.answer:
            command.changed = f"{answer.status_code} {answer.text[:500]}"

    async def _attempt(self, command: Command) -> bool:
        """Whether there was an answer that settles it."""
        headers = {"Idempotency-Key": command.key, "X-Correlation-Id": str(command.correlation)}
        # Now and then somebody does not wait for the answer, and asks again while the first request is still at work.
        hasty = not command.doubts and self.chance.random() < HASTY
        patience = httpx.Timeout(10, read=0.01 if hasty else 10)
        session = self.people.session(command.who)
        try:
            answer = await session.post(command.path, json=dict(command.body), headers=headers, timeout=patience)
        except httpx.TransportError as error:
            command.answer = {"error": repr(error)}
        else:
            json = answer.headers.get("content-type", "").endswith("json")
            command.answer = answer.json() if json else {"error": f"{answer.status_code} {answer.text[:200]}"}
            if answer.is_success:
                command.outcome = "acknowledged"
                self.people.acknowledged += 1
            elif answer.status_code < 500:
                command.outcome = "refused"
        self.people.ledger.note(self.name, command)
        return command.outcome != "unknown"
