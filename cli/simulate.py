"""A company that lives: people who open, work on and close records through the public API, for as long as it runs.

Nobody here knows a lifecycle: a record says what is allowed now (`allowed_actions`), and the tables below say what a
person would send with each. So every list moves, and what is done is what anybody could do.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx

Body = dict[str, Any]
Make = Callable[[random.Random], Body]
PAUSE = 1.5
"""Seconds between two things that somebody does, on average."""


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of record: who works on it, how one comes to be, and what is sent with each move.

    `moves` maps an action to its likelihood and the body to send. `most`: with so many open ones, nobody opens another.
    """

    path: str
    worker: str
    opens: Make
    moves: Mapping[str, tuple[float, Make]]
    most: int
    weight: float
    requester: str | None = None


def nothing(_: random.Random) -> Body:
    return {}


def said(**body: Sequence[Any]) -> Make:
    """A body with one of the given values in each field."""
    return lambda chance: {name: chance.choice(values) for name, values in body.items()}


def contact(chance: random.Random) -> Body:
    where = chance.choice(PLACES)
    return {**where, "title": chance.choice(TROUBLES).format(**where), "urgency": chance.choice((1, 2, 2, 3, 3)),
            "impact": chance.choice((1, 2, 2, 3, 3)), "channel": chance.choice(("phone", "mail", "portal")),
            "kind": chance.choice(("incident", "incident", "incident", "request"))}  # fmt: skip


PLACES: Sequence[Body] = (
    {"organisation": "northwind", "service": "Order portal", "ci": "orders-web", "category": "Performance"},
    {"organisation": "northwind", "service": "Order portal", "ci": "orders-db-2", "category": "Data"},
    {"organisation": "northwind", "service": "Mail", "category": "Delivery"},
    {"organisation": "contoso", "service": "Network", "ci": "vpn-gw-1", "category": "Access"},
    {"organisation": "contoso", "service": "Invoicing", "category": "Print"},
)
TROUBLES = (
    "{service} is slow since this morning", "Nobody in sales can sign in to {service}", "{service} shows an error page",
    "A colleague needs access to {service}", "{service} loses what was entered", "Wrong figures in {service}",
)  # fmt: skip
GROUPS = ("Service desk", "Application support", "Network operations")

WORK: Sequence[Work] = (
    Work(
        "/incident/incidents", "alice", contact, most=40, weight=6,
        moves={
            "assign": (2, said(group=GROUPS)),
            "start": (5, nothing),
            "wait": (1, said(reason=("user", "vendor", "evidence"))),
            "resume": (4, nothing),
            "comment": (1, said(text=("Asked for the exact time.", "The log shows it.", "Tried on a second machine."))),
            "resolve": (4, said(resolution_code=("corrected", "restarted", "workaround", "fulfilled"))),
            "confirm": (5, nothing),
            "reopen": (0.2, said(reason=("It happened again.", "Not quite: the other half still fails."))),
        },
    ),
    Work(
        "/problem/problems", "grace",
        said(title=("The same error for the third time", "Slow after every release", "The night job runs too long"),
             service=("Order portal", "Network", "Mail"), source=("incident", "trend", "supplier"),
             frequency=(1, 2, 3), impact=(1, 2, 3), cost=(1, 2, 3)),
        most=10, weight=1,
        moves={
            "start": (5, nothing),
            "workaround": (1, said(text=("Restart the service on the second node.", "Clear the cache."))),
            "wait": (1, said(reason=("vendor", "evidence"))),
            "resume": (3, nothing),
            "resolve": (1, said(resolution=("Changed", "Vendor corrected"))),
            "close": (3, nothing),
        },
    ),
)  # fmt: skip


class Company:
    """`clients` gives a client of the API that asks as the person of a name."""

    def __init__(self, clients: Callable[[str], httpx.AsyncClient], work: Sequence[Work] = WORK, seed: int = 1) -> None:
        self.clients = clients
        self.work = work
        self.chance = random.Random(seed)  # noqa: S311 - chance, no secret
        self.done = 0

    async def live(self) -> None:
        """Go on until cancelled. A Steward that is away is waited for."""
        while True:
            try:
                await self.step()
            except httpx.TransportError:
                await asyncio.sleep(2)
            await asyncio.sleep(self.chance.expovariate(1 / PAUSE))

    async def step(self) -> httpx.Response | None:
        """Somebody does one thing; None where there was nothing to do. Raises httpx.HTTPStatusError where the answer
        is a fault of the server."""
        work = self.chance.choices(self.work, [each.weight for each in self.work])[0]
        client = self.clients(work.worker)
        listed = await client.get(work.path, params={"open": "true", "limit": 200})
        records = _answered(listed).json()["items"]
        if len(records) < work.most and self.chance.random() < 0.4:
            answer = await self.clients(work.requester or work.worker).post(work.path, json=work.opens(self.chance))
        elif (chosen := self._choose(work, records)) is not None:
            record, action, body = chosen
            answer = await client.post(f"{work.path}/{record['id']}/{action}", json=body)
        else:
            return None
        self.done += answer.is_success
        return _answered(answer)

    def _choose(self, work: Work, records: Sequence[Mapping[str, Any]]) -> tuple[Mapping[str, Any], str, Body] | None:
        possible = [
            (record, action) for record in records for action in record["allowed_actions"] if action in work.moves
        ]
        if not possible:
            return None
        record, action = self.chance.choices(possible, [work.moves[action][0] for _, action in possible])[0]
        return record, action, work.moves[action][1](self.chance)


def _answered(answer: httpx.Response) -> httpx.Response:
    """A refusal is an answer: two people may have been at the same record. A fault is not."""
    if answer.is_server_error:
        answer.raise_for_status()
    return answer
