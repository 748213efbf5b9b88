"""Clients that work through the lives of incidents while servers are killed, and note what they were told."""

import asyncio
import random
import time
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

import httpx

from shared.local.issuer import Issuer
from tests.faults.ledger import Command, Ledger
from tests.journeys.desk import ByService
from tests.system import EVERYBODY, Signed

Json = dict[str, Any]
HASTY = 0.1
PATIENCE = 90.0
"""Seconds after which a command that nobody answers is a failure: something has not come back."""


class People:
    """Send commands to the services at these ports, each with the same Idempotency-Key until it is answered.

    `stop` ends their work after the records that they are at.
    """

    def __init__(self, ports: Mapping[str, int], issuer: Issuer, ledger: Ledger, chance: random.Random) -> None:
        self.ledger = ledger
        self.chance = chance
        self.acknowledged = 0
        self.stop = asyncio.Event()
        transport = ByService(ports)
        self._clients = {
            who: httpx.AsyncClient(
                transport=transport, base_url="http://steward.test", auth=Signed(issuer, EVERYBODY[who])
            )
            for who in ("alice", "manager", "root")
        }

    async def send(self, who: str, path: str, body: Json, *expects: str) -> Json:
        """What the service answered in the end, be it a refusal. `expects` are types without `steward.` and `.v1`."""
        types = tuple(f"steward.{each}.v1" for each in expects)
        command = Command(uuid4(), path.split("/")[1], path, types)
        self.ledger.begin(command)
        began, pause = time.monotonic(), 0.05
        while not await self._attempt(self._clients[who], command, body):
            command.doubts += 1
            assert time.monotonic() - began < PATIENCE, f"nobody has answered {command} for {PATIENCE} s"
            await asyncio.sleep(pause)
            pause = min(pause * 2, 0.5)
        # People think between two commands; without this a handful of them would keep the machine to themselves.
        await asyncio.sleep(self.chance.uniform(0, 0.05))
        return dict(command.answer)

    async def _attempt(self, client: httpx.AsyncClient, command: Command, body: Json) -> bool:
        """Whether there was an answer that settles it."""
        headers = {"Idempotency-Key": command.key, "X-Correlation-Id": str(command.correlation)}
        # Now and then somebody does not wait for the answer, and asks again while the first request is still at work.
        hasty = not command.doubts and self.chance.random() < HASTY
        patience = httpx.Timeout(10, read=0.01 if hasty else 10)
        try:
            answer = await client.post(command.path, json=body, headers=headers, timeout=patience)
        except httpx.TransportError as error:
            command.answer = {"error": repr(error)}
        else:
            command.answer = answer.json() if answer.headers.get("content-type", "").endswith("json") else {}
            if answer.is_success:
                command.outcome = "acknowledged"
                self.acknowledged += 1
            elif answer.status_code < 500:
                command.outcome = "refused"
        self.ledger.note(command)
        return command.outcome != "unknown"

    async def problem(self, title: str) -> Json:
        return await self.send("manager", "/problem/problems", {"title": title}, "problem.opened")

    async def desk(self, service: str, problem: Json) -> None:
        """One life of an incident after the other."""
        while not self.stop.is_set():
            await self.life(service, problem)

    async def life(self, service: str, problem: Json) -> None:
        """Opened, linked, waiting while somebody else comments, resolved, closed, reopened and closed once more."""
        order = {"title": "The printer is on fire", "organisation": "northwind", "service": service}
        incident = await self.send("alice", "/incident/incidents", order, "incident.opened")
        assert incident.get("id"), f"an incident could not be opened: {incident}"

        async def verb(name: str, *expects: str, who: str = "alice", **body: object) -> None:
            await self.send(who, f"/incident/incidents/{incident['id']}/{name}", body, *expects)

        await verb("link", "incident.linked", problem=problem["id"])
        await verb("start", "incident.started")
        await asyncio.gather(
            verb("wait", "incident.waiting", reason="user"),
            verb("comment", "incident.commented", who="root", text="I have seen it too"),
        )
        await verb("resume", "incident.resumed")
        # There is nothing to resume any more: a refusal, which must leave no trace.
        await verb("resume", "incident.resumed")
        for again in (False, True):
            await verb("resolve", "incident.resolved", resolution_code="fixed")
            await verb("close", "incident.closed")
            if not again:
                await verb("reopen", "incident.reopened", reason="it burns again")

    async def investigator(self, problem: Json) -> None:
        """Writes on a problem, whose row recurrences change at the same time."""
        while not self.stop.is_set():
            path = f"/problem/problems/{problem['id']}"
            await self.send("manager", f"{path}/comment", {"text": "Still looking"}, "problem.commented")
            await self.send(
                "manager",
                f"{path}/workaround",
                {"text": f"Number {uuid4()}"},
                "workaround.recorded",
                "problem.status_changed",
            )

    async def aclose(self) -> None:
        for client in self._clients.values():
            await client.aclose()
