"""What is going on around an item: the change that an order names, and the open records that name the item."""

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.cmdb.rules.control import Approval
from shared.database import Transaction
from shared.database.graph import Rows

CHANGE = text(
    "SELECT number, state, items, planned_start, planned_end FROM known_record "
    "WHERE number = :number AND kind = 'change'"
)
OPEN = text(
    "SELECT id, kind, number, title, state, priority, planned_start, planned_end FROM known_record "
    "WHERE open AND items @> ARRAY[CAST(:name AS text)] ORDER BY kind, id DESC LIMIT :limit"
)
# Who relies on an item: a team is told when what it owns goes, it does not need it.
DEPENDENTS = text(
    "SELECT DISTINCT item.name FROM relationship JOIN configuration_item AS item ON item.id = relationship.dependent "
    "WHERE relationship.provider = ANY(CAST(:items AS uuid[])) AND relationship.valid_to IS NULL "
    "AND item.status IN ('live', 'maintenance') AND item.nature <> 'team' "
    "AND item.id <> ALL(CAST(:items AS uuid[])) ORDER BY item.name"
)
HELD = text(
    "SELECT id FROM relationship WHERE valid_to IS NULL "
    "AND (provider = ANY(CAST(:items AS uuid[])) OR dependent = ANY(CAST(:items AS uuid[])))"
)
NAMED = text("SELECT id, name FROM configuration_item WHERE name = ANY(CAST(:names AS text[]))")


async def approval(database: Rows, number: str | None) -> Approval | None:
    """What is known of the change of this number; None where nothing is."""
    rows = await database.rows(CHANGE, {"number": number}) if number else ()
    return Approval(rows[0][0], rows[0][1], rows[0][2], rows[0][3], rows[0][4]) if rows else None


async def open_records(database: Rows, name: str, limit: int) -> list[dict[str, Any]]:
    """The open incidents, problems and changes that name an item."""
    return [dict(row._mapping) for row in await database.rows(OPEN, {"name": name, "limit": limit})]


async def dependents(transaction: Transaction, items: Iterable[UUID]) -> list[str]:
    """The names of the items in service that depend on one of these, and are none of these."""
    return [row.name for row in await transaction.execute(DEPENDENTS, {"items": list(items)})]


async def held(transaction: Transaction, items: Iterable[UUID]) -> list[UUID]:
    """The relationships that hold and touch one of these items."""
    return [row.id for row in await transaction.execute(HELD, {"items": list(items)})]


async def ids(database: Rows, names: Iterable[str]) -> dict[str, UUID]:
    """The ids of the items of these names, as far as there are such."""
    return {row.name: row.id for row in await database.rows(NAMED, {"names": list(names)})}
