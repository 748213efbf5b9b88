"""Which tokens are believed: JWT access tokens (RFC 9068) of one issuer, for one audience, checked as RFC 8725 asks.

The hot path is `Tokens.cached`: one hash and one look-up, no await. Everything else is `Tokens.caller`.
"""

import json
from collections import OrderedDict
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, TypeGuard
from unicodedata import category

from joserfc.errors import (
    BadSignatureError,
    ExpiredTokenError,
    InvalidClaimError,
    InvalidKeyCurveError,
    JoseError,
    KeyParameterError,
    MissingClaimError,
)
from joserfc.jwa import JWS_ALGORITHMS, JWSAlgModel
from joserfc.jws import JWSRegistry, deserialize_compact
from joserfc.jwt import JWTClaimsRegistry
from joserfc.util import urlsafe_b64decode

from shared.auth.keys import KeySource
from shared.auth.people import Caller
from shared.clock import Clock
from shared.errors import Unauthenticated, Unavailable

ALGORITHMS: dict[str, JWSAlgModel] = {
    model.name: model for model in JWS_ALGORITHMS if model.name in {"ES256", "RS256", "PS256", "EdDSA", "Ed25519"}
}
"""Signatures by key pairs alone. EdDSA is the older name of Ed25519 (RFC 9864) that issuers still write."""
LEEWAY = 30
"""Seconds by which the issuer's clock may differ from ours."""
LARGEST = 8192
"""Bytes that a token may have."""
REMEMBERED = 10_000
"""Verified tokens kept; the one used longest ago goes first."""
FOREIGN_KEYS = frozenset({"jku", "jwk", "x5u", "x5c"})
"""Headers by which a token would bring its own key or tell where to get one (ASVS 5.0, 9.1.3)."""
_CHALLENGE = 'Bearer realm="steward"'
_MALFORMED = "this is not a signed JWT in compact form"
_REASONS = {"iss": "the token is another issuer's", "aud": "the token is meant for another audience"}


@dataclass(frozen=True, slots=True)
class TokenSettings:
    """What a token must say to be believed.

    `jwks` is a file path or URL of a JWK set, None for discovery. The two claims are names, or dotted paths into
    nested objects where no claim has the whole name (`realm_access.roles`). `customer_roles` are the roles of
    customers' contacts. Raises ValueError for a setting that would let in more than was meant.
    """

    issuer: str
    audience: str
    jwks: str | None = None
    token_types: tuple[str, ...] = ("at+jwt",)
    roles_claim: str = "roles"
    organisation_claim: str = "organisation"
    customer_roles: frozenset[str] = frozenset({"customer"})
    plain_http: bool = False

    def __post_init__(self) -> None:
        required = (self.issuer, self.audience, self.roles_claim, self.organisation_claim, *self.token_types)
        if not self.token_types or not all(required) or self.jwks == "":
            raise ValueError("issuer, audience, token types and claims must be named")


class _Allowed(JWSRegistry):
    """The library's registry, cut down to ALGORITHMS whatever is registered elsewhere in the process."""

    max_header_length = 2048

    def get_alg(self, name: str) -> JWSAlgModel:
        return ALGORITHMS[name]


class Tokens:
    """Turns the Authorization header into a Caller; remembers what it has verified.

    A token is remembered up to its expiry, and no longer than its key is known to be the issuer's: a key that the
    issuer withdraws takes its tokens with it within `keys.FRESH`. Only hashes of tokens are kept in memory.
    """

    def __init__(self, settings: TokenSettings, clock: Clock) -> None:
        self.settings = settings
        self.clock = clock
        self.keys = KeySource(settings.jwks, settings.issuer, clock, plain_http=settings.plain_http)
        self._types = frozenset(_media_type(each) for each in settings.token_types)
        self._registry = _Allowed(strict_check_header=False)
        self._claims = JWTClaimsRegistry(
            now=lambda: int(clock.now().timestamp()),
            leeway=LEEWAY,
            iss={"essential": True, "value": settings.issuer},
            aud={"essential": True, "value": settings.audience},
            sub={"essential": True},
            exp={"essential": True},
            iat={"essential": True},
        )
        self._verified: OrderedDict[bytes, tuple[float, object, Caller]] = OrderedDict()

    async def start(self) -> None:
        """Read the keys ahead of the first request. A service starts even while its issuer is down."""
        await self.keys.refresh()

    async def close(self) -> None:
        await self.keys.close()

    def cached(self, authorization: str | None) -> Caller | None:
        """The caller of a token that was verified before and has not expired since; None means: ask `caller`."""
        if authorization is None or authorization[:7].lower() != "bearer " or len(authorization) > LARGEST + 7:
            return None
        return self._remembered(_digest(authorization[7:]))

    async def caller(self, authorization: str | None) -> Caller:
        """Who asks, by the value of the Authorization header.

        Raises Unauthenticated, whose member `challenge` is the value for WWW-Authenticate (RFC 6750, 3), and
        Unavailable while no key of the issuer could be read yet.
        """
        token = _bearer(authorization)
        digest = _digest(token)
        known = self._remembered(digest)
        if known is not None:
            return known
        alg, kid = self._header(token)
        kty = ALGORITHMS[alg].key_type
        key = await self.keys.find(kid, kty)
        if key is None:
            if not self.keys.known:
                raise Unavailable("the issuer's keys cannot be read just now, so no token can be verified")
            if kid is None and self.keys.many:
                raise _invalid("the token does not name its key (kid), and the issuer has several")
            raise _invalid("the token names a key that its issuer does not have")
        try:
            payload = deserialize_compact(token, key, registry=self._registry).payload
        except BadSignatureError as error:
            raise _invalid("the token's signature is not its issuer's") from error
        except (KeyParameterError, InvalidKeyCurveError) as error:
            raise _invalid("the token's algorithm is not its key's") from error
        except (JoseError, ValueError) as error:
            raise _invalid(_MALFORMED) from error
        claims = _json(payload, "content")
        self._check(claims)
        caller = self._person(claims)
        self._remember(digest, min(claims["exp"] + LEEWAY, self.keys.fresh_until), caller)
        return caller

    def _remembered(self, digest: bytes) -> Caller | None:
        entry = self._verified.get(digest)
        if entry is None:
            return None
        until, keys, caller = entry
        if keys is not self.keys.held or self.clock.now().timestamp() >= until:
            del self._verified[digest]
            return None
        self._verified.move_to_end(digest)
        return caller

    def _remember(self, digest: bytes, until: float, caller: Caller) -> None:
        self._verified[digest] = (until, self.keys.held, caller)
        if len(self._verified) > REMEMBERED:
            self._verified.popitem(last=False)

    def _header(self, token: str) -> tuple[str, str | None]:
        """The algorithm and key id, from a header nothing of which is believed yet."""
        try:
            text = urlsafe_b64decode(token.partition(".")[0].encode())
        except ValueError as error:
            raise _invalid(_MALFORMED) from error
        header = _json(text, "header")
        for name in ("crit", "b64"):
            if name in header:
                raise _invalid(f"the token asks for an extension ({name}), and none is known here")
        if not FOREIGN_KEYS.isdisjoint(header):
            raise _invalid("the token brings its own key (jku, jwk, x5u, x5c); only the issuer's published ones count")
        alg, typ, kid = header.get("alg"), header.get("typ"), header.get("kid")
        if not isinstance(alg, str) or alg not in ALGORITHMS:
            raise _invalid(f"the token's algorithm is not one of {', '.join(sorted(ALGORITHMS))}")
        if not isinstance(typ, str) or _media_type(typ) not in self._types:
            raise _invalid(f"the token's type (typ) is not one of {', '.join(sorted(self._types))}")
        if kid is not None and not isinstance(kid, str):
            raise _invalid("the token's key id (kid) is not a string")
        return alg, kid

    def _check(self, claims: dict[str, Any]) -> None:
        try:
            self._claims.validate(claims)
        except ExpiredTokenError as error:
            raise _invalid("the token has expired") from error
        except MissingClaimError as error:
            raise _invalid(f"the token lacks {error.claim}") from error
        except InvalidClaimError as error:
            raise _invalid(_REASONS.get(error.claim, error.description)) from error
        if claims["iat"] > claims["exp"]:
            raise _invalid("the token expired before it was issued")
        # Only ID tokens have these (OpenID Connect Core 1.0, 3.1.3.6 and 3.3.2.11); some issuers call both kinds JWT.
        if "at_hash" in claims or "c_hash" in claims:
            raise _invalid("this is an ID token; an access token is needed")

    def _person(self, claims: dict[str, Any]) -> Caller:
        """A contact of a customer has only the customers' roles, whatever else the token says; staff have none of
        them. So a mistake in the issuer's groups never shows one customer's records to another's contact."""
        settings = self.settings
        try:
            named = _claim(claims, settings.roles_claim)
        except KeyError:
            named = None
        if not isinstance(named, list) or not named or not all(_is_text(role) for role in named):
            raise _invalid(f"the token's claim {settings.roles_claim} is not a list of role names")
        roles = frozenset(named)
        try:
            organisation = _claim(claims, settings.organisation_claim)
        except KeyError:
            organisation = None
        else:
            if not _is_text(organisation):
                raise _invalid(f"the token's claim {settings.organisation_claim} does not name an organisation")
            roles &= settings.customer_roles
            if not roles:
                raise _invalid("the token names a customer's organisation but no role of its contacts")
        if organisation is None and not roles.isdisjoint(settings.customer_roles):
            raise _invalid("the token has the role of a customer's contact but names no organisation")
        subject, name = claims["sub"], claims.get("name")
        if not _is_text(subject):
            raise _invalid("the token's sub does not name a person")
        return Caller(subject, name if _is_text(name) else subject, roles, organisation)


def _bearer(authorization: str | None) -> str:
    if authorization is None:
        raise Unauthenticated("this needs an access token: send Authorization: Bearer <token>", challenge=_CHALLENGE)
    if authorization[:7].lower() != "bearer ":
        raise Unauthenticated("only Bearer tokens are taken (RFC 6750)", challenge=_CHALLENGE)
    token = authorization[7:]
    if len(token) > LARGEST:
        raise _invalid(f"the token is larger than {LARGEST} bytes")
    if not token.isascii() or token.count(".") != 2:
        raise _invalid(_MALFORMED)
    return token


def _invalid(reason: str) -> Unauthenticated:
    """`reason` holds nothing of the token's: it goes into a header."""
    return Unauthenticated(reason, challenge=f'{_CHALLENGE}, error="invalid_token", error_description="{reason}"')


def _digest(token: str) -> bytes:
    return sha256(token.encode("utf-8", "surrogatepass")).digest()


def _json(text: bytes, part: str) -> dict[str, Any]:
    """A JSON object each of whose names is there once, so that no two readers see two tokens (RFC 8725, 2.7)."""
    try:
        document = json.loads(text, object_pairs_hook=_once)
    except (ValueError, RecursionError) as error:
        raise _invalid(f"the token's {part} is not JSON with each name once") from error
    if not isinstance(document, dict):
        raise _invalid(f"the token's {part} is not a JSON object")
    return document


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    names = dict(pairs)
    if len(names) != len(pairs):
        raise ValueError("a name is there twice")
    return names


def _claim(claims: dict[str, Any], path: str) -> Any:
    """The claim of this name, or at this dotted path. Raises KeyError where it is absent; None for a path that leads
    through something else than an object."""
    if path in claims:
        return claims[path]
    value: Any = claims
    for step in path.split("."):
        if not isinstance(value, dict):
            return None
        value = value[step]
    return value


def _is_text(value: object) -> TypeGuard[str]:
    """1 to 255 characters, none of them control characters or halves of a pair, no blanks around."""
    if not isinstance(value, str) or not 0 < len(value) <= 255 or value != value.strip():
        return False
    return not any(category(sign) in ("Cc", "Cs") for sign in value)


def _media_type(typ: str) -> str:
    """RFC 7515, 4.1.9: letter case does not count, and `application/` may be left out."""
    return typ.lower().removeprefix("application/")
