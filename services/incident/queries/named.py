"""Records of other services that an order names by their ids: their numbers, as those services last told."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import text

from services.incident.domain.desk import Named
from shared.database import Database
from shared.errors import Invalid

CHANGE = text("SELECT number FROM recent_change WHERE id = :id")
ERROR = text("SELECT number, state, valid_from, valid_to FROM known_error WHERE id = :id")


async def change(database: Database, id: UUID) -> Named:
    """Raises Invalid where change management has told of no such change."""
    found = await database.rows(CHANGE, {"id": id})
    if not found:
        raise Invalid.field("change", f"nothing was heard of a change {id} yet")
    return Named(id, found[0].number)


async def known_error(database: Database, id: UUID, at: datetime) -> Named:
    """Raises Invalid where problem management has told of no such known error, or it is not to be used now."""
    found = await database.rows(ERROR, {"id": id})
    if not found:
        raise Invalid.field("known_error", f"nothing was heard of a known error {id} yet")
    (row,) = found
    if row.state != "published":
        raise Invalid.field("known_error", f"{row.number} is {row.state}")
    if row.valid_from > at or (row.valid_to is not None and row.valid_to <= at):
        until = f" until {row.valid_to.isoformat()}" if row.valid_to else ""
        raise Invalid.field("known_error", f"{row.number} is valid from {row.valid_from.isoformat()}{until}")
    return Named(id, row.number)
