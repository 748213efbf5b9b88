"""What would be struck if items failed, or what they rely on: each with the way to it as proof (CFG-10).

The graph is followed level by level (shared.database.graph); what the items are called and which relationships lead to
them is asked for once at the end, for what was reached.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.cmdb.tables import FAILURES
from shared.database import Database
from shared.database.graph import Reached, reached

# `given` may be a name or an id; an item whose name is another one's id is found by its name.
STARTS = text(
    "SELECT id, name, registered_at FROM configuration_item WHERE name = ANY(CAST(:names AS text[])) "
    "OR id = ANY(CAST(:ids AS uuid[]))"
)
ITEMS = text(
    "SELECT id, number, name, type, nature, title, status, owner, criticality FROM configuration_item "
    "WHERE id = ANY(CAST(:ids AS uuid[]))"
)
ITEMS_THEN = text(
    "SELECT item.id, item.number, item.name, item.type, item.nature, past.body ->> 'title' AS title, "
    "past.body ->> 'status' AS status, past.body ->> 'owner' AS owner, "
    "CAST(past.body ->> 'criticality' AS int) AS criticality FROM configuration_item AS item, "
    "LATERAL (SELECT CAST(data AS json) AS body FROM event WHERE aggregate_id = item.id AND occurred <= :at "
    "ORDER BY sequence DESC LIMIT 1) AS past WHERE item.id = ANY(CAST(:ids AS uuid[]))"
)
EDGES = text("SELECT id, number, kind FROM relationship WHERE id = ANY(CAST(:ids AS uuid[]))")


@dataclass(frozen=True, slots=True)
class Impact:
    """What was reached from the starts: rows of items and of relationships by id, and how each was reached."""

    found: Reached
    items: Mapping[UUID, Any]
    relationships: Mapping[UUID, Any]


async def starts(database: Database, given: Iterable[str]) -> list[Any]:
    """The items of these names or ids."""
    names = list(given)
    ids = [id for each in names if (id := as_id(each)) is not None]
    return list(await database.rows(STARTS, {"names": names, "ids": ids}))


def as_id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


async def impact(
    database: Database, items: Iterable[UUID], at: datetime, *, up: bool, past: bool, depth: int, most: int
) -> Impact:
    """`up`: what the items rely on; otherwise what relies on them. `past`: `at` is not now."""
    edges = FAILURES.back if up else FAILURES
    found = await reached(database, edges, items, at, depth=depth, most=most)
    parameters: dict[str, Any] = {"ids": [*found.starts, *found.steps]}
    rows = await database.rows(ITEMS_THEN if past else ITEMS, parameters | {"at": at})
    ways = await database.rows(EDGES, {"ids": [step.edge for step in found.steps.values()]}) if found.steps else ()
    return Impact(found, {row.id: row for row in rows}, {row.id: row for row in ways})
