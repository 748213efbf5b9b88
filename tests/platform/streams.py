"""Reading server-sent events straight from the ASGI app: httpx's transport would wait for an end that never comes."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from starlette.types import Message

from tests.system import Steward


@dataclass(frozen=True)
class Sent:
    """One event of a stream."""

    position: int
    type: str
    data: dict[str, Any]


class Stream:
    """What a client has got so far."""

    def __init__(self) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self.text = ""
        self.ended = False
        self._more = asyncio.Event()

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self.headers = {name.decode(): value.decode() for name, value in message["headers"]}
        else:
            self.text += message.get("body", b"").decode()
            self.ended = not message.get("more_body", False)
        self._more.set()

    @property
    def events(self) -> list[Sent]:
        found = []
        for block in self.text.split("\n\n")[:-1]:
            lines = dict(line.split(": ", 1) for line in block.split("\n"))
            if "id" in lines:
                found.append(Sent(int(lines["id"]), lines["event"], json.loads(lines["data"])))
        return found

    async def until(self, count: int) -> list[Sent]:
        """The events, once there are so many."""
        try:
            async with asyncio.timeout(30):
                while len(self.events) < count and not self.ended:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError(f"{len(self.events)} of {count} events came: {self.text[-500:]}") from None
        return self.events

    async def end(self) -> None:
        """Wait until the server ends it."""
        try:
            async with asyncio.timeout(30):
                while not self.ended:
                    self._more.clear()
                    await self._more.wait()
        except TimeoutError:
            raise AssertionError("the stream did not end") from None


@asynccontextmanager
async def following(
    steward: Steward, who: str, path: str = "/mill/stream", after: int | str | None = None
) -> AsyncIterator[Stream]:
    """A client that follows a log, from after a position, until the block ends."""
    stream, gone = Stream(), asyncio.Event()
    headers = [(b"authorization", f"Bearer {steward.token(who)}".encode())]
    if after is not None:
        headers.append((b"last-event-id", str(after).encode()))
    asked = False

    async def receive() -> Message:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await gone.wait()
        return {"type": "http.disconnect"}

    scope = {
        "type": "http", "asgi": {"version": "3.0"}, "http_version": "1.1", "method": "GET", "scheme": "http",
        "path": path.split("?")[0], "raw_path": path.encode(), "query_string": path.partition("?")[2].encode(),
        "headers": headers, "client": ("127.0.0.1", 1), "server": ("steward.test", 80), "root_path": "", "state": {},
    }  # fmt: skip
    task = asyncio.create_task(steward.system.front(scope, receive, stream.send))
    try:
        yield stream
    finally:
        gone.set()
        async with asyncio.timeout(10):
            await task
