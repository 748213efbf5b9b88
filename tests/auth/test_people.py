"""Whom a believed token names, what each role may do, and that every doubt is decided for fewer powers."""

from pathlib import Path
from typing import Any

import pytest
from joserfc.jwk import ECKey

from shared.auth import Caller, Permissions, Tokens
from shared.errors import Forbidden, Unauthenticated
from tests.auth.forge import Hands, believer, claims, header, sign, written


async def named(tokens: Tokens, key: ECKey, **changes: Any) -> Caller:
    return await tokens.caller(sign(key, header(), claims(**changes)))


async def test_a_contact_of_a_customer_has_its_organisation(tokens: Tokens, key: ECKey) -> None:
    carol = await named(tokens, key, sub="carol", name="Carol", roles=["customer"], organisation="northwind")
    assert carol == Caller("carol", "Carol", frozenset({"customer"}), "northwind")
    assert carol.is_customer


async def test_a_contact_without_an_organisation_is_refused(tokens: Tokens, key: ECKey) -> None:
    for roles in (["customer"], ["customer", "service_desk"]):
        with pytest.raises(Unauthenticated, match="names no organisation"):
            await named(tokens, key, roles=roles)


async def test_a_contact_with_roles_of_staff_has_only_those_of_contacts(tokens: Tokens, key: ECKey) -> None:
    both = await named(tokens, key, roles=["customer", "administrator", "service_desk"], organisation="northwind")
    assert both.roles == {"customer"}
    assert both.organisation == "northwind"


async def test_staff_with_an_organisation_and_no_role_of_contacts_are_refused(tokens: Tokens, key: ECKey) -> None:
    with pytest.raises(Unauthenticated, match="no role of its contacts"):
        await named(tokens, key, roles=["administrator"], organisation="northwind")


@pytest.mark.parametrize(
    "organisation",
    ["", " ", " northwind", "northwind\n", "north\x00wind", 7, True, [], ["northwind"], {"id": "n"}, "x" * 256],
)
@pytest.mark.parametrize("roles", [["customer"], ["administrator"]])
async def test_an_organisation_that_is_no_name_is_refused(
    organisation: Any, roles: list[str], tokens: Tokens, key: ECKey
) -> None:
    with pytest.raises(Unauthenticated, match="does not name an organisation"):
        await named(tokens, key, roles=roles, organisation=organisation)


async def test_an_organisation_of_null_does_not_make_staff_of_a_contact(tokens: Tokens, key: ECKey) -> None:
    for role in ("customer", "administrator"):
        with pytest.raises(Unauthenticated, match="does not name an organisation"):
            await tokens.caller(sign(key, header(), {**claims(roles=[role]), "organisation": None}))


@pytest.mark.parametrize(
    "roles",
    ["administrator", "", 1, True, {}, {"administrator": True}, [], [[]], [["administrator"]], [None], [1], [""],
     ["administrator", None], [{"name": "administrator"}], [" administrator"]],
)  # fmt: skip
async def test_roles_of_another_shape_are_refused(roles: Any, tokens: Tokens, key: ECKey) -> None:
    with pytest.raises(Unauthenticated, match="roles is not a list of role names"):
        await named(tokens, key, roles=roles)


async def test_a_token_without_roles_is_refused(tokens: Tokens, key: ECKey) -> None:
    with pytest.raises(Unauthenticated, match="roles is not a list"):
        await named(tokens, key, roles=None)
    with pytest.raises(Unauthenticated, match="roles is not a list"):
        await tokens.caller(sign(key, header(), {**claims(), "roles": None}))


@pytest.mark.parametrize("name", [None, "", 7, "Ali\x00ce", ["Alice"]])
async def test_who_has_no_proper_name_is_shown_by_the_subject(name: Any, tokens: Tokens, key: ECKey) -> None:
    assert (await named(tokens, key, name=name)).name == "alice"


async def test_claims_are_found_by_dotted_paths(tmp_path: Path, key: ECKey, hands: Hands) -> None:
    tokens = believer(written(tmp_path, key), hands, roles_claim="realm_access.roles", organisation_claim="company.id")
    nested = {"realm_access": {"roles": ["customer", "offline_access"]}, "company": {"id": "northwind"}}
    assert await named(tokens, key, roles=["administrator"], **nested) == Caller(
        "alice", "Alice", frozenset({"customer"}), "northwind"
    )
    staff = {"realm_access": {"roles": ["service_desk"]}}
    assert (await named(tokens, key, **staff)).organisation is None
    for wrong in ("northwind", ["northwind"], 7):
        with pytest.raises(Unauthenticated, match=r"company\.id does not name an organisation"):
            await named(tokens, key, **staff, company=wrong)


async def test_a_claim_whose_name_has_dots_is_found_by_its_whole_name(tmp_path: Path, key: ECKey, hands: Hands) -> None:
    tokens = believer(written(tmp_path, key), hands, roles_claim="https://steward.example/roles")
    caller = await named(tokens, key, roles=None, **{"https://steward.example/roles": ["approver"]})
    assert caller.roles == {"approver"}


async def test_which_roles_are_those_of_contacts_is_a_setting(tmp_path: Path, key: ECKey, hands: Hands) -> None:
    tokens = believer(written(tmp_path, key), hands, customer_roles=frozenset({"reader", "contact"}))
    roles = ["reader", "contact", "approver"]
    assert (await named(tokens, key, roles=roles, organisation="northwind")).roles == {"reader", "contact"}
    with pytest.raises(Unauthenticated, match="names no organisation"):
        await named(tokens, key, roles=["reader"])


BAKER = Caller("b", "B", frozenset({"baker", "cleaner"}), None)
HEAD = Caller("h", "H", frozenset({"head"}), None)
TABLE = Permissions(
    {"bread:bake": frozenset({"baker"}), "bread:sell": frozenset({"seller", "cashier"}), "oven:sell": frozenset()},
    everything=frozenset({"head"}),
)


def test_a_caller_may_do_what_one_of_the_roles_may() -> None:
    TABLE.require(BAKER, "bread:bake")
    assert TABLE.of(BAKER) == {"bread:bake"}


def test_a_refusal_names_the_permission_and_the_roles_that_have_it() -> None:
    with pytest.raises(Forbidden) as refused:
        TABLE.require(BAKER, "bread:sell")
    assert refused.value.detail == "this needs the permission bread:sell, which these roles have: cashier, head, seller"
    assert refused.value.members == {"permission": "bread:sell", "roles": ["cashier", "head", "seller"]}


def test_who_may_do_everything_is_written_into_the_table() -> None:
    assert TABLE.of(HEAD) == set(TABLE.table)
    assert all("head" in roles for roles in TABLE.table.values())


def test_without_that_nobody_has_what_the_table_gives_nobody() -> None:
    table = Permissions({"oven:sell": frozenset()})
    with pytest.raises(Forbidden, match="these roles have: none"):
        table.require(HEAD, "oven:sell")


def test_a_permission_the_table_does_not_have_is_a_mistake_even_for_who_may_do_everything() -> None:
    for caller in (BAKER, HEAD):
        with pytest.raises(KeyError):
            TABLE.require(caller, "bread:bak")
