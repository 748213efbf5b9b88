"""The issuer's public keys: from a file, a URL or OpenID Connect Discovery 1.0, kept while the issuer is down.

A token never says where keys come from; the settings do. Keys are asked for again when a token names an unknown one
and when they have become old, at most once per `RETRY` in either case, so that a storm of invented key ids costs the
issuer one request per `RETRY`. Its price: a key that appears right after such a request is known `RETRY` later.
"""

import asyncio
import json
import warnings
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import structlog
from joserfc.errors import JoseError
from joserfc.jwk import JWKRegistry, Key, RSAKey

from shared.clock import Clock

RETRY = 30.0
"""Seconds between two requests for keys, whatever came of the first."""
FRESH = 900.0
"""Seconds after which keys are asked for again. A key the issuer withdraws is refused after this time at the latest."""
DEADLINE = 5.0
"""Seconds that one reading of the keys may take, discovery included."""
LARGEST = 262_144
"""Bytes that a key set or a discovery document may have."""
SHORTEST_RSA = 2048
"""Bits (NIST SP 800-131A)."""

log: structlog.stdlib.BoundLogger = structlog.get_logger(__name__)


class KeysUnread(Exception):
    """The key set could not be read, and this says why."""


class KeySource:
    """`place` is a file path or an http(s) URL of a JWK set (RFC 7517), or None for discovery from `issuer`.

    Raises ValueError for a plain http URL of another machine unless `plain_http`: whoever can change the keys on the
    way can be anybody.
    """

    def __init__(self, place: str | None, issuer: str, clock: Clock, *, plain_http: bool = False) -> None:
        self.issuer = issuer
        self.place = place
        self.clock = clock
        self.plain_http = plain_http
        if place is None or is_url(place):
            self._guard(place or issuer)
        self.held: Mapping[tuple[str | None, str], Key] = {}
        """By id and type. Another object from the moment on that the issuer publishes other keys, and only then."""
        self._read_at = self._asked_at = float("-inf")
        self._reading: asyncio.Task[None] | None = None

    @property
    def known(self) -> bool:
        """A key set has been read."""
        return bool(self.held)

    @property
    def many(self) -> bool:
        return len(self.held) > 1

    @property
    def fresh_until(self) -> float:
        """Unix time up to which what was verified by these keys may be taken as verified."""
        return max(self._read_at + FRESH, self._asked_at + RETRY)

    def get(self, kid: str | None, kty: str) -> Key | None:
        """The key of this id and type; without an id the only key there is."""
        if kid is None and len(self.held) == 1:
            ((_, its_kty), key) = next(iter(self.held.items()))
            return key if its_kty == kty else None
        return self.held.get((kid, kty)) if kid is not None else None

    async def find(self, kid: str | None, kty: str) -> Key | None:
        """As `get`, and asks the issuer for a key that is not known. Old keys are used while new ones are fetched."""
        found = self.get(kid, kty)
        if found is None and (kid is not None or not self.known):
            await self.refresh()
            return self.get(kid, kty)
        if self.clock.now().timestamp() >= self.fresh_until:
            self._start()
        return found

    async def refresh(self) -> None:
        """Read the keys unless that was tried less than RETRY ago. A failure is logged, and the old keys stay."""
        task = self._start()
        if task is not None:
            # The reading is everybody's: a caller who hangs up must not end it.
            await asyncio.shield(task)

    async def close(self) -> None:
        if self._reading is not None:
            self._reading.cancel()
            await asyncio.wait([self._reading])

    def _start(self) -> "asyncio.Task[None] | None":
        if self._reading is not None and not self._reading.done():
            return self._reading
        now = self.clock.now().timestamp()
        # The second half: a wall clock set back must not stop the asking until it has caught up.
        if now < self._asked_at + RETRY and now >= self._asked_at:
            return None
        self._asked_at = now
        self._reading = asyncio.create_task(self._read())
        return self._reading

    async def _read(self) -> None:
        try:
            async with asyncio.timeout(DEADLINE):
                keys = usable(parsed(await self._fetch()))
        except TimeoutError:
            log.warning("keys.unread", issuer=self.issuer, reason=f"no answer within {DEADLINE:g} s")
        except (KeysUnread, OSError, httpx.HTTPError, httpx.InvalidURL) as error:
            log.warning("keys.unread", issuer=self.issuer, reason=str(error) or type(error).__name__)
        else:
            if keys != self.held:
                self.held = keys
            self._read_at = self.clock.now().timestamp()

    async def _fetch(self) -> bytes:
        if self.place is not None and not is_url(self.place):
            return await asyncio.to_thread(_contents, Path(self.place))
        # A redirect would lead the reading away from the configured place.
        async with httpx.AsyncClient(timeout=DEADLINE, follow_redirects=False) as client:
            place = self.place
            if place is None:
                place = self._discovered(await _body(client, discovery_url(self.issuer)))
            return await _body(client, place)

    def _discovered(self, body: bytes) -> str:
        document = parsed(body)
        if document.get("issuer") != self.issuer:
            raise KeysUnread("the discovery document is another issuer's (OpenID Connect Discovery 1.0, 4.3)")
        place = document.get("jwks_uri")
        if not isinstance(place, str) or not is_url(place):
            raise KeysUnread("the discovery document has no jwks_uri")
        try:
            self._guard(place)
        except ValueError as error:
            raise KeysUnread(str(error)) from error
        return place

    def _guard(self, url: str) -> None:
        parts = urlsplit(url)
        if parts.scheme == "https" or (parts.scheme == "http" and (self.plain_http or is_loopback(parts.hostname))):
            return
        raise ValueError(f"keys are read over https, or over http from this machine, not from {url}")


def is_url(place: str) -> bool:
    return place.startswith(("http://", "https://"))


def is_loopback(host: str | None) -> bool:
    """A loopback address, or the name localhost (RFC 6761, 6.3)."""
    if host is None or host == "localhost":
        return host is not None
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


def discovery_url(issuer: str) -> str:
    return f"{issuer.rstrip('/')}/.well-known/openid-configuration"


def parsed(body: bytes) -> dict[str, Any]:
    """A JSON object. Raises KeysUnread."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise KeysUnread("not a JSON document") from error
    if not isinstance(document, dict):
        raise KeysUnread("not a JSON object")
    return document


def usable(document: dict[str, Any]) -> dict[tuple[str | None, str], Key]:
    """The keys that may verify tokens, by id and type; the first of two with one id counts. Raises KeysUnread if none.

    Left out (RFC 7517, 5: a key that is not understood is ignored): symmetric keys, which would make a signer of
    whoever verifies; keys published with their private part; keys for encryption; short RSA keys; keys without an id
    beside others.
    """
    given = document.get("keys")
    entries = [entry for entry in given if isinstance(entry, dict)] if isinstance(given, list) else []
    keys: dict[tuple[str | None, str], Key] = {}
    for entry in entries:
        kid, kty = entry.get("kid"), entry.get("kty")
        if kty not in ("EC", "RSA", "OKP") or "d" in entry or entry.get("use", "sig") != "sig":
            continue
        if not isinstance(kid, str) and (kid is not None or len(entries) > 1):
            continue
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # of short keys, which are left out below
                key = JWKRegistry.import_key(entry)
        except (JoseError, ValueError, TypeError):
            continue
        if not isinstance(key, RSAKey) or key.raw_value.key_size >= SHORTEST_RSA:
            keys.setdefault((kid, kty), key)
    if not keys:
        raise KeysUnread("the key set has no key that may verify a token")
    return keys


def _contents(path: Path) -> bytes:
    with path.open("rb") as file:
        return _bounded(file.read(LARGEST + 1))


async def _body(client: httpx.AsyncClient, url: str) -> bytes:
    # Uncompressed, so that the bound holds for what is kept in memory as well.
    headers = {"accept": "application/json", "accept-encoding": "identity"}
    async with client.stream("GET", url, headers=headers) as answer:
        if answer.status_code != httpx.codes.OK:
            raise KeysUnread(f"{url} answered {answer.status_code}")
        body = bytearray()
        async for chunk in answer.aiter_raw():
            body += chunk
            _bounded(body)
    return bytes(body)


def _bounded(body: bytes | bytearray) -> bytes:
    if len(body) > LARGEST:
        raise KeysUnread(f"the document is larger than {LARGEST} bytes")
    return bytes(body)
