"""What happened to a record, read from its events: the same for the records of every service."""

from typing import Annotated, Any
from uuid import UUID

import msgspec
from pydantic import AwareDatetime, BaseModel, Field
from sqlalchemy import text
from starlette.responses import Response

from contracts.envelope import registry
from shared.database.records import R
from shared.http.ask import JSON, Ask
from shared.http.query import Pages

EVENTS = text(
    "SELECT sequence, type, occurred, recorded, actor, data FROM event "
    "WHERE aggregate_id = :id AND sequence > :after ORDER BY sequence LIMIT :limit"
)


class Entry(BaseModel):
    """One event: when it happened and when it was written down, who did it, and what it says."""

    sequence: int
    event: str
    at: AwareDatetime
    recorded: AwareDatetime
    actor: str
    data: dict[str, Any]


class Timeline(BaseModel):
    items: list[Entry]
    next: str | None


class TimelineQuery(Pages):
    """Entries come in the order of their sequence."""

    cursor: Annotated[str, Field(pattern=r"^[0-9]{1,9}$")] | None = None

    @property
    def after(self) -> int:
        return int(self.cursor or 0)


def entry(row: Any, data: Any = None) -> dict[str, Any]:
    """A row of the event log as an entry; its body as it is unless `data` is given in its place."""
    return {
        "sequence": row.sequence,
        "event": registry()[row.type].name,
        "at": row.occurred,
        "recorded": row.recorded,
        "actor": row.actor,
        "data": msgspec.Raw(row.data.encode()) if data is None else data,
    }


def following(items: list[dict[str, Any]], limit: int) -> Response:
    """A page of what was read with one more than the limit."""
    shown = items[:limit]
    after = str(shown[-1]["sequence"]) if len(items) > limit else None
    return Response(msgspec.json.encode({"items": shown, "next": after}), media_type=JSON)


async def timeline_of(ask: Ask, cls: type[R], id: UUID, query: TimelineQuery) -> Response:
    """A page of the timeline of a record that this caller may see. Raises NotFound where there is none."""
    await ask.load(cls, id)
    rows = await ask.database.rows(EVENTS, {"id": id, "after": query.after, "limit": query.limit + 1})
    return following([entry(row) for row in rows], query.limit)
