"""A company that lives: people who open, work on and close records through the public API, for as long as it runs.

Nobody here knows a lifecycle: a record says what is allowed now (`allowed_actions`), and the tables below say what a
person would send with each. So every list moves, and what is done is what anybody could do.
"""

import asyncio
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx

Body = dict[str, Any]
Make = Callable[[random.Random, datetime], Body]
"""The body to send, by chance and by the time it is."""
PAUSE = 1.5
"""Seconds between two things that somebody does, on average."""


@dataclass(frozen=True, slots=True)
class Work:
    """One kind of record: who works on it, how one comes to be, and what is sent with each move.

    `moves` maps an action to its likelihood and the body to send; `others` names who does what the worker may not.
    `most`: with so many open ones, nobody opens another.
    """

    path: str
    worker: str
    opens: Make
    moves: Mapping[str, tuple[float, Make]]
    most: int
    weight: float
    others: Mapping[str, str] = field(default_factory=dict)


def nothing(chance: random.Random, now: datetime) -> Body:
    return {}


def said(**body: Sequence[Any]) -> Make:
    """A body with one of the given values in each field."""
    return lambda chance, now: {name: chance.choice(values) for name, values in body.items()}


def contact(chance: random.Random, now: datetime) -> Body:
    where = chance.choice(PLACES)
    return {**where, "title": chance.choice(TROUBLES).format(**where), "urgency": chance.choice((1, 2, 2, 3, 3)),
            "impact": chance.choice((1, 2, 2, 3, 3)), "channel": chance.choice(("phone", "mail", "portal")),
            "kind": chance.choice(("incident", "incident", "incident", "request"))}  # fmt: skip


def planned(chance: random.Random, now: datetime) -> Body:
    """A change for the next hours: of a pre-approved kind, or one that has to be approved."""
    window = {"planned_start": now.isoformat(), "planned_end": (now + timedelta(hours=4)).isoformat()}
    if chance.random() < 0.5:
        title, model, item = chance.choice(ROUTINES)
        return {**window, "title": title, "reason": "It is due.", "model": model, "items": [item]}
    title, item = chance.choice(WORKS)
    return {**window, "title": title, "reason": "The maker recommends it.", "items": [item], "answers": HARMLESS,
            "plan": "Do it on the spare one first, then on this one.", "backout": "Go back to the spare one.",
            "backout_minutes": 30, "backout_tested": True}  # fmt: skip


ROUTINES = (
    ("Open a port for a new desk", "switch-port", "office-lan"),
    ("Renew the relay's certificate", "certificate", "mail-relay-1"),
    ("Renew the gateway's certificate", "certificate", "vpn-gw-1"),
)
WORKS = (("New minor version of the invoice application", "invoice-app"), ("Clean the relay's queue", "mail-relay-1"))
HARMLESS = {"reach": "one team", "experience": "often", "reversal": "at once", "outage": "nothing", "data": "none"}
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
            "inform": (1, said(text=("We work on it.", "The cause is known; it takes until noon."))),
            "log-effort": (1, said(minutes=(5, 15, 40))),
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
            "identify-cause": (1, said(cause=("A leak in the cache.", "A lock that is never given back."),
                                       method=("5-whys", "timeline"), evidence=(["The log of that night."],))),
            "resolve": (1, said(resolution=("Changed", "Vendor corrected"))),
            "close": (3, said(proof=("Watched for a week: nothing came.", "The maker's test passes now."))),
        },
    ),
    Work(
        "/change/changes", "bob", planned, most=8, weight=2,
        moves={
            "approve": (6, nothing),
            "start": (4, said(reason=("Agreed with everybody concerned.",))),
            "complete": (4, said(note=("As planned.", "It took a little longer."))),
            "close": (4, nothing),
            "cancel": (0.2, said(reason=("Not needed any more.",))),
        },
        others={"approve": "erin"},
    ),
)  # fmt: skip


class Company:
    """`clients` gives a client of the API that asks as the person of a name."""

    def __init__(
        self,
        clients: Callable[[str], httpx.AsyncClient],
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        work: Sequence[Work] = WORK,
        seed: int = 1,
    ) -> None:
        self.clients = clients
        self.now = now
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
            answer = await client.post(work.path, json=work.opens(self.chance, self.now()))
        elif (chosen := self._choose(work, records)) is not None:
            record, action, body = chosen
            who = self.clients(work.others.get(action, work.worker))
            answer = await who.post(f"{work.path}/{record['id']}/{action}", json=body)
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
        return record, action, work.moves[action][1](self.chance, self.now())


def _answered(answer: httpx.Response) -> httpx.Response:
    """A refusal is an answer: two people may have been at the same record. A fault is not."""
    if answer.is_server_error:
        answer.raise_for_status()
    return answer
