"""Known errors: their list, what is due of them, and the problem that one is published about."""

from sqlalchemy import text

from services.problem.tables import KNOWN_SEARCHED
from shared.database.page import Listing

SHOWN = (
    "id", "number", "version", "state", "problem", "problem_number", "title", "symptom", "workaround", "items",
    "service", "category", "organisation", "valid_from", "valid_to", "review_at", "overdue_since", "published_at",
    "retired_at", "retired_because",
)  # fmt: skip

KNOWN_ERRORS = Listing(
    source="known_error",
    shown={name: f'known_error."{name}"' for name in SHOWN},
    filters={
        "state": ("state", "in"),
        "problem": ("problem", "eq"),
        # In each of these two the first half filters; the second is true and gives `eq` its two sides.
        "ci": ("items @> ARRAY[CAST(:f_ci AS text)] AND CAST(:f_ci AS text)", "eq"),
        "valid_at": ("valid_from <= CAST(:f_valid_at AS timestamptz) AND "
                     "(valid_to IS NULL OR valid_to > CAST(:f_valid_at AS timestamptz)) AND "
                     "CAST(:f_valid_at AS timestamptz)", "eq"),
        "service": ("service", "eq"),
        "category": ("category", "eq"),
        "review_overdue": ("(overdue_since IS NOT NULL AND state = 'published')", "eq"),
        "q": (KNOWN_SEARCHED, "search"),
    },
    sorts={
        "published_at": ("published_at", "timestamptz"),
        "number": ("number", "text"),
        "review_at": ("review_at", "timestamptz"),
    },
    default="-published_at",
    chosen={"allowed_actions": "state"},
)  # fmt: skip

# Several replicas share the work: each skips what another one holds just now.
DUE = text(
    "SELECT id FROM known_error WHERE id IN ("
    "SELECT id FROM known_error WHERE review_due_at <= :now UNION "
    "SELECT id FROM known_error WHERE state = 'published' AND valid_to <= :now) "
    "ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED"
)
