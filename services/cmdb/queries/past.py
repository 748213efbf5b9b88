"""What was: an item, or all items and relationships, as of any past instant (CFG-5).

An item's events each hold the whole item, so its newest event up to the instant is its state then, found by the log's
own index over the few events of one item. Relationships keep the interval in which they held. No copy of the graph is
kept for any instant, and the cost is that of the page (docs/decisions/0011).
"""

from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from shared.database import Database

ITEM_THEN = text(
    "SELECT aggregate_id AS id, subject AS number, sequence AS version, occurred AS since, data FROM event "
    "WHERE aggregate_id = :id AND occurred <= :at ORDER BY sequence DESC LIMIT 1"
)
# Ids are in the order of time, so a page's last id is where the next one goes on.
ITEMS_THEN = text(
    "SELECT item.id, item.number, past.version, past.since, past.data "
    "FROM (SELECT id, number FROM configuration_item WHERE id > :after AND registered_at <= :at "
    "ORDER BY id LIMIT :limit) AS item, "
    "LATERAL (SELECT sequence AS version, occurred AS since, data FROM event "
    "WHERE aggregate_id = item.id AND occurred <= :at ORDER BY sequence DESC LIMIT 1) AS past ORDER BY item.id"
)
RELATIONSHIPS_THEN = text(
    "SELECT id, number, kind, source, source_ci, target, target_ci, provider, dependent, valid_from, origin "
    "FROM relationship WHERE id > :after AND valid_from <= :at AND (valid_to IS NULL OR valid_to > :at) "
    "ORDER BY id LIMIT :limit"
)


def item_of(row: Any) -> dict[str, Any]:
    """An item as its event tells it."""
    told: dict[str, Any] = msgspec.json.decode(row.data)
    for name in ("changes", "change", "previous_status", "reason", "fields"):
        told.pop(name, None)
    head = {"id": row.id, "number": row.number, "version": row.version, "since": row.since, "name": told.pop("ci")}
    return head | told


async def item_then(database: Database, id: UUID, at: datetime) -> dict[str, Any] | None:
    """The item as it was; None where it was not registered yet."""
    rows = await database.rows(ITEM_THEN, {"id": id, "at": at})
    return item_of(rows[0]) if rows else None


async def items_then(database: Database, at: datetime, after: UUID, limit: int) -> list[dict[str, Any]]:
    rows = await database.rows(ITEMS_THEN, {"at": at, "after": after, "limit": limit})
    return [item_of(row) for row in rows]


async def relationships_then(database: Database, at: datetime, after: UUID, limit: int) -> Sequence[dict[str, Any]]:
    rows = await database.rows(RELATIONSHIPS_THEN, {"at": at, "after": after, "limit": limit})
    return [dict(row.items()) for row in rows]
