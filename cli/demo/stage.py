"""Where the story is played: the whole system in this process, its people, its time, and what comes on its topics."""

from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from rich.console import Console

from cli.demo.telling import chains, tree
from contracts.envelope import Message, registry
from shared.local.rehearsal import Steward

Json = dict[str, Any]


class Refused(Exception):
    """The API refused a part of the story, which it should not have."""


class Stage:
    """`heard` gives what came on all topics since it was asked last; everything that was told is kept in `told`."""

    def __init__(self, steward: Steward, heard: Callable[[], Awaitable[list[Message]]], console: Console) -> None:
        self.steward = steward
        self.console = console
        self.told: list[Message] = []
        self._heard = heard

    @property
    def now(self) -> datetime:
        return self.steward.clock.instant

    def pass_time(self, **duration: float) -> None:
        self.steward.clock.advance(**duration)

    async def get(self, who: str, path: str, **parameters: Any) -> Json:
        answer = await self.steward.client(who).get(path, params=parameters)
        if answer.is_error:
            raise Refused(f"{who} GET {path}: {answer.status_code} {answer.text}")
        found: Json = answer.json()
        return found

    async def send(self, who: str, path: str, body: Json | None = None, **headers: str) -> Json:
        """POST, or PATCH where an If-Match is given."""
        method = "PATCH" if "if_match" in headers else "POST"
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        answer = await self.steward.client(who).request(method, path, json=body or {}, headers=named)
        if answer.is_error:
            raise Refused(f"{who} {method} {path}: {answer.status_code} {answer.text}")
        found: Json = answer.json()
        return found

    def say(self, text: str) -> None:
        self.console.print(f"  {text}")

    @asynccontextmanager
    async def step(self, title: str, *, counted: bool = False) -> AsyncIterator[None]:
        """One scene; afterwards, the events that it caused in all services. `counted`: only how many of which kind."""
        self.console.rule(f"{self.now:%a %d %b %H:%M}  {title}", align="left")
        yield
        await self.heard_out()
        fresh = self.told[self._shown :]
        if counted:
            kinds = Counter(registry()[each.type].name for each in fresh)
            self.say(f"[dim]{', '.join(f'{count} × {name}' for name, count in sorted(kinds.items()))}[/dim]")
        elif fresh:
            self.console.print(tree(chains(fresh), "[bold]what it caused[/bold]"))
        self._shown = len(self.told)

    _shown = 0

    async def heard_out(self) -> None:
        """Wait until every service has done what is due and taken in all there is, and listen to the topics."""
        await self.steward.ticked()
        self.told += await self._heard()
