"""What the incident desk keeps of problem management: the state and workaround of every problem (PRB-8), and the known
errors that it may use (INC-4)."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import text

from contracts.known_error import KnownErrorFact
from contracts.problem import ProblemEdited, ProblemFact
from services.incident.queries.rows import as_json
from shared.events.handling import Delivery, Work

# What an event does not say stays as it is known.
KEEP_PROBLEMS = text(
    "INSERT INTO known_problem AS known (id, number, state, title, workaround, service, ci, changed_at) "
    "SELECT id, number, state, title, workaround, service, ci, changed_at "
    "FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (id uuid, number text, state text, title text, "
    "workaround text, service text, ci text, changed_at timestamptz) "
    "ORDER BY id ON CONFLICT (id) DO UPDATE SET state = excluded.state, changed_at = excluded.changed_at, "
    "service = excluded.service, ci = excluded.ci, "
    "title = coalesce(excluded.title, known.title), workaround = coalesce(excluded.workaround, known.workaround)"
)
KEEP_ERRORS = text(
    "INSERT INTO known_error (id, number, state, problem, problem_number, title, symptom, workaround, items, service, "
    "category, valid_from, valid_to) "
    "SELECT id, number, state, problem, problem_number, title, symptom, workaround, items, service, category, "
    "valid_from, valid_to FROM jsonb_to_recordset(CAST(:rows AS jsonb)) AS given (id uuid, number text, state text, "
    "problem uuid, problem_number text, title text, symptom text, workaround text, items text[], service text, "
    "category text, valid_from timestamptz, valid_to timestamptz) "
    "ORDER BY id ON CONFLICT (id) DO UPDATE SET state = excluded.state, problem = excluded.problem, "
    "problem_number = excluded.problem_number, title = excluded.title, symptom = excluded.symptom, "
    "workaround = excluded.workaround, items = excluded.items, service = excluded.service, "
    "category = excluded.category, valid_from = excluded.valid_from, valid_to = excluded.valid_to"
)
ERROR = (
    "state", "problem", "problem_number", "title", "symptom", "workaround", "items", "service", "category",
    "valid_from", "valid_to",
)  # fmt: skip


async def problems(deliveries: Sequence[Delivery[ProblemFact]], work: Work) -> None:
    """One row a problem, as it is after the last of its events."""
    rows: dict[str, dict[str, Any]] = {}
    for delivery in deliveries:
        message, event = delivery.message, delivery.event
        row = rows.setdefault(str(message.aggregate_id), {"title": None, "workaround": None})
        row |= {"id": message.aggregate_id, "number": message.subject}
        row |= {"state": event.state, "changed_at": message.occurred, "service": event.service, "ci": event.ci}
        for name in ("title", "workaround"):
            if (value := getattr(event, name, None)) is not None:
                row[name] = value
        if isinstance(event, ProblemEdited) and "title" in event.changes:
            row["title"] = event.changes["title"].after
    await work.transaction.execute(KEEP_PROBLEMS, {"rows": as_json(rows.values())})


async def known_errors(deliveries: Sequence[Delivery[KnownErrorFact]], work: Work) -> None:
    """One row a known error; each of its events says all of it."""
    rows = {
        each.message.aggregate_id: {"id": each.message.aggregate_id, "number": each.message.subject}
        | {name: getattr(each.event, name) for name in ERROR}
        for each in deliveries
    }
    await work.transaction.execute(KEEP_ERRORS, {"rows": as_json(rows.values())})
