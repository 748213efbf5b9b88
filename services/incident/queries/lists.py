"""Lists of incidents: what they show, and by what they are filtered and sorted."""

from dataclasses import replace

from services.incident.tables import SEARCHED
from shared.database.page import Listing

SHOWN = (
    "id", "number", "version", "kind", "state", "waiting_reason", "title", "description", "impact", "urgency",
    "priority", "priority_overridden", "organisation", "service", "ci", "category", "subcategory", "symptom", "caller",
    "channel", "group", "assignee", "occurred_at", "detected_at", "recorded_at", "opened_at", "taken_up_at",
    "resolved_at", "closed_at", "close_due_at", "resolution_code", "resolution_note", "cause", "closure_code",
    "confirmed_by", "reopen_count", "reassignment_count", "parent", "problem", "duplicate_of", "escalation",
    "escalated_to", "escalated_at", "acknowledged_at", "origin", "reference",
)  # fmt: skip

# What staff do with a record among themselves, and ids of records that may be others'. A customer's contact gets null.
STAFFS = ("parent", "problem", "duplicate_of", "escalation", "escalated_to", "escalated_at", "acknowledged_at")

INCIDENTS = Listing(
    source="incident",
    shown={
        **{name: f'incident."{name}"' for name in SHOWN},
    },
    filters={
        "state": ("state", "in"),
        "kind": ("kind", "eq"),
        "open": ("open", "eq"),
        "priority": ("priority", "in"),
        "service": ("service", "eq"),
        "ci": ("ci", "eq"),
        "category": ("category", "eq"),
        "group": ('"group"', "eq"),
        "assignee": ("assignee", "eq"),
        "organisation": ("organisation", "eq"),
        "problem": ("problem", "eq"),
        "parent": ("parent", "eq"),
        "origin": ("origin", "eq"),
        "duplicate_of": ("duplicate_of", "eq"),
        "escalated": ("(escalated_at IS NOT NULL)", "eq"),
        "acknowledged": ("(acknowledged_at IS NOT NULL)", "eq"),
        "opened_after": ("opened_at", "gte"),
        "opened_before": ("opened_at", "lt"),
        "q": (SEARCHED, "search"),
    },
    sorts={"opened_at": ("opened_at", "timestamptz"), "priority": ("priority", "int"), "number": ("number", "text")},
    default="-opened_at",
    chosen={"allowed_actions": "state"},
)

OWN_INCIDENTS = replace(INCIDENTS, shown={**INCIDENTS.shown, **dict.fromkeys(STAFFS, "NULL")})
