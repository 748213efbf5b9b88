"""The issuer of the embedded system: one ES256 key pair in a folder, and tokens for whoever can read it.

There is no token endpoint: `issue` needs the private key, which the file system guards (0600). The routes publish the
public half. Anybody with the folder can be anybody, so this serves one machine alone: `refuse_unless_loopback`.
"""

import json
import os
import socket
import stat
from collections.abc import Generator, Iterable
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from secrets import token_hex
from typing import Any

import httpx
from fastapi import APIRouter, Request, Response
from joserfc import jwt
from joserfc.jwk import ECKey

from shared.clock import Clock
from shared.local.people import Person

FOLDER = "issuer"
PRIVATE, PUBLIC = "key.json", "jwks.json"
WORKING_DAY = timedelta(hours=12)


class NotLocal(Exception):
    """The built-in issuer was to serve more than this machine."""


class KeyExposed(Exception):
    """The private key's file may be read by others than its owner."""


class Issuer:
    """Signs access tokens (RFC 9068). `jwks` is the file that verifiers read; `url` the name they know it by."""

    def __init__(self, key: ECKey, folder: Path, url: str, audience: str, clock: Clock) -> None:
        self.key = key
        self.folder = folder
        self.url = url
        self.audience = audience
        self.clock = clock

    @property
    def jwks(self) -> Path:
        return self.folder / PUBLIC

    def key_set(self) -> dict[str, Any]:
        """The public key as a JWK set (RFC 7517, 5)."""
        return {"keys": [self.key.as_dict(private=False, use="sig", alg="ES256")]}

    def issue(self, person: Person, lifetime: timedelta = WORKING_DAY) -> str:
        """A signed token for this person, valid from now on. Raises ValueError unless the lifetime is positive."""
        if lifetime <= timedelta(0):
            raise ValueError("a token's lifetime must be positive")
        now = self.clock.now()
        claims: dict[str, Any] = {
            "iss": self.url,
            "aud": self.audience,
            "sub": person.subject,
            "client_id": "steward-local",
            "name": person.name,
            "roles": list(person.roles),
            "iat": int(now.timestamp()),
            "exp": int((now + lifetime).timestamp()),
            "jti": token_hex(16),
        }
        if person.organisation is not None:
            claims["organisation"] = person.organisation
        return jwt.encode({"alg": "ES256", "typ": "at+jwt", "kid": self.key.kid}, claims, self.key)


class Signed(httpx.Auth):
    """A token of this person with every request, valid at the time that the issuer's clock shows."""

    def __init__(self, issuer: Issuer, person: Person) -> None:
        self.issuer = issuer
        self.person = person
        self._token = ""
        self._until = datetime.min.replace(tzinfo=UTC)

    def token(self) -> str:
        now = self.issuer.clock.now()
        if now >= self._until:
            self._token, self._until = self.issuer.issue(self.person), now + WORKING_DAY / 2
        return self._token

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        request.headers["Authorization"] = f"Bearer {self.token()}"
        yield request


def load(data: Path, url: str, audience: str, clock: Clock | None = None) -> Issuer:
    """The issuer kept under `data`/issuer, made on first use.

    Several processes may do this at once: all get the same key. Raises KeyExposed for a key file that others may read.
    """
    folder = data / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    private = folder / PRIVATE
    if not private.exists():
        _create(private, json.dumps(ECKey.generate_key("P-256", auto_kid=True).as_dict(private=True)))
    if stat.S_IMODE(private.stat().st_mode) & 0o077:
        raise KeyExposed(f"{private} may be read by others; chmod 600 it, or delete it to have a new key made")
    key = ECKey.import_key(json.loads(private.read_text()))
    key.ensure_kid()
    issuer = Issuer(key, folder, url, audience, clock or Clock())
    _replace(issuer.jwks, json.dumps(issuer.key_set(), indent=2))
    return issuer


def refuse_unless_loopback(host: str) -> None:
    """Raises NotLocal unless a server that binds this host can be reached from this machine alone."""
    addresses: Iterable[str] = [host]
    if host == "localhost":
        addresses = [str(each[4][0]) for each in socket.getaddrinfo(host, None)]
    try:
        local = all(ip_address(each).is_loopback for each in addresses)
    except ValueError:
        local = False
    if not local:
        raise NotLocal(
            f"the built-in issuer gives anybody's token to whoever runs this system, so it serves 127.0.0.1 or ::1, "
            f"not {host!r}; to serve others, set STEWARD_OIDC_ISSUER to an OpenID Connect issuer of your own"
        )


def router(issuer: Issuer) -> APIRouter:
    """What clients need to verify tokens: the key set, and where it is (OpenID Connect Discovery 1.0)."""
    routes = APIRouter(prefix="/auth", tags=["auth"])

    @routes.get("/jwks.json")
    async def keys(response: Response) -> dict[str, Any]:
        response.headers["cache-control"] = "public, max-age=300"
        return issuer.key_set()

    @routes.get("/.well-known/openid-configuration")
    async def discovery(request: Request) -> dict[str, Any]:
        return {
            "issuer": issuer.url,
            "jwks_uri": str(request.url_for("keys")),
            "response_types_supported": [],
            "subject_types_supported": ["public"],
            "id_token_signing_alg_values_supported": ["ES256"],
        }

    return routes


def _create(path: Path, text: str) -> None:
    """Write a whole file that only its owner may read, unless there is one already."""
    draft = _draft(path, text, 0o600)
    try:
        # A link fails where a rename would replace the key that another process has just made.
        os.link(draft, path)
    except FileExistsError:
        pass
    finally:
        draft.unlink()


def _replace(path: Path, text: str) -> None:
    _draft(path, text, 0o644).replace(path)


def _draft(path: Path, text: str, mode: int) -> Path:
    draft = path.with_name(f".{path.name}.{token_hex(8)}")
    with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    return draft
