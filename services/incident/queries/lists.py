"""Lists of incidents and major incidents: what they show, and by what they are filtered and sorted."""

from dataclasses import replace

from services.incident.tables import SEARCHED
from shared.database.page import Listing

SHOWN = (
    "id", "number", "version", "kind", "state", "waiting_reason", "title", "description", "impact", "urgency",
    "priority", "priority_overridden", "organisation", "service", "ci", "category", "subcategory", "symptom", "caller",
    "channel", "group", "assignee", "occurred_at", "detected_at", "recorded_at", "opened_at", "taken_up_at",
    "resolved_at", "closed_at", "close_due_at", "resolution_code", "resolution_note", "cause", "closure_code",
    "confirmed_by", "reopen_count", "reassignment_count", "parent", "problem", "duplicate_of", "escalation",
    "escalated_to", "escalated_at", "acknowledged_at", "cause_code", "effort_minutes", "informed_at", "next_update_due",
    "update_overdue_since", "sla_state", "sla_due_at", "cause_change", "outages", "workarounds", "suspects", "origin",
    "reference",
)  # fmt: skip
# What few records have: a list, empty for all others.
LISTS = ("outages", "workarounds", "suspects")

# What staff do with a record among themselves, and ids of records that may be others'. A customer's contact gets null.
STAFFS = (
    "parent", "problem", "duplicate_of", "escalation", "escalated_to", "escalated_at", "acknowledged_at",
    "effort_minutes", "update_overdue_since", "sla_state", "sla_due_at", "cause_change", "workarounds", "suspects",
)  # fmt: skip

INCIDENTS = Listing(
    source="incident",
    shown={
        name: f"coalesce(incident.{name}, '[]')" if name in LISTS else f'incident."{name}"' for name in SHOWN
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
        "update_overdue": ("(update_overdue_since IS NOT NULL)", "eq"),
        "sla": ("sla_state", "in"),
        "cause_code": ("cause_code", "eq"),
        "cause_change": ("cause_change", "eq"),
        "suspected": ("(suspects IS NOT NULL)", "eq"),
        "major": ("EXISTS (SELECT FROM major_incident AS m WHERE m.incident = incident.id AND m.state = 'declared')",
                  "eq"),
        "opened_after": ("opened_at", "gte"),
        "opened_before": ("opened_at", "lt"),
        "q": (SEARCHED, "search"),
    },
    sorts={"opened_at": ("opened_at", "timestamptz"), "priority": ("priority", "int"), "number": ("number", "text")},
    default="-opened_at",
    chosen={"allowed_actions": "state"},
)  # fmt: skip

OWN_INCIDENTS = replace(INCIDENTS, shown={**INCIDENTS.shown, **dict.fromkeys(STAFFS, "NULL")})

MAJOR_SHOWN = (
    "id", "number", "version", "state", "organisation", "incident", "incident_number", "title", "service", "ci",
    "criterion", "reason", "policy", "policy_version", "declared_by", "declared_at", "manager", "communications",
    "technical_lead", "scribe", "update_every_minutes", "next_update_due", "update_overdue_since", "updates_sent",
    "updates_missed", "last_update_at", "stood_down_at", "stand_down_reason", "reviewed_at", "went_well", "to_improve",
    "actions",
)  # fmt: skip

MAJOR_INCIDENTS = Listing(
    source="major_incident",
    shown={name: f'major_incident."{name}"' for name in MAJOR_SHOWN},
    filters={
        "state": ("state", "in"),
        "incident": ("incident", "eq"),
        "manager": ("manager", "eq"),
        "organisation": ("organisation", "eq"),
        "service": ("service", "eq"),
        "criterion": ("criterion", "eq"),
        "update_overdue": ("(update_overdue_since IS NOT NULL)", "eq"),
        "declared_after": ("declared_at", "gte"),
        "declared_before": ("declared_at", "lt"),
    },
    sorts={"declared_at": ("declared_at", "timestamptz"), "number": ("number", "text")},
    default="-declared_at",
    chosen={"allowed_actions": "state"},
)

# How staff lead it and what they learn from it; a customer's contact gets null.
MAJOR_STAFFS = (
    "reason", "policy", "policy_version", "update_overdue_since", "updates_missed", "stand_down_reason", "went_well",
    "to_improve", "actions",
)  # fmt: skip

OWN_MAJOR_INCIDENTS = replace(MAJOR_INCIDENTS, shown={**MAJOR_INCIDENTS.shown, **dict.fromkeys(MAJOR_STAFFS, "NULL")})
