"""The forward schedule of change, and which services each change of it is felt by (CHG-6)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import text

from contracts.change import ScheduledChange
from services.change.rules.windows import joined
from services.change.tables import LIVE, PLANNED
from shared.database.graph import Rows
from shared.errors import Invalid

MOST = 2000
"""So many changes fit into one answer; where there are more, less time has to be asked for."""

# Every service that an item of a change is, or whose failure it would be, for all changes of the span at once. UNION
# keeps each (change, item) once, so cycles end.
SCHEDULE = (
    "WITH RECURSIVE planned AS (SELECT * FROM change WHERE {range} && tstzrange(:begins, :ends) "
    "AND planned_start IS NOT NULL {which} "
    "ORDER BY planned_start, id LIMIT :most + 1), "
    "felt (change, item) AS (SELECT planned.id, known.id FROM planned JOIN known_item AS known "
    "ON known.name = ANY(planned.items) UNION SELECT felt.change, edge.dependent FROM felt "
    "JOIN known_relationship AS edge ON edge.provider = felt.item "
    "AND edge.valid_from <= :now AND (edge.valid_to IS NULL OR edge.valid_to > :now)), "
    "services AS (SELECT felt.change, array_agg(known.name ORDER BY known.name) AS names FROM felt "
    "JOIN known_item AS known ON known.id = felt.item AND known.nature = 'service' GROUP BY felt.change) "
    "SELECT planned.id, planned.number, planned.version, planned.title, planned.description, planned.change_class, "
    "planned.state, planned.service, planned.items AS touched, planned.planned_start, planned.planned_end, "
    "planned.outage_minutes, planned.requested_at, coalesce(services.names, '{{}}') AS names "
    "FROM planned LEFT JOIN services ON services.change = planned.id ORDER BY planned.planned_start, planned.id"
)
FORWARD = text(SCHEDULE.format(range=PLANNED, which=f"AND {LIVE}"))
LOOKED_AT = text(SCHEDULE.format(range=PLANNED, which="AND state NOT IN ('rejected', 'cancelled')"))
WHOLE = text(SCHEDULE.format(range=PLANNED, which=""))


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of the schedule, and what a calendar needs beside it."""

    line: ScheduledChange
    version: int
    description: str
    requested_at: datetime


async def entries(
    database: Rows, statement: object, begins: datetime, ends: datetime, now: datetime, service: str | None = None
) -> list[Entry]:
    """The changes whose windows meet this span, in their order. Raises Invalid where they are more than fit."""
    rows = await database.rows(statement, {"begins": begins, "ends": ends, "now": now, "most": MOST})  # type: ignore[arg-type]  # one of those above
    if len(rows) > MOST:
        raise Invalid.field("until", f"more than {MOST} changes: ask for less time")
    found = [
        Entry(
            ScheduledChange(
                change=row.id,
                number=row.number,
                title=row.title,
                change_class=row.change_class,
                state=row.state,
                service=row.service,
                items=tuple(row.touched),
                affected_services=tuple(sorted({*row.names, *([row.service] if row.service else [])})),
                planned_start=row.planned_start,
                planned_end=row.planned_end,
                outage_minutes=row.outage_minutes,
            ),
            row.version,
            row.description,
            row.requested_at,
        )
        for row in rows
    ]
    return [each for each in found if service is None or service in each.line.affected_services]


@dataclass
class Outlook:
    """What is planned to be unavailable of one service, in a span."""

    service: str
    changes: list[str] = field(default_factory=list)
    window_minutes: int = 0
    outage_minutes: int = 0
    availability: float = 100.0


def outlook(lines: Sequence[ScheduledChange], begins: datetime, ends: datetime) -> list[Outlook]:
    """Projected availability, the worst first.

    A change counts with the outage that it states, or with its whole window where it states none, as far as either lies
    in the span. Windows that overlap cannot take a service away twice, so their union is the most that is counted.
    """
    by_service: dict[str, list[ScheduledChange]] = {}
    for line in lines:
        for service in line.affected_services:
            by_service.setdefault(service, []).append(line)
    found = [_outlook(service, each, begins, ends) for service, each in by_service.items()]
    return sorted(found, key=lambda each: (-each.outage_minutes, each.service))


def _outlook(service: str, lines: Sequence[ScheduledChange], begins: datetime, ends: datetime) -> Outlook:
    inside: Mapping[str, tuple[datetime, datetime]] = {
        line.number: (max(line.planned_start, begins), min(line.planned_end, ends)) for line in lines
    }
    union = sum((last - first for first, last in joined(inside.values())), timedelta())
    stated = timedelta()
    for line in lines:
        first, last = inside[line.number]
        whole = last - first
        stated += whole if line.outage_minutes is None else min(whole, timedelta(minutes=line.outage_minutes))
    outage = min(stated, union)
    return Outlook(
        service=service,
        changes=list(inside),
        window_minutes=round(union / timedelta(minutes=1)),
        outage_minutes=round(outage / timedelta(minutes=1)),
        availability=round(100 * (1 - outage / (ends - begins)), 4),
    )
