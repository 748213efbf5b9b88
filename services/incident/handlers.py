"""What the incident desk keeps of other services' facts: the state and workaround of every problem (PRB-8)."""

from collections.abc import Sequence
from typing import Any

import msgspec
from sqlalchemy import text

from contracts import problem as it
from services.incident.tables import KnownProblem
from shared.events.handling import Delivery, Handlers, Projection, Work

# What an event does not say stays as it is known.
KEEP = text(
    "INSERT INTO known_problem AS known (id, number, state, title, workaround, changed_at) "
    "SELECT id, number, state, title, workaround, changed_at FROM jsonb_to_recordset(CAST(:rows AS jsonb)) "
    "AS given (id uuid, number text, state text, title text, workaround text, changed_at timestamptz) "
    "ORDER BY id ON CONFLICT (id) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at, "
    "title = coalesce(excluded.title, known.title), workaround = coalesce(excluded.workaround, known.workaround)"
)


async def problems(deliveries: Sequence[Delivery[it.ProblemFact]], work: Work) -> None:
    """One row a problem, as it is after the last of its events."""
    rows: dict[str, dict[str, Any]] = {}
    for delivery in deliveries:
        message, event = delivery.message, delivery.event
        row = rows.setdefault(str(message.aggregate_id), {"title": None, "workaround": None})
        row |= {"id": message.aggregate_id, "number": message.subject}
        row |= {"state": event.state, "changed_at": message.occurred}
        for name in ("title", "workaround"):
            if (value := getattr(event, name, None)) is not None:
                row[name] = value
    await work.transaction.execute(KEEP, {"rows": msgspec.json.encode(list(rows.values())).decode()})


HANDLERS: Handlers = (
    Projection(
        problems,
        (
            it.ProblemOpened,
            it.ProblemStarted,
            it.WorkaroundRecorded,
            it.ProblemWaiting,
            it.ProblemResumed,
            it.ProblemResolved,
            it.ProblemReopened,
            it.ProblemClosed,
            it.ProblemCancelled,
            it.ProblemStatusChanged,
        ),
        (KnownProblem.__table__,),
    ),
)
