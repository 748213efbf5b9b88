"""What configuration management keeps of incidents, problems and changes, by the items that they name."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from sqlalchemy import text

from contracts.change import ChangeFact
from contracts.envelope import events_of
from contracts.incident import IncidentEdited, IncidentFact, IncidentOpened
from contracts.problem import ProblemEdited, ProblemFact, ProblemOpened
from services.cmdb.tables import KnownRecord
from shared.events.handling import Delivery, Handlers, Projection, Work

# States in which nothing is to be done any more.
OVER = frozenset({"closed", "cancelled", "rejected"})
# A null title leaves what is known.
KEEP = text(
    "INSERT INTO known_record AS known (id, kind, number, title, state, open, priority, items, planned_start, "
    "planned_end) SELECT id, kind, number, title, state, open, priority, "
    "ARRAY(SELECT json_array_elements_text(items)), planned_start, planned_end "
    "FROM unnest(CAST(:id AS uuid[]), CAST(:kind AS text[]), CAST(:number AS text[]), CAST(:title AS text[]), "
    "CAST(:state AS text[]), CAST(:open AS boolean[]), CAST(:priority AS smallint[]), CAST(:items AS json[]), "
    "CAST(:planned_start AS timestamptz[]), CAST(:planned_end AS timestamptz[])) AS given "
    "(id, kind, number, title, state, open, priority, items, planned_start, planned_end) "
    "ON CONFLICT (id) DO UPDATE SET title = coalesce(excluded.title, known.title), state = excluded.state, "
    "open = excluded.open, priority = excluded.priority, items = excluded.items, "
    "planned_start = excluded.planned_start, planned_end = excluded.planned_end"
)


async def keep_records(deliveries: Sequence[Delivery[Any]], work: Work) -> None:
    """Keep what each record is called, how it stands and which items it names: all of its events say so."""
    rows: dict[UUID, dict[str, Any]] = {}
    for delivery in deliveries:
        event, message = delivery.event, delivery.message
        row = rows.setdefault(message.aggregate_id, {"id": message.aggregate_id, "number": message.subject})
        row |= {"title": row.get("title"), "priority": None, "planned_start": None, "planned_end": None}
        row |= {"state": event.state, "open": event.state not in OVER}
        match event:
            case ChangeFact():
                row |= {"kind": "change", "title": event.title, "items": named(*event.items, event.service)}
                row |= {"planned_start": event.planned_start, "planned_end": event.planned_end}
            case IncidentFact():
                row |= {"kind": "incident", "priority": event.priority, "items": named(event.ci, event.service)}
            case ProblemFact():
                row |= {"kind": "problem", "priority": event.priority, "items": named(event.ci, event.service)}
        match event:
            case IncidentOpened() | ProblemOpened():
                row["title"] = event.title
            case IncidentEdited() | ProblemEdited() if "title" in event.changes:
                row["title"] = event.changes["title"].after
    # In the order of their ids, as everybody who locks several rows does.
    ordered = [rows[id] for id in sorted(rows)]
    columns: dict[str, Any] = {name: [row[name] for row in ordered] for name in ordered[0]}
    await work.transaction.execute(KEEP, columns)


def named(*names: str | None) -> str:
    """The names that were given, each once, as JSON."""
    return msgspec.json.encode(list(dict.fromkeys(name for name in names if name))).decode()


HANDLERS: Handlers = (
    Projection(
        keep_records,
        (*events_of(ChangeFact), *events_of(IncidentFact), *events_of(ProblemFact)),
        (KnownRecord.__table__,),
    ),
)
