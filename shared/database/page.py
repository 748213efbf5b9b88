"""A page of a list: one statement for its rows, and their columns written as JSON as they came.

Pages go by keyset: the cursor holds the last row's sort value and id, so a row is never shown twice or left out because
another one came or went. There is no COUNT.
"""

import base64
import binascii
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import TextClause, text

from shared.database.records import QUOTE
from shared.errors import Invalid

encode = msgspec.json.Encoder(decimal_format="number").encode
OPERATORS = {
    "in": "{c} = ANY({v})",
    "any": "{c} = ANY({v})",
    "eq": "{c} = {v}",
    "gte": "{c} >= {v}",
    "gt": "{c} > {v}",
    "lte": "{c} <= {v}",
    "lt": "{c} < {v}",
    "search": "{c} @@ websearch_to_tsquery('simple', {v})",
    "null": "({c} IS NULL) = {v}",
}


@dataclass(frozen=True)
class Listing:
    """What one list shows and by what it is filtered and sorted. All of it is SQL of ours; only values are a caller's.

    `shown` maps each field of an item to its SQL expression; `id` is one of them. `filters` maps each parameter to
    (expression, operator); "in" is for a few declared values, "any" for whatever there is. `sorts` maps each
    sortable field to (expression, SQL type); expressions that may be NULL cannot be sorted by. `chosen` maps each
    further field to the column whose value chooses its JSON text from what the caller of the list gives: what is the
    same for all rows of one state need not be written for each.
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
    listing: Listing, used: tuple[tuple[str, str], ...], sort: str, descending: bool, limit: int | None, after: bool,
    scoped: bool,
) -> TextClause:  # fmt: skip
    """`used` names each filter and what it is compared with, as `compared` writes it; `limit` None: a parameter.

    With a limit that it does not know PostgreSQL plans every page anew, which takes it longer than to read the rows.
    With one that is written out it keeps the plan (docs/decisions).
    """
    expression, kind = listing.sorts[sort]
    direction, beyond = ("DESC", "<") if descending else ("ASC", ">")
    where = [OPERATORS[listing.filters[name][1]].format(c=listing.filters[name][0], v=value) for name, value in used]
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
        f"ORDER BY {expression} {direction}, id {direction} LIMIT {':limit' if limit is None else limit} + 1"
    )
    return text(f"SELECT {shown}, {source}.x_sort{choosing} FROM ({found}) AS {source}")


def compared(name: str, value: Any) -> str:
    """What a filter is compared with: true and false themselves, of which indexes know, or the parameter's name."""
    return str(value).lower() if isinstance(value, bool) else f":f_{name}"


@lru_cache(maxsize=1000)
def item_type(listing: Listing) -> Callable[..., Any]:
    """What one item is written from: its fields in their places. Any column's name may be one, so those here are not.

    A structure is written three times as fast as a dict of as many fields (docs/decisions).
    """
    names = (*listing.shown, *listing.chosen)
    rename = {f"f{place}": name for place, name in enumerate(names)}
    return msgspec.defstruct("Item", [(each, Any) for each in rename], rename=rename, gc=False)


def page_text(
    listing: Listing, rows: Sequence[Any], limit: int, order: str, chosen: Mapping[str, Mapping[Any, str]]
) -> bytes:
    """The page as JSON: at most `limit` items, and the cursor of the next page, for there is one row more then.

    `rows` are those of `page_statement`: what is shown, the sort value, and the columns that choose.
    """
    item, shown, width = item_type(listing), rows[:limit], len(listing.shown)
    choices = [
        (place, {value: msgspec.Raw(text.encode()) for value, text in chosen[name].items()})
        for place, name in enumerate(listing.chosen, start=width + 1)
    ]
    items = [item(*row[:width], *[texts[row[place]] for place, texts in choices]) for row in shown]
    following = cursor(order, shown[-1].x_sort, shown[-1].id) if len(rows) > limit else None
    return encode({"items": items, "next": following})


def cursor(sort: str, value: str, id: object) -> str:
    return base64.urlsafe_b64encode(msgspec.json.encode([sort, value, str(id)])).decode().rstrip("=")


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
    used = tuple((key, compared(key, filters[key])) for key in listing.filters if filters.get(key) is not None)
    parameters: dict[str, Any] = {f"f_{key}": filters[key] for key, value in used if value[0] == ":"}
    # Which index is best hangs on whose records or which word is sought; on a few declared values it hardly does.
    kept = organisation is None and all(value[0] != ":" or listing.filters[key][1] == "in" for key, value in used)
    if not kept:
        parameters["limit"] = limit
    if organisation is not None:
        parameters["organisation"] = organisation
    if given is not None:
        parameters["after"], parameters["after_id"] = place(given, order)
    statement = page_statement(
        listing, used, name, descending, limit if kept else None, given is not None, organisation is not None
    )
    return statement, parameters, order
