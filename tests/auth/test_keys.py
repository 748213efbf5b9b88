"""Where keys come from, over real HTTP, and what happens when their issuer is slow, wrong, hostile or gone."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey, OctKey, RSAKey
from structlog.testing import capture_logs

from shared.auth import KeySource, Tokens
from shared.auth import keys as reading
from shared.clock import Clock
from shared.errors import Unauthenticated, Unavailable
from tests.auth.forge import NOW, Hands, KeyServer, believer, claims, ec_key, header, key_set, rsa_key, sign, written

PAGE = "/jwks.json"
DISCOVERY = "/.well-known/openid-configuration"


def signed(key: Any, **changes: Any) -> str:
    return sign(key, header(kid=key.kid), claims(exp=NOW + 86_400, **changes))


def serving(server: KeyServer, *keys: Any) -> str:
    server.pages[PAGE] = key_set(*keys)
    return server.url + PAGE


async def settled(tokens: Tokens) -> None:
    """Wait for a reading that goes on behind the requests."""
    task = tokens.keys._reading
    if task is not None:
        await task


async def test_keys_are_read_once_for_many_tokens(server: KeyServer, key: ECKey, hands: Hands) -> None:
    tokens = believer(serving(server, key), hands)
    await asyncio.gather(*(tokens.caller(signed(key, jti=str(n))) for n in range(20)))
    assert server.asked == [PAGE]


async def test_keys_are_found_by_discovery(server: KeyServer, key: ECKey, hands: Hands) -> None:
    server.pages[DISCOVERY] = {"issuer": server.url, "jwks_uri": serving(server, key)}
    tokens = believer(None, hands, issuer=server.url)
    assert await tokens.caller(signed(key, iss=server.url))
    assert server.asked == [DISCOVERY, PAGE]


@pytest.mark.parametrize(
    ("document", "reason"),
    [
        ({"issuer": "https://evil.example"}, "another issuer's"),
        ({"jwks_uri": None}, "no jwks_uri"),
        ({"jwks_uri": "file:///etc/passwd"}, "no jwks_uri"),
        ({"jwks_uri": "/etc/passwd"}, "no jwks_uri"),
        ({"jwks_uri": "http://evil.example/jwks.json"}, "over https"),
        ({"jwks_uri": "http://169.254.169.254/latest"}, "over https"),
    ],
)
async def test_a_wrong_discovery_document_gives_no_keys(
    document: dict[str, Any], reason: str, server: KeyServer, key: ECKey, hands: Hands
) -> None:
    server.pages[DISCOVERY] = {"issuer": server.url, "jwks_uri": serving(server, key)} | document
    tokens = believer(None, hands, issuer=server.url)
    with capture_logs() as logs, pytest.raises(Unavailable):
        await tokens.caller(signed(key, iss=server.url))
    assert reason in logs[0]["reason"]
    assert PAGE not in server.asked


@pytest.mark.parametrize(
    "place", ["http://keys.example/jwks.json", "http://10.0.0.1/k", "http://localhost.evil.example/k"]
)
def test_keys_are_not_read_over_plain_http_from_another_machine_unless_told_so(place: str, hands: Hands) -> None:
    with pytest.raises(ValueError, match="over https"):
        believer(place, hands)
    assert believer(place, hands, plain_http=True)


def test_discovery_needs_an_issuer_that_is_an_https_url(hands: Hands) -> None:
    for issuer in ("steward", "http://login.example", "ftp://login.example"):
        with pytest.raises(ValueError, match="over https"):
            believer(None, hands, issuer=issuer)
    assert believer(None, hands, issuer="https://login.example")


async def test_a_rotated_key_is_fetched_when_its_first_token_comes(server: KeyServer, key: ECKey, hands: Hands) -> None:
    tokens = believer(serving(server, key), hands)
    await tokens.caller(signed(key))
    second = ec_key("second")
    serving(server, key, second)
    hands.forward(31)
    assert await tokens.caller(signed(second))
    assert await tokens.caller(signed(key, jti="2"))
    assert server.asked == [PAGE] * 2


async def test_a_storm_of_unknown_keys_costs_the_issuer_one_request_in_thirty_seconds(
    server: KeyServer, key: ECKey, hands: Hands
) -> None:
    tokens = believer(serving(server, key), hands)
    await tokens.caller(signed(key))
    server.asked.clear()
    for _ in range(3):
        hands.forward(30)
        storm = (tokens.caller(sign(key, header(kid=f"k{n}"), claims())) for n in range(100))
        answers = await asyncio.gather(*storm, return_exceptions=True)
        assert {type(answer) for answer in answers} == {Unauthenticated}
        hands.forward(29)
        with pytest.raises(Unauthenticated):
            await tokens.caller(sign(key, header(kid="late"), claims()))
        hands.forward(-29)
    assert server.asked == [PAGE] * 3
    assert await tokens.caller(signed(key, jti="2"))


async def test_a_clock_set_back_does_not_stop_the_asking(server: KeyServer, key: ECKey, hands: Hands) -> None:
    tokens = believer(serving(server, key), hands)
    hands.forward(86_400)
    await tokens.start()
    hands.forward(-86_400)
    second = ec_key("second")
    serving(server, key, second)
    assert await tokens.caller(signed(second))


async def test_known_keys_go_on_while_the_issuer_is_down(server: KeyServer, key: ECKey, hands: Hands) -> None:
    tokens = believer(serving(server, key), hands)
    await tokens.caller(signed(key))
    await server.stop()
    for n in range(5):
        hands.forward(reading.FRESH)
        with capture_logs() as logs:
            assert await tokens.caller(signed(key, jti=str(n)))
            await settled(tokens)
        assert logs[0]["event"] == "keys.unread"
    with capture_logs(), pytest.raises(Unauthenticated, match="does not have"):
        await tokens.caller(signed(ec_key("second")))


async def test_without_any_key_yet_a_token_is_neither_believed_nor_refused(
    server: KeyServer, key: ECKey, hands: Hands
) -> None:
    place = serving(server, key)
    await server.stop()
    tokens = believer(place, hands)
    with capture_logs():
        await tokens.start()
        with pytest.raises(Unavailable, match="cannot be read"):
            await tokens.caller(signed(key))
    await server.start()
    hands.forward(30)
    assert await tokens.caller(signed(key))


async def test_requests_do_not_wait_for_an_issuer_that_hangs(server: KeyServer, key: ECKey, hands: Hands) -> None:
    tokens = believer(serving(server, key), hands)
    await tokens.caller(signed(key))
    server.answering.clear()
    hands.forward(reading.FRESH)
    assert await tokens.caller(signed(key, jti="2"))
    assert tokens.keys._reading is not None and not tokens.keys._reading.done()
    await tokens.close()
    assert tokens.keys._reading.done()


async def test_an_issuer_that_hangs_is_given_up(
    server: KeyServer, key: ECKey, hands: Hands, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "DEADLINE", 0.05)
    tokens = believer(serving(server, key), hands)
    server.answering.clear()
    with capture_logs() as logs, pytest.raises(Unavailable):
        await tokens.caller(signed(key))
    assert "no answer" in logs[0]["reason"]


async def test_a_caller_who_hangs_up_does_not_end_the_reading_for_the_others(
    server: KeyServer, key: ECKey, hands: Hands
) -> None:
    tokens = believer(serving(server, key), hands)
    server.answering.clear()
    first, second = (asyncio.create_task(tokens.caller(signed(key, jti=jti))) for jti in "12")
    await server.reached.wait()
    first.cancel()
    await asyncio.wait([first])
    server.answering.set()
    assert (await second).subject == "alice"
    assert server.asked == [PAGE]


async def test_a_withdrawn_key_takes_its_remembered_tokens_with_it(server: KeyServer, key: ECKey, hands: Hands) -> None:
    second = ec_key("second")
    tokens = believer(serving(server, key, second), hands)
    authorization = signed(key)
    await tokens.caller(authorization)
    serving(server, second)
    hands.forward(reading.FRESH - 1)
    assert tokens.cached(authorization) is not None
    hands.forward(1)
    assert tokens.cached(authorization) is None
    await tokens.caller(authorization)  # the last one, whose request lets the new keys be read
    await settled(tokens)
    assert tokens.cached(authorization) is None
    with pytest.raises(Unauthenticated, match="does not have"):
        await tokens.caller(authorization)


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (500, "answered 500"),
        (404, "answered 404"),
        (b"", "not a JSON document"),
        (b"<html>", "not a JSON document"),
        (b"[" * 100_000, "not a JSON document"),
        (b"[]", "not a JSON object"),
        (b"{}", "no key"),
        (b'{"keys": {}}', "no key"),
        (b'{"keys": [null, 1, [], {}, {"kty": "EC", "kid": "first"}, {"kty": ["EC"]}]}', "no key"),
        (b" " * (reading.LARGEST + 1), "larger"),
    ],
)
async def test_an_answer_that_is_no_key_set_changes_nothing(
    page: bytes | int, reason: str, server: KeyServer, key: ECKey, hands: Hands
) -> None:
    tokens = believer(serving(server, key), hands)
    await tokens.caller(signed(key))
    server.pages[PAGE] = page
    hands.forward(reading.FRESH)
    with capture_logs() as logs:
        await tokens.keys.refresh()
    assert reason in logs[0]["reason"]
    assert await tokens.caller(signed(key, jti="2"))


async def test_keys_read_again_unchanged_leave_the_remembered_tokens(
    server: KeyServer, key: ECKey, hands: Hands
) -> None:
    tokens = believer(serving(server, key), hands)
    authorization = signed(key)
    await tokens.caller(authorization)
    hands.forward(30)
    await tokens.keys.refresh()
    assert server.asked == [PAGE] * 2
    assert tokens.cached(authorization)


async def test_a_redirect_is_not_followed(server: KeyServer, key: ECKey, hands: Hands) -> None:
    server.pages = {"/old": 302, PAGE: key_set(key)}
    server.headers = f"location: {server.url}{PAGE}\r\n"
    tokens = believer(server.url + "/old", hands)
    with capture_logs() as logs, pytest.raises(Unavailable):
        await tokens.caller(signed(key))
    assert "answered 302" in logs[0]["reason"]
    assert server.asked == ["/old"]


async def test_a_file_that_is_not_there_is_read_once_it_is(tmp_path: Path, key: ECKey, hands: Hands) -> None:
    tokens = believer(tmp_path / "jwks.json", hands)
    with capture_logs(), pytest.raises(Unavailable):
        await tokens.caller(signed(key))
    written(tmp_path, key)
    hands.forward(30)
    assert await tokens.caller(signed(key))


def test_keys_that_must_not_verify_are_left_out() -> None:
    good, rsa = ec_key("good"), rsa_key("rsa")
    with pytest.warns(match="2048"):
        short = RSAKey.generate_key(1024, {"kid": "short"})
    given = [
        good.as_dict(private=False),
        rsa.as_dict(private=False, use="sig"),
        ec_key("published").as_dict(private=True),
        ec_key("unnamed").as_dict(private=False) | {"kid": None},
        {**ec_key("enc").as_dict(private=False), "use": "enc"},
        OctKey.generate_key(256, {"kid": "secret"}).as_dict(private=True),
        short.as_dict(private=False),
        {"kty": "AKP", "kid": "tomorrow", "alg": "ML-DSA-44", "pub": "x"},
        ec_key("good").as_dict(private=False),
    ]
    keys = reading.usable(json.loads(json.dumps({"keys": given})))
    assert set(keys) == {("good", "EC"), ("rsa", "RSA")}
    assert keys["good", "EC"].as_dict(private=False) == good.as_dict(private=False)


async def test_two_keys_of_one_id_and_different_kinds_are_told_apart(
    server: KeyServer, key: ECKey, hands: Hands
) -> None:
    rsa = rsa_key(str(key.kid))
    tokens = believer(serving(server, key, rsa), hands)
    assert await tokens.caller(signed(key))
    assert await tokens.caller(sign(rsa, header(alg="RS256"), claims()))


async def test_closing_what_was_never_used_is_no_accident(hands: Hands) -> None:
    await KeySource("/nowhere", "x", Clock(hands)).close()
