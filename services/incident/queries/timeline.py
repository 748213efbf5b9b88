"""What happened to an incident or a major incident, from its events; and how much of that its customer is told."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from contracts import incident as it
from contracts.envelope import Message
from contracts.incident_care import CustomerInformed, OutageRecorded
from contracts.major_incident import MajorIncidentDeclared, MajorIncidentStoodDown, MajorUpdateSent
from shared.database import Database
from shared.http.timeline import entry as timeline_entry

EVENTS = text(
    "SELECT sequence, type, occurred, recorded, actor, data FROM event WHERE aggregate_id = :id AND sequence > :after "
    "AND (CAST(:types AS text[]) IS NULL OR type = ANY(CAST(:types AS text[]))) "
    # Of comments, and of updates of a major incident.
    "AND (:internal OR (coalesce(CAST(data AS json) ->> 'internal', 'false') = 'false' "
    "AND coalesce(CAST(data AS json) ->> 'audience', 'customers') <> 'internal')) "
    "ORDER BY sequence LIMIT :limit"
)
COMMENTED = it.IncidentCommented.wire_type()

# What a customer's contact reads of each event; an event or a field that is not named here is staff's. Notes and
# reasons that staff write to each other are left out, and so are ids of other records.
FACTS = ("kind", "state", "priority", "service", "category")
MAJOR_FACTS = ("incident", "incident_number", "state", "title", "service", "manager", "declared_at", "next_update_due")
TOLD: Mapping[str, tuple[str, ...]] = {
    event.wire_type(): (*FACTS, *fields)
    for event, fields in (
        (it.IncidentOpened, ("title", "description", "impact", "urgency", "channel", "caller", "occurred_at",
                             "detected_at", "recorded_at", "opened_at", "organisation")),
        (it.IncidentAssigned, ("group", "assignee")),
        (it.IncidentStarted, ()),
        (it.IncidentWaiting, ("reason",)),
        (it.IncidentResumed, ("waited_for",)),
        (it.IncidentResolved, ("resolution_code", "note", "close_due_at")),
        (it.IncidentConfirmed, ()),
        (it.IncidentReopened, ("reason", "reopened_from", "reopen_count")),
        (it.IncidentClosed, ("confirmed_by", "closure_code", "resolution_code", "resolved_at", "reopen_count")),
        (it.IncidentCancelled, ("reason",)),
        (it.IncidentPrioritised, ("impact", "urgency", "previous_priority", "overridden")),
        (it.IncidentCommented, ("text",)),
        (it.IncidentClassified, ()),
        (it.IncidentEdited, ("changes",)),
        (CustomerInformed, ("text", "next_update_due", "warning")),
        (OutageRecorded, ("affected_service", "began_at", "ended_at", "degree", "planned", "withdrawn")),
    )
} | {
    MajorIncidentDeclared.wire_type(): (*MAJOR_FACTS, "criterion", "update_every_minutes"),
    MajorUpdateSent.wire_type(): (*MAJOR_FACTS, "text", "audience"),
    MajorIncidentStoodDown.wire_type(): (*MAJOR_FACTS, "stood_down_at"),
}  # fmt: skip


def told(message: Message) -> bool:
    """Whether a customer's contact hears that this happened to a record of its organisation."""
    if message.type not in (COMMENTED, MajorUpdateSent.wire_type()):
        return message.type in TOLD
    content = msgspec.json.decode(message.data)
    return not content.get("internal") and content.get("audience") != "internal"


async def timeline(database: Database, id: UUID, after: int, limit: int, *, customer: bool) -> list[dict[str, Any]]:
    """Up to `limit` entries with a sequence above `after`, in order."""
    types = sorted(TOLD) if customer else None
    return [entry(row, customer) for row in await events(database, id, after, limit, types, internal=not customer)]


async def comments(database: Database, id: UUID, after: int, limit: int, *, customer: bool) -> list[dict[str, Any]]:
    """Likewise, comments alone."""
    found = await events(database, id, after, limit, [COMMENTED], internal=not customer)
    return [
        {"sequence": row.sequence, "at": row.occurred, "author": row.actor, "text": data["text"],
         "internal": data["internal"]}
        for row, data in ((row, msgspec.json.decode(row.data)) for row in found)
    ]  # fmt: skip


async def events(
    database: Database, id: UUID, after: int, limit: int, types: Sequence[str] | None, *, internal: bool
) -> Sequence[Any]:
    wanted = {"id": id, "after": after, "limit": limit, "types": types, "internal": internal}
    return await database.rows(EVENTS, wanted)


def entry(row: Any, customer: bool) -> dict[str, Any]:
    if not customer:
        return timeline_entry(row)
    known = msgspec.json.decode(row.data)
    return timeline_entry(row, {name: known[name] for name in TOLD[row.type] if name in known})
