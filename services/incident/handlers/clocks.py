"""What the incident desk does about the clocks of agreements: it marks the record whose promise is in danger, and has
its customer told before the time is over (INC-7).

What was played in as history endangers nothing any more and is passed over.
"""

from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text

from contracts.sla import ClockBreached, ClockFact, ClockReopened, ClockRetargeted, ClockWarned
from services.incident.domain.informing import Danger, endangered
from services.incident.queries.rows import as_json
from services.incident.queries.rules import in_force
from services.incident.rules import INFORM, UNDECLARED, InformPolicy
from services.incident.tables import Incident
from shared.events.handling import Delivery, Work

# Of the thousands of clocks only those are kept that are in danger, or were. A stopped clock has no limit any more: the
# one that it ran towards stays known.
KEEP = text(
    "INSERT INTO sla_clock AS known (id, record, target, state, outcome, due_at, fraction) "
    "SELECT id, record, target, state, outcome, due_at, coalesce(fraction, 0) "
    "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (id uuid, record uuid, target text, state text, "
    "outcome text, due_at timestamptz, fraction float8, endangered boolean) "
    "WHERE endangered OR EXISTS (SELECT FROM sla_clock WHERE sla_clock.id = given.id) "
    "ORDER BY id ON CONFLICT (id) DO UPDATE SET target = excluded.target, state = excluded.state, "
    "outcome = excluded.outcome, due_at = CASE WHEN excluded.state = 'stopped' THEN "
    "coalesce(excluded.due_at, known.due_at) ELSE excluded.due_at END, fraction = CASE WHEN "
    "excluded.id = ANY(CAST(:silent AS uuid[])) THEN known.fraction ELSE excluded.fraction END"
)
# Worst first: what is exceeded before what is nearly so, and of those the one whose time is over first.
DANGERS = text(
    "SELECT DISTINCT ON (record) record, target, due_at, "
    "CASE outcome WHEN 'missed' THEN 'breached' ELSE 'at_risk' END AS danger FROM sla_clock "
    "WHERE record = ANY(CAST(:records AS uuid[])) AND state <> 'cancelled' "
    "AND (outcome = 'missed' OR (outcome = 'pending' AND fraction > 0)) "
    "ORDER BY record, outcome = 'missed' DESC, due_at NULLS LAST, id"
)
MARKED = text("SELECT id FROM incident WHERE id = ANY(CAST(:records AS uuid[])) AND sla_state IS NOT NULL")


def live(deliveries: Iterable[Delivery[ClockFact]]) -> list[Delivery[ClockFact]]:
    return [each for each in deliveries if not each.message.historical]


async def clocks(deliveries: Sequence[Delivery[ClockFact]], work: Work) -> None:
    """One row a clock that was warned of or has breached, as it is after the last of its events."""
    rows: dict[UUID, dict[str, Any]] = {}
    for each in live(deliveries):
        event, id = each.event, each.message.aggregate_id
        row = rows.setdefault(id, {"id": id, "fraction": None, "endangered": False, "due_at": None})
        stopped_towards = row["due_at"] if event.state == "stopped" else None
        row |= {"record": event.record, "target": event.target, "state": event.state, "outcome": event.outcome}
        row["due_at"] = event.due_at or stopped_towards
        match event:
            case ClockWarned():
                row |= {"fraction": event.fraction, "endangered": True}
            case ClockBreached():
                row |= {"fraction": 1.0, "endangered": True}
            # It runs to another limit now, and is warned of anew.
            case ClockRetargeted() | ClockReopened(rule="restart"):
                row["fraction"] = 0.0
    if rows:
        silent = [id for id, row in rows.items() if row["fraction"] is None]
        await work.transaction.execute(KEEP, {"rows": as_json(rows.values()), "silent": silent})


async def follow_clocks(deliveries: Sequence[Delivery[ClockFact]], work: Work) -> None:
    """Mark the records whose agreed time is in danger, unmark those where it is not any more; by the inform policy the
    customer of one that is warned of or breached has to be told soon."""
    transaction, last = work.transaction, {each.event.record: each for each in live(deliveries)}
    if not last:
        return
    records = sorted(last)
    dangers = {
        row.record: Danger(row.danger, row.target, row.due_at)
        for row in await transaction.execute(DANGERS, {"records": records})
    }
    marked = set((await transaction.execute(MARKED, {"records": records})).scalars())
    incidents = await transaction.load_many(Incident, marked | dangers.keys())
    if not incidents:
        return
    policy = await in_force(transaction, INFORM, InformPolicy, work.now, UNDECLARED)
    warned = {
        each.event.record
        for each in live(deliveries)
        if (isinstance(each.event, ClockWarned) and policy.warns(each.event.fraction))
        or (isinstance(each.event, ClockBreached) and policy.warns(1.0))
    }
    for id, incident in incidents.items():
        tell_by = work.now + policy.warn_within if id in warned and id in dangers else None
        events = endangered(incident, dangers.get(id), tell_by)
        if events:
            transaction.record(incident, events, last[id].cause(work.now))
