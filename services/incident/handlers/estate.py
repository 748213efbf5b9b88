"""What the incident desk keeps of configuration and change management: the graph that a failure spreads in (INC-3), and
what was altered in it lately (INC-12)."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from contracts.change import ChangeFact
from contracts.cmdb import ItemFact, RelationshipFact
from services.incident.queries.rows import as_json
from shared.events.handling import Delivery, Work

KEEP_ITEMS = text(
    "INSERT INTO known_item (id, name, type, nature, status, criticality, owner) "
    "SELECT id, name, type, nature, status, criticality, owner FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
    "AS given (id uuid, name text, type text, nature text, status text, criticality smallint, owner text) "
    "ORDER BY id ON CONFLICT (id) DO UPDATE SET name = excluded.name, type = excluded.type, nature = excluded.nature, "
    "status = excluded.status, criticality = excluded.criticality, owner = excluded.owner"
)
KEEP_DEPENDENCIES = text(
    "INSERT INTO dependency (id, provider, dependent, valid_from, valid_to) "
    "SELECT id, provider, dependent, valid_from, valid_to FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
    "AS given (id uuid, provider uuid, dependent uuid, valid_from timestamptz, valid_to timestamptz) "
    "ORDER BY id ON CONFLICT (id) DO UPDATE SET provider = excluded.provider, dependent = excluded.dependent, "
    "valid_from = excluded.valid_from, valid_to = excluded.valid_to"
)
# When it really started and ended is said by some events; what the others do not say stays as it is known.
KEEP_CHANGES = text(
    "INSERT INTO recent_change AS known (id, number, state, title, service, items, started_at, ended_at) "
    "SELECT id, number, state, title, service, items, started_at, ended_at "
    "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (id uuid, number text, state text, title text, "
    "service text, items text[], started_at timestamptz, ended_at timestamptz) "
    "ORDER BY id ON CONFLICT (id) DO UPDATE SET state = excluded.state, title = excluded.title, "
    "service = excluded.service, items = excluded.items, started_at = coalesce(excluded.started_at, known.started_at), "
    "ended_at = coalesce(excluded.ended_at, known.ended_at)"
)
ITEM = ("type", "nature", "status", "criticality", "owner")
EDGE = ("provider", "dependent", "valid_from", "valid_to")


async def items(deliveries: Sequence[Delivery[ItemFact]], work: Work) -> None:
    """One row an item, as it is after the last of its events."""
    rows = {
        each.message.aggregate_id: {"id": each.message.aggregate_id, "name": each.event.ci}
        | {name: getattr(each.event, name) for name in ITEM}
        for each in deliveries
    }
    await work.transaction.execute(KEEP_ITEMS, {"rows": as_json(rows.values())})


async def dependencies(deliveries: Sequence[Delivery[RelationshipFact]], work: Work) -> None:
    """One row a relationship; one that was removed stays, with its end: what held at an instant can be asked."""
    rows = {
        each.message.aggregate_id: {"id": each.message.aggregate_id}
        | {name: getattr(each.event, name) for name in EDGE}
        for each in deliveries
    }
    await work.transaction.execute(KEEP_DEPENDENCIES, {"rows": as_json(rows.values())})


async def changes(deliveries: Sequence[Delivery[ChangeFact]], work: Work) -> None:
    """One row a change, as it is after the last of its events."""
    rows: dict[UUID, dict[str, Any]] = {}
    for each in deliveries:
        message, event = each.message, each.event
        row = rows.setdefault(message.aggregate_id, {"started_at": None, "ended_at": None})
        row |= {"id": message.aggregate_id, "number": message.subject, "state": event.state, "title": event.title}
        row |= {"service": event.service, "items": event.items}
        for name in ("started_at", "ended_at"):
            if (value := getattr(event, name, None)) is not None:
                row[name] = value
    await work.transaction.execute(KEEP_CHANGES, {"rows": as_json(rows.values())})
