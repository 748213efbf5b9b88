"""A page of a list as one statement that returns each item as JSON text, ready to be sent.

Pages go by keyset: the cursor holds the last row's sort value and id, so a row is never shown twice or left out because
another one came or went. There is no COUNT.
"""

import base64
import binascii
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

from sqlalchemy import TextClause, text

from shared.database.records import QUOTE
from shared.errors import Invalid

OPERATORS = {
    "in": "{c} = ANY(:{p})",
    "eq": "{c} = :{p}",
    "gte": "{c} >= :{p}",
    "gt": "{c} > :{p}",
    "lte": "{c} <= :{p}",
    "lt": "{c} < :{p}",
    "search": "{c} @@ websearch_to_tsquery('simple', :{p})",
    "null": "({c} IS NULL) = :{p}",
}


@dataclass(frozen=True)
class Listing:
    """What one list shows and by what it is filtered and sorted. All of it is SQL of ours; only values are a caller's.

    `shown` maps each field of an item to its SQL expression. `filters` maps each parameter to (expression, operator).
    `sorts` maps each sortable field to (expression, SQL type); expressions that may be NULL cannot be sorted by.
    `chosen` maps each further field to the column whose value chooses its JSON text from what the caller of the list
    gives: what is the same for all rows of one state need not be written by the database for each.
    """

    source: str
    shown: Mapping[str, str]
    filters: Mapping[str, tuple[str, str]]
    sorts: Mapping[str, tuple[str, str]]
    default: str
    chosen: Mapping[str, str] = field(default_factory=dict)

    def __hash__(self) -> int:
        return id(self)


@lru_cache(maxsize=1000)
def page_statement(
    listing: Listing, used: tuple[str, ...], sort: str, descending: bool, after: bool, scoped: bool
) -> TextClause:
    expression, kind = listing.sorts[sort]
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    where = [OPERATORS[listing.filters[name][1]].format(c=listing.filters[name][0], p=f"f_{name}") for name in used]
    if scoped:
        where.append("organisation = :organisation")
    if after:
        where.append(f"({expression}, id) {beyond} (CAST(CAST(:after AS text) AS {kind}), CAST(:after_id AS uuid))")
    shown = ", ".join(f"{sql} AS {QUOTE(name)}" for name, sql in listing.shown.items())
    source = QUOTE(listing.source)
    choosing = "".join(f", {source}.{QUOTE(column)}" for column in listing.chosen.values())
    found = (
        f"SELECT *, CAST({expression} AS text) AS x_sort FROM {source} "
        f"{'WHERE ' + ' AND '.join(where) if where else ''} "
        f"ORDER BY {expression} {direction}, id {direction} LIMIT :limit + 1"
    )
    return text(
        f"SELECT CAST(row_to_json(item) AS text), {source}.x_sort, {source}.id{choosing} "
        f"FROM ({found}) AS {source}, LATERAL (SELECT {shown}) AS item"
    )


def page_text(
    listing: Listing, rows: Sequence[Any], limit: int, order: str, chosen: Mapping[str, Mapping[str, str]]
) -> str:
    """The page as JSON text: at most `limit` items, and the cursor of the next page, for there is one row more then."""
    shown = rows[:limit]
    items = [row[0] for row in shown]
    for place, name in enumerate(listing.chosen, start=3):
        texts = {value: f',"{name}":{text}}}' for value, text in chosen[name].items()}
        items = [item[:-1] + texts[row[place]] for item, row in zip(items, shown, strict=True)]
    following = f'"{cursor(order, shown[-1][1], shown[-1][2])}"' if len(rows) > limit else "null"
    return f'{{"items":[{",".join(items)}],"next":{following}}}'


def cursor(sort: str, value: str, id: object) -> str:
    return base64.urlsafe_b64encode(json.dumps([sort, value, str(id)]).encode()).decode().rstrip("=")


def place(given: str, sort: str) -> tuple[str, str]:
    """The sort value and id of a cursor. Raises Invalid where it is no cursor of this list in this order."""
    try:
        order, value, id = json.loads(base64.urlsafe_b64decode(given + "=" * (-len(given) % 4)))
        if "\0" in f"{order}{value}" or not (isinstance(order, str) and isinstance(value, str)):
            raise ValueError("no texts")
        id = str(UUID(id))
    except (binascii.Error, ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Invalid.field("cursor", "this is not a cursor of this list") from error
    if order != sort:
        raise Invalid.field("cursor", f"this cursor belongs to the order {order!r}")
    return value, id


def page_parameters(
    listing: Listing,
    filters: Mapping[str, Any],
    sort: str | None,
    given: str | None,
    limit: int,
    organisation: str | None,
) -> tuple[TextClause, dict[str, Any], str]:
    """The statement, its parameters and the order by name. Raises Invalid for an unknown order or a broken cursor."""
    order = sort or listing.default
    name, descending = order.removeprefix("-"), order.startswith("-")
    if name not in listing.sorts:
        raise Invalid.field("sort", f"one of {', '.join(sorted(listing.sorts))}, with - before it for descending")
    used = tuple(key for key in listing.filters if filters.get(key) is not None)
    parameters: dict[str, Any] = {f"f_{key}": filters[key] for key in used} | {"limit": limit}
    if organisation is not None:
        parameters["organisation"] = organisation
    if given is not None:
        parameters["after"], parameters["after_id"] = place(given, order)
    statement = page_statement(listing, used, name, descending, given is not None, organisation is not None)
    return statement, parameters, order
