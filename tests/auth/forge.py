"""Makes tokens, right and wrong ones, and serves key sets over real HTTP, well and badly."""

import asyncio
import json
import socket
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from typing import Any

from joserfc.jwa import JWS_ALGORITHMS
from joserfc.jwk import ECKey, Key, OctKey, OKPKey, RSAKey
from joserfc.util import urlsafe_b64encode

from shared.auth import Tokens, TokenSettings
from shared.clock import Clock

ISSUER = "http://127.0.0.1/issuer"
START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
NOW = int(START.timestamp())
MODELS = {model.name: model for model in JWS_ALGORITHMS}


class Hands:
    """A clock's hands, moved by the test."""

    def __init__(self) -> None:
        self.at = START

    def __call__(self) -> datetime:
        return self.at

    def forward(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def ec_key(kid: str = "first") -> ECKey:
    return ECKey.generate_key("P-256", {"kid": kid})


def okp_key(kid: str = "first") -> OKPKey:
    return OKPKey.generate_key("Ed25519", {"kid": kid})


def rsa_key(kid: str = "first") -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid})


def key_set(*keys: Key) -> dict[str, Any]:
    """What an issuer publishes: the public halves (a symmetric key has none and is written whole)."""
    return {"keys": [key.as_dict(private=isinstance(key, OctKey)) for key in keys]}


def claims(**changes: Any) -> dict[str, Any]:
    """A right token's content; a change to None takes the claim away."""
    whole = {
        "iss": ISSUER,
        "aud": "steward",
        "sub": "alice",
        "name": "Alice",
        "roles": ["service_desk"],
        "iat": NOW,
        "exp": NOW + 3600,
    }
    return {name: value for name, value in (whole | changes).items() if value is not None}


def header(**changes: Any) -> dict[str, Any]:
    whole = {"alg": "ES256", "typ": "at+jwt", "kid": "first"} | changes
    return {name: value for name, value in whole.items() if value is not None}


def sign(key: Any, head: dict[str, Any] | bytes, body: dict[str, Any] | bytes, alg: str | None = None) -> str:
    """A compact JWS of exactly these bytes; `alg` signs by another algorithm than the header says."""
    parts = [part if isinstance(part, bytes) else json.dumps(part).encode() for part in (head, body)]
    signed = b".".join(urlsafe_b64encode(part) for part in parts)
    name = alg or (head["alg"] if isinstance(head, dict) else "ES256")
    return f"Bearer {(signed + b'.' + urlsafe_b64encode(MODELS[name].sign(signed, key))).decode()}"


def believer(place: Path | str | None, hands: Hands, **settings: Any) -> Tokens:
    """Tokens that reads its keys from this place."""
    jwks = None if place is None else str(place)
    return Tokens(TokenSettings(**({"issuer": ISSUER, "audience": "steward", "jwks": jwks} | settings)), Clock(hands))


def written(folder: Path, *keys: Key) -> Path:
    path = folder / "jwks.json"
    path.write_text(json.dumps(key_set(*keys)))
    return path


class KeyServer:
    """An HTTP server that counts what it is asked. `pages` maps a path to a JSON document, raw bytes or a status."""

    def __init__(self) -> None:
        self.pages: dict[str, dict[str, Any] | bytes | int] = {}
        self.headers = ""
        self.asked: list[str] = []
        self.reached = asyncio.Event()
        self.answering = asyncio.Event()
        self.answering.set()
        self.server: asyncio.Server | None = None
        self.port = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        listener = _listener() if not self.port else _bound(self.port)
        self.port = listener.getsockname()[1]
        self.server = await asyncio.start_server(self._answer, sock=listener)

    async def stop(self) -> None:
        self.answering.set()
        if self.server is not None:
            self.server.close()
            await self.server.wait_closed()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        path = (await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1].decode()
        self.asked.append(path)
        self.reached.set()
        await self.answering.wait()
        page = self.pages.get(path, 404)
        status = page if isinstance(page, int) else 200
        body = page if isinstance(page, bytes) else b"" if isinstance(page, int) else json.dumps(page).encode()
        head = f"HTTP/1.1 {status} x\r\ncontent-length: {len(body)}\r\nconnection: close\r\n{self.headers}\r\n"
        writer.write(head.encode() + body)
        try:
            await writer.drain()
        except ConnectionError:
            return  # the asker has had enough of a large answer
        finally:
            writer.close()


def _listener() -> socket.socket:
    """Below the range from which outgoing connections take their ports, so that a stopped server may come back."""
    draw = Random()
    while True:
        try:
            return _bound(draw.randrange(20_000, 30_000))
        except OSError:
            continue


def _bound(port: int) -> socket.socket:
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(("127.0.0.1", port))
    except OSError:
        listener.close()
        raise
    return listener
