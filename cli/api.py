"""How the command line talks to a Steward: one client, bounded tries, and a refusal as the sentence a person reads.

Everything it sends may be repeated: reads, and writes that the server recognises when they come again. So a broken
connection, a 5xx or a 429 is tried again with growing pauses; any other 4xx is final.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

import httpx
import msgspec

TRIES = 10
FIRST_PAUSE, LONGEST_PAUSE = 0.25, 15.0
"""Seconds; doubled each time, about a minute and a half in all: a server that restarts is back by then."""
DEADLINE = httpx.Timeout(120.0, connect=5.0)


class Failed(Exception):
    """The command cannot do what it was asked; the text is one line for the person who typed it."""


class Refused(Failed):
    """The server said no. `status` is HTTP's, `problem` the RFC 9457 document, empty where it sent none."""

    def __init__(self, request: str, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.problem = problem
        words = [str(problem[name]) for name in ("title", "detail") if problem.get(name)]
        super().__init__(f"{request} answered {status}: {'; '.join(words) or 'it gave no reason'}")

    @property
    def errors(self) -> list[tuple[str, str]]:
        """(field, message) of each fault the problem document lists."""
        listed = self.problem.get("errors") or ()
        return [(str(each["field"]), str(each["message"])) for each in listed]


class Places:
    """Where services answer: all at one URL, or each at its own: `incident=http://…,sla=http://…`."""

    def __init__(self, text: str) -> None:
        """Raises Failed for what is neither."""
        named = [part.partition("=") for part in text.split(",")] if "=" in text.split("://", 1)[0] else []
        self.own = {name.strip(): _url(url.strip()) for name, _, url in named}
        self.common = None if self.own else _url(text)

    def all(self) -> list[str]:
        return [self.common] if self.common else list(dict.fromkeys(self.own.values()))

    def of(self, path: str) -> str:
        """The URL of the service that the path begins with. Raises Failed where none is known for it."""
        if self.common:
            return self.common
        name = path.split("/")[1]
        try:
            return self.own[name]
        except KeyError:
            raise Failed(f"--url names no place for {name}: add {name}=http://…") from None


class Api:
    """One Steward. `tries` is 1 for a command that wants to say at once what is wrong."""

    def __init__(
        self, client: httpx.AsyncClient, places: Places, tries: int = TRIES, first_pause: float = FIRST_PAUSE
    ) -> None:
        self.client = client
        self.places = places
        self.tries = tries
        self.first_pause = first_pause

    async def get(self, path: str, **query: str) -> Any:
        return _json(await self._ask("GET", self.places.of(path) + path, query))

    async def post(self, path: str, body: object, *, key: str | None = None, **query: str) -> Any:
        """`body` is sent as JSON. `key` is the Idempotency-Key. Raises Refused, or Failed when nobody answers."""
        headers = {"content-type": "application/json"} | ({"idempotency-key": key} if key else {})
        return _json(await self._ask("POST", self.places.of(path) + path, query, msgspec.json.encode(body), headers))

    async def services(self) -> dict[str, dict[str, dict[str, Any]]]:
        """Every service's parts and how they are, from each place's /readyz, whether it is ready or not."""
        found: dict[str, dict[str, dict[str, Any]]] = {}
        for place in self.places.all():
            answer = _json(await self._ask("GET", f"{place}/readyz", {}, fine=(200, 503)))
            if not isinstance(answer, dict) or not isinstance(answer.get("services"), dict):
                raise Failed(f"{place}/readyz names no services; is it a Steward?")
            found |= answer["services"]
        return found

    async def _ask(
        self,
        method: str,
        url: str,
        query: Mapping[str, str],
        body: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        fine: tuple[int, ...] = (),
    ) -> httpx.Response:
        pause = self.first_pause
        for attempt in range(1, self.tries + 1):
            try:
                answer = await self.client.request(method, url, params=query, content=body, headers=headers)
            except httpx.TransportError as error:
                if attempt == self.tries:
                    words = str(error) or type(error).__name__
                    raise Failed(f"{url} does not answer ({words}); is Steward running there?") from error
            else:
                if answer.is_success or answer.status_code in fine:
                    return answer
                if attempt == self.tries or (answer.status_code < 500 and answer.status_code != 429):
                    problem = _json(answer)
                    request = f"{method} {urlsplit(url).path}"
                    raise Refused(request, answer.status_code, problem if isinstance(problem, dict) else {})
            await asyncio.sleep(pause)
            pause = min(pause * 2, LONGEST_PAUSE)
        raise AssertionError("a request is tried at least once")


@asynccontextmanager
async def connected(url: str, token: str | None, tries: int = TRIES) -> AsyncIterator[Api]:
    """The Steward at `url` (see Places), asked as the holder of `token`."""
    places = Places(url)
    headers = {"authorization": f"Bearer {token}"} if token else {}
    # Proxies of the environment are for the world outside; a Steward is reached directly.
    async with httpx.AsyncClient(headers=headers, timeout=DEADLINE, trust_env=False) as client:
        yield Api(client, places, tries)


def _url(text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise Failed(f'"{text}" is not an http or https URL')
    return text.rstrip("/")


def _json(answer: httpx.Response) -> Any:
    if not answer.content:
        return None
    try:
        return msgspec.json.decode(answer.content)
    except msgspec.DecodeError:
        if answer.is_success:
            raise Failed(f"{answer.request.url} answered something that is not JSON; is it a Steward?") from None
        return None
