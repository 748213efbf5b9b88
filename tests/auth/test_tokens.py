"""The corpus of wrong tokens, each a hole that some product had; every one is refused for its own reason."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey

from shared.auth import Caller, Tokens, TokenSettings
from shared.auth import tokens as believing
from shared.errors import Unauthenticated
from tests.auth.forge import (
    ISSUER,
    NOW,
    Hands,
    believer,
    claims,
    ec_key,
    header,
    okp_key,
    rsa_key,
    sign,
    written,
)


async def refusal(tokens: Tokens, authorization: str | None) -> str:
    """Why it is refused, asked twice: being refused must not be remembered as being believed."""
    for _ in range(2):
        assert tokens.cached(authorization) is None
        with pytest.raises(Unauthenticated) as refused:
            await tokens.caller(authorization)
    assert str(refused.value.members["challenge"]).startswith('Bearer realm="steward"')
    return refused.value.detail


async def test_a_right_token_names_its_caller(tokens: Tokens, key: ECKey) -> None:
    authorization = sign(key, header(), claims())
    alice = Caller("alice", "Alice", frozenset({"service_desk"}), None)
    assert await tokens.caller(authorization) == alice
    assert tokens.cached(authorization) == alice
    assert not alice.is_customer


@pytest.mark.parametrize(
    ("alg", "make"),
    [("ES256", ec_key), ("RS256", rsa_key), ("PS256", rsa_key), ("EdDSA", okp_key), ("Ed25519", okp_key)],
)
async def test_each_allowed_algorithm_is_believed(alg: str, make: Any, tmp_path: Path, hands: Hands) -> None:
    key = make()
    tokens = believer(written(tmp_path, key), hands)
    assert (await tokens.caller(sign(key, header(alg=alg), claims()))).subject == "alice"


@pytest.mark.parametrize("scheme", ["bearer", "BEARER"])
async def test_the_scheme_is_read_in_any_letter_case(scheme: str, tokens: Tokens, key: ECKey) -> None:
    assert await tokens.caller(sign(key, header(), claims()).replace("Bearer", scheme))


async def test_no_token_is_answered_by_a_challenge_without_an_error_code(tokens: Tokens) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await tokens.caller(None)
    assert refused.value.members == {"challenge": 'Bearer realm="steward"'}


async def test_a_refused_token_is_answered_by_a_challenge_with_the_reason(tokens: Tokens, key: ECKey) -> None:
    with pytest.raises(Unauthenticated) as refused:
        await tokens.caller(sign(key, header(), claims(exp=NOW - 60)))
    assert refused.value.members == {
        "challenge": 'Bearer realm="steward", error="invalid_token", error_description="the token has expired"'
    }


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer ", "Basic YTpi", "Bearer a.b", "Bearer a.b.c.d", "Bearer ..", "Bearer é.é.é",
     "Bearer \ud800..", "Bearer a.b.c", "Bearer  e30.e30.e30", "Bearer bnVsbA.e30.AA", "Bearer W10.e30.AA"],
)  # fmt: skip
async def test_garbage_is_refused(authorization: str, tokens: Tokens) -> None:
    assert await refusal(tokens, authorization)


async def test_a_header_nested_deeper_than_a_reader_goes_is_refused(tokens: Tokens, key: ECKey) -> None:
    assert "header is not JSON" in await refusal(tokens, sign(key, b"[" * 3000, claims()))


async def test_content_nested_deeper_than_a_reader_goes_is_refused(tokens: Tokens, key: ECKey) -> None:
    assert "content is not JSON" in await refusal(tokens, sign(key, header(), b'{"a":' + b"[" * 3000))


async def test_a_token_of_8192_bytes_is_believed_and_a_larger_one_is_not(tokens: Tokens, key: ECKey) -> None:
    def padded(length: int) -> str:
        return sign(key, header(), claims(padding="x" * length))

    length = next(n for n in range(5000, 8000) if len(padded(n)) == 8192 + len("Bearer "))
    assert await tokens.caller(padded(length))
    assert "larger" in await refusal(tokens, padded(length + 1))


async def test_an_unsigned_token_is_refused(tokens: Tokens, key: ECKey) -> None:
    for alg in ("none", "None", "NONE", "nOnE", ""):
        unsigned = sign(key, header(alg=alg), claims(), alg="none")
        assert "algorithm" in await refusal(tokens, unsigned)


async def test_a_token_stripped_of_its_signature_is_refused(tokens: Tokens, key: ECKey) -> None:
    stripped = sign(key, header(), claims()).rpartition(".")[0] + "."
    assert "signature" in await refusal(tokens, stripped)


SECRETS: dict[str, Any] = {
    # Straight from bytes: importing a PEM as a secret is what the library already refuses.
    "pem": lambda key: OctKey(key.as_pem(private=False), {"kty": "oct", "k": "AA"}),
    "der": lambda key: OctKey(key.as_der(private=False), {"kty": "oct", "k": "AA"}),
    "jwk": lambda key: OctKey(json.dumps(key.as_dict(private=False)).encode(), {"kty": "oct", "k": "AA"}),
}


@pytest.mark.parametrize("alg", ["HS256", "HS384", "HS512"])
@pytest.mark.parametrize("form", SECRETS)
async def test_the_public_key_is_no_secret_to_sign_with(alg: str, form: str, tmp_path: Path, hands: Hands) -> None:
    key = rsa_key()
    forged = SECRETS[form](key)
    tokens = believer(written(tmp_path, key), hands)
    assert "algorithm" in await refusal(tokens, sign(forged, header(alg=alg), claims()))


async def test_a_symmetric_key_in_the_key_set_signs_nothing(tmp_path: Path, key: ECKey, hands: Hands) -> None:
    secret = OctKey.generate_key(256, {"kid": "secret"})
    tokens = believer(written(tmp_path, key, secret), hands)
    assert "algorithm" in await refusal(tokens, sign(secret, header(alg="HS256", kid="secret"), claims()))


@pytest.mark.parametrize("alg", ["ES384", "RS384", "PS512", "ES256K", "RS1", "RSA-OAEP", "dir", ["ES256"], {}, 1, None])
async def test_an_algorithm_off_the_list_is_refused(alg: Any, tokens: Tokens, key: ECKey) -> None:
    assert "algorithm" in await refusal(tokens, sign(key, header(alg=alg), claims(), alg="ES256"))


async def test_an_algorithm_of_another_kind_of_key_is_refused(tokens: Tokens, key: ECKey) -> None:
    for alg in ("RS256", "PS256", "EdDSA"):
        assert "key" in await refusal(tokens, sign(key, header(alg=alg), claims(), alg="ES256"))


async def test_a_key_for_one_algorithm_verifies_no_other(tmp_path: Path, hands: Hands) -> None:
    key = rsa_key()
    path = tmp_path / "jwks.json"
    path.write_text(json.dumps({"keys": [key.as_dict(private=False, alg="RS256")]}))
    tokens = believer(path, hands)
    assert await tokens.caller(sign(key, header(alg="RS256"), claims()))
    assert "algorithm is not its key's" in await refusal(tokens, sign(key, header(alg="PS256"), claims()))


@pytest.mark.parametrize("name", ["jwk", "jku", "x5u", "x5c"])
async def test_a_token_that_brings_its_own_key_is_refused(name: str, tokens: Tokens) -> None:
    own = ec_key()
    brought = {
        "jwk": own.as_dict(private=False),
        "jku": "https://evil.example/jwks.json",
        "x5u": "https://evil.example/x.pem",
        "x5c": ["MIIB"],
    }[name]
    assert "brings its own key" in await refusal(tokens, sign(own, header(**{name: brought}), claims()))


@pytest.mark.parametrize(
    "kid",
    ["../../../../dev/null", "/etc/passwd", "first' OR '1'='1", "first\x00", "FIRST", " first", "", "x" * 1000,
     "http://evil.example/k", "|id", "first\n"],
)  # fmt: skip
async def test_a_key_id_is_compared_and_nothing_else(kid: str, tokens: Tokens, key: ECKey) -> None:
    assert "a key that its issuer does not have" in await refusal(tokens, sign(key, header(kid=kid), claims()))


@pytest.mark.parametrize("kid", [1, ["first"], {"first": 1}, True])
async def test_a_key_id_that_is_no_string_is_refused(kid: Any, tokens: Tokens, key: ECKey) -> None:
    assert "not a string" in await refusal(tokens, sign(key, header(kid=kid), claims()))


async def test_the_key_may_go_unnamed_only_while_there_is_one(tmp_path: Path, key: ECKey, hands: Hands) -> None:
    unnamed = sign(key, header(kid=None), claims())
    assert await believer(written(tmp_path, key), hands).caller(unnamed)
    assert "does not name its key" in await refusal(believer(written(tmp_path, key, ec_key("second")), hands), unnamed)


@pytest.mark.parametrize("crit", [["exp"], ["b64"], [], "exp", ["http://example.com/unknown"], None])
async def test_a_critical_extension_is_refused(crit: Any, tokens: Tokens, key: ECKey) -> None:
    head = {**header(), "crit": crit, "http://example.com/unknown": 1}
    assert "extension" in await refusal(tokens, sign(key, head, claims()))


@pytest.mark.parametrize("b64", [True, False])
async def test_unencoded_content_is_refused(b64: bool, tokens: Tokens, key: ECKey) -> None:
    assert "extension" in await refusal(tokens, sign(key, header(b64=b64), claims()))


async def test_a_header_that_is_not_known_and_not_critical_changes_nothing(tokens: Tokens, key: ECKey) -> None:
    assert await tokens.caller(sign(key, header(x5t="abc", rat="xyz"), claims()))


@pytest.mark.parametrize("typ", ["JWT", "id_token+jwt", "logout+jwt", "", None, "at+jwt ", ["at+jwt"], "text/at+jwt"])
async def test_another_type_of_token_is_refused(typ: Any, tokens: Tokens, key: ECKey) -> None:
    assert "type" in await refusal(tokens, sign(key, header(typ=typ), claims()))


@pytest.mark.parametrize("typ", ["at+jwt", "AT+JWT", "application/at+jwt"])
async def test_the_media_type_is_read_as_its_standard_says(typ: str, tokens: Tokens, key: ECKey) -> None:
    assert await tokens.caller(sign(key, header(typ=typ), claims()))


@pytest.mark.parametrize("mark", ["at_hash", "c_hash"])
async def test_an_id_token_is_no_access_token_even_where_both_are_called_jwt(
    mark: str, tmp_path: Path, key: ECKey, hands: Hands
) -> None:
    tokens = believer(written(tmp_path, key), hands, token_types=("at+jwt", "JWT"))
    assert await tokens.caller(sign(key, header(typ="JWT"), claims()))
    assert "ID token" in await refusal(tokens, sign(key, header(typ="JWT"), claims(**{mark: "x"})))


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": ISSUER + "/"}, "another issuer's"),
        ({"iss": "https://evil.example"}, "another issuer's"),
        ({"iss": [ISSUER]}, "another issuer's"),
        ({"iss": None}, "lacks iss"),
        ({"aud": "other"}, "another audience"),
        ({"aud": ["other", "stewards"]}, "another audience"),
        ({"aud": []}, "another audience"),
        ({"aud": {"steward": 1}}, "another audience"),
        ({"aud": None}, "lacks aud"),
        ({"exp": None}, "lacks exp"),
        ({"exp": NOW - 30}, "expired"),
        ({"exp": str(NOW + 60)}, "NumericDate"),
        ({"exp": True}, "NumericDate"),
        ({"exp": float("inf")}, "NumericDate"),
        ({"exp": float("nan")}, "NumericDate"),
        ({"iat": None}, "lacks iat"),
        ({"iat": NOW + 31}, "issued in the future"),
        ({"iat": "now"}, "NumericDate"),
        ({"iat": NOW, "exp": NOW - 1}, "before it was issued"),
        ({"nbf": NOW + 31}, "not yet valid"),
        ({"nbf": "soon"}, "NumericDate"),
        ({"sub": None}, "lacks sub"),
        ({"sub": ""}, "sub"),
        ({"sub": 7}, "sub"),
        ({"sub": "alice\x00"}, "sub"),
        ({"sub": "\ud800"}, "sub"),
        ({"sub": "x" * 256}, "sub"),
    ],
)
async def test_a_wrong_claim_is_refused(changes: dict[str, Any], reason: str, tokens: Tokens, key: ECKey) -> None:
    assert reason in await refusal(tokens, sign(key, header(), claims(**changes)))


@pytest.mark.parametrize(
    "changes",
    [{"exp": NOW - 29}, {"iat": NOW + 30}, {"nbf": NOW + 30}, {"aud": ["other", "steward"]}, {"exp": NOW + 0.5}],
)
async def test_clocks_may_differ_by_thirty_seconds(changes: dict[str, Any], tokens: Tokens, key: ECKey) -> None:
    if changes.get("exp", NOW) < NOW:
        changes["iat"] = NOW - 100
    assert await tokens.caller(sign(key, header(), claims(**changes)))


async def test_a_claim_given_twice_is_refused(tokens: Tokens, key: ECKey) -> None:
    twice = json.dumps(claims(roles=["administrator"])).encode()[:-1] + b', "roles": ["service_desk"]}'
    assert "each name once" in await refusal(tokens, sign(key, header(), twice))
    deep = json.dumps(claims()).encode()[:-1] + b', "x": {"a": 1, "a": 2}}'
    assert "each name once" in await refusal(tokens, sign(key, header(), deep))


async def test_a_header_given_twice_is_refused(tokens: Tokens, key: ECKey) -> None:
    twice = b'{"alg": "none", "alg": "ES256", "typ": "at+jwt", "kid": "first"}'
    assert "each name once" in await refusal(tokens, sign(key, twice, claims()))


@pytest.mark.parametrize("body", [b"null", b"[]", b'"x"', b"7", b"", b"\xff\xfe", b"{" + b'"a":1' * 2 + b"}"])
async def test_content_that_is_no_json_object_is_refused(body: bytes, tokens: Tokens, key: ECKey) -> None:
    assert "content is not" in await refusal(tokens, sign(key, header(), body))


async def test_a_token_signed_by_somebody_else_is_refused(tokens: Tokens) -> None:
    assert "signature is not its issuer's" in await refusal(tokens, sign(ec_key(), header(), claims()))


@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_a_token_with_any_byte_changed_is_refused(data: st.DataObject, tokens: Tokens, key: ECKey) -> None:
    authorization = sign(key, header(), claims())
    assert await tokens.caller(authorization)
    at = data.draw(st.integers(len("Bearer "), len(authorization) - 1))
    other = data.draw(st.characters(max_codepoint=255).filter(lambda sign: sign != authorization[at]))
    await refusal(tokens, authorization[:at] + other + authorization[at + 1 :])


@settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(body=st.recursive(st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
                         lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=8),
       name=st.sampled_from(["iss", "aud", "sub", "exp", "iat", "nbf", "roles", "organisation", "jti"]))  # fmt: skip
async def test_a_signed_claim_of_any_shape_is_believed_or_refused_and_never_an_accident(
    body: Any, name: str, tokens: Tokens, key: ECKey
) -> None:
    try:
        caller = await tokens.caller(sign(key, header(), {**claims(), name: body}))
    except Unauthenticated:
        return
    assert caller.subject and caller.roles


@pytest.mark.parametrize("field", ["issuer", "audience", "jwks", "roles_claim", "organisation_claim"])
def test_an_empty_setting_is_refused(field: str) -> None:
    empty: dict[str, Any] = {field: ""}
    with pytest.raises(ValueError, match="must be named"):
        replace(TokenSettings(ISSUER, "steward"), **empty)
    with pytest.raises(ValueError, match="must be named"):
        TokenSettings(ISSUER, "steward", token_types=())


async def test_a_token_is_refused_from_its_expiry_on_though_it_was_verified_before(
    tokens: Tokens, key: ECKey, hands: Hands
) -> None:
    authorization = sign(key, header(), claims(exp=NOW + 60))
    await tokens.caller(authorization)
    hands.forward(89)
    assert tokens.cached(authorization) is not None
    hands.forward(1)
    assert await refusal(tokens, authorization) == "the token has expired"


async def test_only_so_many_tokens_are_remembered_and_the_one_used_longest_ago_goes_first(
    tokens: Tokens, key: ECKey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(believing, "REMEMBERED", 3)
    first, *others = [sign(key, header(), claims(jti=str(n))) for n in range(4)]
    for each in (first, *others[:2]):
        await tokens.caller(each)
    assert tokens.cached(first)
    await tokens.caller(others[2])
    assert [tokens.cached(each) is not None for each in (first, *others)] == [True, False, True, True]


async def test_many_requests_with_one_new_token_all_get_their_caller(tokens: Tokens, key: ECKey) -> None:
    authorization = sign(key, header(), claims())
    callers = await asyncio.gather(*(tokens.caller(authorization) for _ in range(50)))
    assert {caller.subject for caller in callers} == {"alice"}
