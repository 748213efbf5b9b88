"""Problems and the incidents that they are behind."""

from collections.abc import Iterable
from uuid import UUID

from sqlalchemy import text

from services.problem.tables import SEARCHED
from shared.database import Database
from shared.database.page import Listing

SHOWN = (
    "id", "number", "version", "state", "waiting_reason", "source", "title", "description", "frequency", "impact",
    "cost", "priority", "priority_overridden", "organisation", "service", "ci", "category", "group", "assignee",
    "recurrences", "last_recurrence_at", "workaround", "workaround_at", "change_request", "change_requested_at",
    "opened_at", "taken_up_at", "resolved_at", "closed_at", "resolution_code", "resolution_note", "cause",
    "closure_code", "reopen_count", "reassignment_count", "cause_known", "cause_code", "cause_method",
    "cause_evidence", "cause_accepted_by", "cause_identified_at", "change", "change_number", "change_state", "fixed_at",
    "proof", "verdict", "evaluated_at", "incidents_before", "incidents_after", "review_reasons", "reviewed_at",
)  # fmt: skip

NEEDS_REVIEW = "(cardinality(problem.review_reasons) > 0 AND problem.reviewed_at IS NULL)"

PROBLEMS = Listing(
    source="problem",
    shown={
        **{name: f'problem."{name}"' for name in SHOWN},
        "incidents_count": "cardinality(problem.incidents)",
        "needs_review": NEEDS_REVIEW,
    },
    filters={
        "state": ("state", "in"),
        "open": ("open", "eq"),
        "source": ("source", "in"),
        "priority": ("priority", "in"),
        "service": ("service", "eq"),
        "ci": ("ci", "eq"),
        "category": ("category", "eq"),
        "group": ('"group"', "eq"),
        "assignee": ("assignee", "eq"),
        "organisation": ("organisation", "eq"),
        "recurred": ("(recurrences > 0)", "eq"),
        "change": ("change", "eq"),
        "cause_known": ("cause_known", "eq"),
        "needs_review": (NEEDS_REVIEW, "eq"),
        "verdict": ("verdict", "in"),
        # The first half is what the index on the array answers; the second is true and gives `eq` its two sides.
        "incident": ("incidents @> ARRAY[CAST(:f_incident AS uuid)] AND CAST(:f_incident AS uuid)", "eq"),
        "opened_after": ("opened_at", "gte"),
        "opened_before": ("opened_at", "lt"),
        "q": (SEARCHED, "search"),
    },
    sorts={
        "opened_at": ("opened_at", "timestamptz"),
        "number": ("number", "text"),
        "recurrences": ("recurrences", "int"),
        # What is not prioritised yet comes after everything that is.
        "priority": ("coalesce(priority, 6)", "int"),
    },
    default="-opened_at",
    chosen={"allowed_actions": "state"},
)

KNOWN = (
    "id", "number", "kind", "state", "title", "organisation", "priority", "service", "ci", "category", "problem",
    "closings", "opened_at", "closed_at",
)  # fmt: skip

# Every incident that problem management knows of. `stray`: it names a problem that there is not.
INCIDENTS = Listing(
    source="known_incident",
    shown={name: f'known_incident."{name}"' for name in KNOWN},
    filters={
        "state": ("state", "in"),
        "service": ("service", "eq"),
        "ci": ("ci", "eq"),
        "category": ("category", "eq"),
        "problem": ("problem", "eq"),
        "stray": ("(problem IS NOT NULL AND NOT EXISTS "
                  "(SELECT FROM problem AS p WHERE p.id = known_incident.problem))", "eq"),
    },
    sorts={"opened_at": ("opened_at", "timestamptz"), "number": ("number", "text")},
    default="-opened_at",
)  # fmt: skip

# Ids are in the order of time, so a page's last id is where the next one goes on. What was linked before its own
# events came has nothing but its id.
LINKED = text(
    "SELECT coalesce(json_agg(json_build_object('id', id, 'number', number, 'kind', kind, 'state', state, "
    "'title', title, 'organisation', organisation, 'priority', priority, 'service', service, 'ci', ci, 'category', "
    "category, 'closings', coalesce(closings, 0), 'opened_at', opened_at, 'closed_at', closed_at) ORDER BY id) "
    "FILTER (WHERE n <= :limit), '[]')::text, max(n) > :limit, (array_agg(id ORDER BY id) FILTER (WHERE n = :limit))[1]"
    " FROM (SELECT given.id, known.number, known.kind, known.state, known.title, known.organisation, known.priority, "
    "known.service, known.ci, known.category, known.closings, known.opened_at, known.closed_at, "
    "row_number() OVER (ORDER BY given.id) AS n "
    "FROM (SELECT unnest(incidents) AS id FROM problem WHERE id = :problem) AS given "
    "LEFT JOIN known_incident AS known ON known.id = given.id "
    "WHERE given.id > :after ORDER BY given.id LIMIT :limit + 1) AS found"
)
NUMBERS = text("SELECT id, number FROM known_incident WHERE id = ANY(CAST(:ids AS uuid[]))")


async def linked(database: Database, problem: UUID, after: UUID, limit: int) -> tuple[str, UUID | None]:
    """A page of a problem's incidents as JSON text, and the id to go on after where there are more."""
    rows = await database.rows(LINKED, {"problem": problem, "after": after, "limit": limit})
    text, more, last = rows[0]
    return text, last if more else None


async def numbers(database: Database, incidents: Iterable[UUID]) -> dict[UUID, str]:
    """The numbers of these incidents, as far as they are known."""
    ids = list(incidents)
    return {row.id: row.number for row in await database.rows(NUMBERS, {"ids": ids})} if ids else {}
