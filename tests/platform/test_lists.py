"""Lists: every record once whatever the order and the page size, while others come and go; and nothing else gets in."""

import base64
import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from sqlalchemy import text

from shared.database import Database
from shared.database.page import page_parameters
from tests.builders import Json, read, told
from tests.platform.bakery import SACK_LIST, SackQuery
from tests.platform.test_commands import refused
from tests.system import MONDAY, Steward

NOBODYS = "018f2b6e-7f6a-7c1e-9d3c-0a5b6c7d8e9f"
ORDERS = [f"{sign}{name}" for name in SACK_LIST.sorts for sign in ("", "-")]
# Letters whose order differs between a database's collation and bytes, and such as need quoting somewhere.
GRAINS = st.text(alphabet=st.sampled_from("aAbBäßzZ é'\"\\%_,;()€𐍈"), max_size=5)
FILL = text(
    "INSERT INTO sack (id, number, version, organisation, grain, weight, state, notes, filled_at) "
    "VALUES (:id, 'SCK-' || nextval('sack_number'), 1, :organisation, :grain, :weight, 'filled', '[]', :filled_at)"
)
MANY = text(
    "INSERT INTO sack (id, number, version, organisation, grain, weight, state, notes, filled_at) "
    "SELECT gen_random_uuid(), 'SCK-' || n, 1, 'northwind', 'rye', n % 9, 'filled', '[]', now() - n * interval '1h' "
    "FROM generate_series(1, 3000) n"
)
PLANS = text("SELECT generic_plans FROM pg_prepared_statements WHERE statement LIKE 'SELECT sack.%'")


async def filled(village: Steward, grain: str, weight: int, minutes: int, organisation: str = "northwind") -> str:
    """A sack, straight into its table: what is tried here is reading."""
    id = uuid4()
    values = {"id": id, "organisation": organisation, "grain": grain, "weight": weight,
              "filled_at": MONDAY + timedelta(microseconds=minutes)}  # fmt: skip
    await village.database("mill").rows(FILL, values)
    return str(id)


async def emptied(village: Steward) -> None:
    await village.database("mill").rows(text("DELETE FROM sack"), {})


async def pages(village: Steward, by: str = "alice", **query: Any) -> list[list[Json]]:
    found: list[list[Json]] = []
    cursor = None
    while True:
        page = await read(village.client(by), "/mill/sacks", **query, **({"cursor": cursor} if cursor else {}))
        found.append(page["items"])
        cursor = page["next"]
        if cursor is None:
            return found


SACK = st.tuples(GRAINS, st.integers(1, 4), st.integers(0, 3))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(sacks=st.lists(SACK, max_size=14), order=st.sampled_from(ORDERS), limit=st.integers(1, 5))
async def test_pages_show_every_record_once_and_in_order(
    village: Steward, sacks: list[tuple[str, int, int]], order: str, limit: int
) -> None:
    await emptied(village)
    ids = [await filled(village, *each) for each in sacks]
    found = await pages(village, sort=order, limit=limit)
    assert all(len(page) == limit for page in found[:-1])
    items = [item for page in found for item in page]
    assert sorted(item["id"] for item in items) == sorted(ids)
    # The database's own word for the order, ties by id included.
    name, direction = order.removeprefix("-"), "DESC" if order.startswith("-") else "ASC"
    rows = await village.database("mill").rows(
        text(f"SELECT id FROM sack ORDER BY {name} {direction}, id {direction}"), {}
    )
    assert [item["id"] for item in items] == [str(row.id) for row in rows]


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    sacks=st.lists(SACK, min_size=4, max_size=10),
    later=st.lists(SACK, min_size=1, max_size=6),
    order=st.sampled_from(ORDERS),
)
async def test_records_that_come_and_go_meanwhile_neither_hide_nor_repeat_the_others(
    village: Steward, sacks: list[tuple[str, int, int]], later: list[tuple[str, int, int]], order: str
) -> None:
    await emptied(village)
    ids = [await filled(village, *each) for each in sacks]
    gone, newcomers = ids.pop(), iter(later)
    seen: list[str] = []
    cursor = None
    while True:
        query = {"sort": order, "limit": 2} | ({"cursor": cursor} if cursor else {})
        page = await read(village.client("alice"), "/mill/sacks", **query)
        seen += [item["id"] for item in page["items"]]
        cursor = page["next"]
        if cursor is None:
            break
        if each := next(newcomers, None):
            await filled(village, *each)
        await village.database("mill").rows(text("DELETE FROM sack WHERE id = :id"), {"id": gone})
    assert len(seen) == len(set(seen))
    assert set(ids) <= set(seen)


async def test_what_a_list_shows_is_what_the_record_shows(village: Steward) -> None:
    await emptied(village)
    made = await told(village.client("alice"), "/mill/sacks", {"grain": 'r"y\\e\u2028é𐍈', "weight": 3})
    ((shown,),) = await pages(village)
    assert shown == made
    assert await read(village.client("alice"), f"/mill/sacks/{made['id']}") == made


async def test_customers_get_their_own_whatever_they_ask_for(village: Steward) -> None:
    await emptied(village)
    mine = await filled(village, "rye", 1, 0, "northwind")
    await filled(village, "rye", 1, 0, "contoso")
    for query in ({}, {"organisation": "northwind"}, {"unowned": "false"}, {"grain": "rye"}, {"sort": "weight"}):
        assert [item["id"] for page in await pages(village, "carol", **query) for item in page] == [mine]
    assert await pages(village, "carol", organisation="contoso") == [[]]
    assert await pages(village, "carol", unowned="true") == [[]]


async def test_a_cursor_of_somebody_else_shows_nothing_of_theirs(village: Steward) -> None:
    await emptied(village)
    for number in range(3):
        await filled(village, "rye", number + 1, number, "contoso")
    theirs = (await read(village.client("dave"), "/mill/sacks", limit=1))["next"]
    assert (await read(village.client("carol"), "/mill/sacks", cursor=theirs))["items"] == []


FILTERS: list[tuple[dict[str, Any], list[int]]] = [
    ({"weight": 2}, [2]),
    ({"heavier": 2}, [3]),
    ({"at_least": 2}, [2, 3]),
    ({"lighter": 2}, [1]),
    ({"at_most": 2}, [1, 2]),
    ({"at_least": 2, "at_most": 2}, [2]),
    ({"grain": "rye"}, [1]),
    ({"grain": ["rye", "oat"]}, [1, 2]),
    ({"filled_after": "2026-03-02T09:00:00.000002Z"}, [2, 3]),
    ({"filled_after": "2026-03-02T10:00:00.000002+01:00"}, [2, 3]),
    ({"q": "oat -spelt"}, [2]),
    ({"state": "filled"}, [1, 2, 3]),
    ({"state": "ground"}, []),
    ({"unowned": True}, []),
    ({"organisation": "northwind"}, [1, 2, 3]),
]


@pytest.mark.parametrize(("query", "weights"), FILTERS, ids=[str(query) for query, _ in FILTERS])
async def test_each_filter_keeps_what_it_names(village: Steward, query: dict[str, Any], weights: list[int]) -> None:
    await emptied(village)
    for number, grain in enumerate(("rye", "oat", "spelt oat"), 1):
        await filled(village, grain, number, number)
    found = [item["weight"] for page in await pages(village, sort="weight", **query) for item in page]
    assert found == weights


HOSTILE = (
    "' OR '1'='1", "'; DROP TABLE sack; --", "\\", "\\'", '"', "%", "_", "{", "}", "$1", ":organisation", ":f_grain",
    "x' UNION SELECT NULL --", "\u0000", "a\u0000b", "\ud7ff", "𐍈", "NaN", "infinity", "-1", "9" * 40, "1e309", "null",
    "true", "2026-13-45", "0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "<script>", "a" * 5000, "((((", "a & | !", "",
)  # fmt: skip


@pytest.mark.parametrize("parameter", [*SACK_LIST.filters, "limit", "sort", "cursor"])
async def test_hostile_values_are_refused_or_find_what_they_say(village: Steward, parameter: str) -> None:
    await emptied(village)
    await filled(village, "rye", 1, 0, "contoso")
    for value in HOSTILE:
        answer = await village.client("carol").get("/mill/sacks", params={parameter: value})
        if answer.status_code == 200:
            assert answer.json()["items"] == [], (parameter, value)
        else:
            problem = refused(answer, 422, "invalid")
            assert problem["errors"][0]["field"].split(".")[0] == parameter, value
        assert (await village.client("alice").get("/mill/sacks")).json()["items"][0]["grain"] == "rye"


# Those that a record can have.
@pytest.mark.parametrize("value", [each for each in HOSTILE if "\u0000" not in each and len(each) < 1000])
async def test_a_text_filter_finds_exactly_the_text_it_is_given(village: Steward, value: str) -> None:
    await emptied(village)
    await filled(village, value, 1, 0)
    await filled(village, "rye", 2, 0)
    assert [item["grain"] for page in await pages(village, grain=value) for item in page] == [value]


async def test_filters_that_there_are_not_are_refused_by_name(village: Steward) -> None:
    answer = await village.client("alice").get("/mill/sacks", params={"colour": "red", "Weight": 1, "weight": 1})
    assert {error["field"] for error in refused(answer, 422, "invalid")["errors"]} == {"colour", "Weight"}
    for broken in (
        {"weight": "heavy"},
        {"limit": 0},
        {"limit": 201},
        {"sack": "x"},
        {"filled_after": "2026-01-01T00:00:00"},
    ):
        answer = await village.client("alice").get("/mill/sacks", params=broken)
        assert refused(answer, 422, "invalid")["errors"][0]["field"] == next(iter(broken))


async def test_orders_that_there_are_not_are_refused(village: Steward) -> None:
    for order in ("notes", "--weight", "weight desc", "weight, id", "-", "+weight", "id"):
        answer = await village.client("alice").get("/mill/sacks", params={"sort": order})
        assert refused(answer, 422, "invalid")["errors"][0]["field"] == "sort"


def encoded(content: Any) -> str:
    raw = content if isinstance(content, bytes) else json.dumps(content).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


BROKEN = [
    "", "x", "é", "AAAA", "....", encoded(b"\xff"), encoded([]), encoded({}), encoded(7), encoded("abc"), encoded(None),
    encoded(["-filled_at"]), encoded(["-filled_at", "2026-03-02T09:00:00Z"]),
    encoded(["-filled_at", "once upon a time", NOBODYS]), encoded(["-filled_at", "2026-03-02T09:00:00Z", "no id"]),
    encoded(["-filled_at", "\u0000", NOBODYS]), encoded(["-filled_at", None, None]),
    encoded(["weight", "1", NOBODYS]), encoded(["-filled_at", "x", NOBODYS, "more"]),
    encoded(b"[" * 4000), encoded(["-filled_at", "9" * 3000, NOBODYS]),
    encoded(["-filled_at", "2026-03-02T09:00:00Z'; DROP TABLE sack; --", NOBODYS]),
]  # fmt: skip


@pytest.mark.parametrize("cursor", BROKEN)
async def test_broken_cursors_are_refused(village: Steward, cursor: str) -> None:
    answer = await village.client("alice").get("/mill/sacks", params={"cursor": cursor})
    assert refused(answer, 422, "invalid")["errors"][0]["field"] == "cursor"


@pytest.mark.parametrize(
    ("filters", "organisation", "kept"),
    [
        ({}, None, True),
        ({"unowned": True}, None, True),
        ({"state": ["filled"], "unowned": False}, None, True),
        ({"state": ["filled"], "grain": ["rye"]}, None, False),
        ({"q": "rye"}, None, False),
        ({"state": ["filled"]}, "northwind", False),
    ],
)
async def test_a_page_is_planned_anew_only_where_the_values_matter(
    mill_database: Database, filters: dict[str, Any], organisation: str | None, kept: bool
) -> None:
    await mill_database.rows(MANY, {})
    for prepared in ("CREATE INDEX ON sack (filled_at, id)", "ANALYZE sack"):
        await mill_database.rows(text(prepared), {})
    statement, parameters, _ = page_parameters(SACK_LIST, filters, None, None, 50, organisation)
    for _ in range(10):
        await mill_database.rows(statement, parameters)
    plans = await mill_database.rows(PLANS, {})
    assert [each.generic_plans > 0 for each in plans] == [kept]


def test_what_was_read_of_a_query_cannot_be_changed_by_one_of_those_who_share_it() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        SackQuery.read([("limit", "3")]).limit = 4  # type: ignore[misc]  # that is what is tested
