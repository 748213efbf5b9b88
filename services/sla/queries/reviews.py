"""Lists of reviews, of the actions that were agreed on, and of promises that were not kept."""

from sqlalchemy import text

from shared.database.page import Listing

REVIEW = (
    "id", "number", "version", "state", "organisation", "agreement", "agreement_version", "due_on", "held_on",
    "participants", "notes", "reason",
)  # fmt: skip
TASK = (
    "id", "number", "version", "state", "organisation", "source", "source_id", "source_number", "agreement", "title",
    "owner", "due_on", "raised_at", "settled_at", "result",
)  # fmt: skip
BREACH = (
    "id", "of", "number", "organisation", "agreement", "target", "service", "at", "explanation", "cause",
    "corrective_action", "action", "explained_by", "explained_at",
)  # fmt: skip
# What is due today can still be done today.
PASSED = "(state = '{open}' AND due_on < CAST(CAST(:today AS text) AS date))"

REVIEWS = Listing(
    source="service_review",
    shown={
        **{name: f"service_review.{name}" for name in REVIEW},
        "overdue": PASSED.format(open="planned"),
    },
    filters={
        "agreement": ("agreement", "eq"),
        "state": ("state", "in"),
        "overdue": (PASSED.format(open="planned"), "eq"),
        "due_after": ("due_on", "gte"),
        "due_before": ("due_on", "lt"),
    },
    sorts={"due_on": ("due_on", "date")},
    default="due_on",
    chosen={"allowed_actions": "state"},
)
TASKS = Listing(
    source="agreed_action",
    shown={
        **{name: f"agreed_action.{name}" for name in TASK},
        "overdue": PASSED.format(open="open"),
    },
    filters={
        "agreement": ("agreement", "eq"),
        "owner": ("owner", "eq"),
        "state": ("state", "in"),
        "source": ("source", "eq"),
        "source_id": ("source_id", "eq"),
        "overdue": (PASSED.format(open="open"), "eq"),
    },
    sorts={"due_on": ("due_on", "date")},
    default="due_on",
    chosen={"allowed_actions": "state"},
)
# A view over clocks and measurements that are missed, with what was said of them.
BREACHES = Listing(
    source="breach",
    shown={name: f"breach.{name}" for name in BREACH},
    filters={
        "explained": ("(explanation IS NOT NULL)", "eq"),
        "of": ("of", "eq"),
        "agreement": ("agreement", "eq"),
        "target": ("target", "eq"),
        "service": ("service", "eq"),
        "after": ("at", "gte"),
        "before": ("at", "lt"),
    },
    sorts={"at": ("at", "timestamptz")},
    default="-at",
)
EXPLANATION = text("SELECT id FROM explanation WHERE missed = :missed")
