"""The embedded system's issuer: whom it signs for, who can read its key, and that it serves one machine alone."""

import json
import stat
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI

from shared.auth import Caller
from shared.clock import Clock
from shared.errors import Unauthenticated
from shared.local.issuer import Issuer, KeyExposed, NotLocal, load, refuse_unless_loopback, router
from shared.local.people import PEOPLE
from tests.auth.forge import ISSUER, Hands, KeyServer, believer


@pytest.fixture
def issuer(tmp_path: Path, hands: Hands) -> Issuer:
    return load(tmp_path, ISSUER, "steward", Clock(hands))


@pytest.mark.parametrize("name", PEOPLE)
async def test_everybody_of_the_embedded_system_is_believed(name: str, issuer: Issuer, hands: Hands) -> None:
    person = PEOPLE[name]
    caller = await believer(issuer.jwks, hands).caller(f"Bearer {issuer.issue(person)}")
    assert caller == Caller(person.subject, person.name, frozenset(person.roles), person.organisation)


def test_contacts_of_customers_have_an_organisation_and_staff_have_none() -> None:
    assert {name: person.organisation for name, person in PEOPLE.items() if person.organisation} == {
        "carol": "northwind",
        "dave": "contoso",
    }
    assert all(("customer" in person.roles) == (person.organisation is not None) for person in PEOPLE.values())


async def test_a_token_lasts_as_long_as_it_was_issued_for(issuer: Issuer, hands: Hands) -> None:
    tokens = believer(issuer.jwks, hands)
    authorization = f"Bearer {issuer.issue(PEOPLE['alice'], timedelta(minutes=1))}"
    assert await tokens.caller(authorization)
    hands.forward(90)
    with pytest.raises(Unauthenticated, match="expired"):
        await tokens.caller(authorization)


@pytest.mark.parametrize("seconds", [0, -1])
def test_a_lifetime_that_is_not_positive_is_refused(seconds: int, issuer: Issuer) -> None:
    with pytest.raises(ValueError, match="positive"):
        issuer.issue(PEOPLE["alice"], timedelta(seconds=seconds))


def test_no_two_tokens_are_the_same(issuer: Issuer) -> None:
    assert issuer.issue(PEOPLE["alice"]) != issuer.issue(PEOPLE["alice"])


def test_the_key_is_kept(tmp_path: Path, issuer: Issuer) -> None:
    assert load(tmp_path, ISSUER, "steward").key_set() == issuer.key_set()


def test_the_private_key_is_its_owners_alone_and_the_published_one_has_no_secret(issuer: Issuer) -> None:
    assert stat.S_IMODE((issuer.folder / "key.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(issuer.folder.stat().st_mode) == 0o700
    (published,) = json.loads(issuer.jwks.read_text())["keys"]
    assert set(published) == {"kty", "crv", "x", "y", "kid", "use", "alg"}
    assert sorted(each.name for each in issuer.folder.iterdir()) == ["jwks.json", "key.json"]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path, issuer: Issuer) -> None:
    (issuer.folder / "key.json").chmod(0o640)
    with pytest.raises(KeyExposed, match="chmod 600"):
        load(tmp_path, ISSUER, "steward")


def test_all_who_make_the_key_at_the_same_time_have_the_same_key(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        made = list(pool.map(lambda _: load(tmp_path, ISSUER, "steward").key_set(), range(16)))
    assert all(each == made[0] for each in made)
    assert json.loads((tmp_path / "issuer" / "jwks.json").read_text()) == made[0]


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_the_built_in_issuer_serves_this_machine(host: str) -> None:
    refuse_unless_loopback(host)


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "::", "", "10.0.0.1", "192.168.1.5", "example.org", "localhost.example.org", "2130706433",
             "::ffff:10.0.0.1", "127.0.0.1.example.org", "127.0.0.1:8000", "*"]
)  # fmt: skip
def test_the_built_in_issuer_refuses_to_serve_others(host: str) -> None:
    with pytest.raises(NotLocal, match="STEWARD_OIDC_ISSUER"):
        refuse_unless_loopback(host)


async def test_clients_find_the_keys_by_the_routes(issuer: Issuer, hands: Hands, server: KeyServer) -> None:
    app = FastAPI()
    app.include_router(router(issuer))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://127.0.0.1:8000") as client:
        discovery = (await client.get("/auth/.well-known/openid-configuration")).json()
        assert discovery["issuer"] == ISSUER
        assert discovery["jwks_uri"] == "http://127.0.0.1:8000/auth/jwks.json"
        answer = await client.get(discovery["jwks_uri"])
    assert answer.headers["cache-control"] == "public, max-age=300"
    assert answer.json() == issuer.key_set() == json.loads(issuer.jwks.read_text())
    server.pages["/auth/jwks.json"] = answer.content
    tokens = believer(f"{server.url}/auth/jwks.json", hands)
    assert (await tokens.caller(f"Bearer {issuer.issue(PEOPLE['root'])}")).roles == {"administrator"}


async def test_no_route_gives_tokens(issuer: Issuer) -> None:
    paths = {(route.path, *sorted(route.methods)) for route in router(issuer).routes}  # type: ignore[attr-defined]  # APIRoute
    assert paths == {("/auth/jwks.json", "GET"), ("/auth/.well-known/openid-configuration", "GET")}
