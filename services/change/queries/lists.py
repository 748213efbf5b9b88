"""The list of changes, and the figures of emergencies."""

from sqlalchemy import text

from services.change.tables import SEARCHED
from shared.database.page import Listing

SHOWN = (
    "id", "number", "version", "state", "title", "description", "reason", "benefit", "impact", "resources", "requester",
    "requested_at", "organisation", "service", "items", "group", "assignee", "planned_start", "planned_end",
    "outage_minutes", "plan", "backout", "remedy", "backout_minutes", "backout_tested", "change_class", "risk",
    "points", "answers", "rule", "rule_version", "model", "model_version", "problem", "request", "incident",
    "approvers", "policy", "policy_version", "acknowledged", "authorised_by", "authorised_at", "paperwork_due",
    "documented_at", "overdue", "justified", "review", "started_at", "decide_by", "ended_at", "outcome", "restored",
    "closed_at",
)  # fmt: skip

CHANGES = Listing(
    source="change",
    shown={
        **{name: f'change."{name}"' for name in SHOWN},
        # What a caller may do depends on the state, on whether it is an emergency, and on whose request it is.
        "allowed_actions": "CAST(:actions AS jsonb) -> concat_ws('/', change.state, coalesce(change.change_class = "
        "'emergency', false), change.requester = CAST(:caller AS text))",
    },
    filters={
        "state": ("state", "in"),
        "open": ("open", "eq"),
        "change_class": ("change_class", "in"),
        "risk": ("risk", "in"),
        "requester": ("requester", "eq"),
        "service": ("service", "eq"),
        "item": ("items @> ARRAY[CAST(:f_item AS text)] AND CAST(:f_item AS text)", "eq"),
        "model": ("model", "eq"),
        "group": ('"group"', "eq"),
        "assignee": ("assignee", "eq"),
        "organisation": ("organisation", "eq"),
        "problem": ("problem", "eq"),
        "request": ("request", "eq"),
        "incident": ("incident", "eq"),
        "outcome": ("outcome", "in"),
        "planned_after": ("planned_end", "gt"),
        "planned_before": ("planned_start", "lt"),
        "requested_after": ("requested_at", "gte"),
        "requested_before": ("requested_at", "lt"),
        "overdue": ("(overdue AND documented_at IS NULL)", "eq"),
        "q": (SEARCHED, "search"),
    },
    sorts={
        "requested_at": ("requested_at", "timestamptz"),
        "number": ("number", "text"),
        # What has no window yet comes after everything that has.
        "planned_start": ("coalesce(planned_start, 'infinity'::timestamptz)", "timestamptz"),
    },
    default="-requested_at",
)

# By the month in which they were authorised; `changes` are all that were asked for in that month, for the share.
EMERGENCIES = text(
    "SELECT to_char(months.month, 'YYYY-MM') AS month, "
    "(SELECT count(*) FROM change WHERE requested_at >= months.month "
    "AND requested_at < months.month + interval '1 month') AS changes, "
    "count(id) AS authorised, count(documented_at) AS documented, "
    "count(*) FILTER (WHERE documented_at > paperwork_due) AS late, "
    "count(*) FILTER (WHERE id IS NOT NULL AND documented_at IS NULL AND paperwork_due <= :now) AS overdue, "
    "count(*) FILTER (WHERE justified) AS justified, count(*) FILTER (WHERE NOT justified) AS unjustified, "
    "count(*) FILTER (WHERE outcome IN ('failed', 'backed_out')) AS unsuccessful "
    "FROM generate_series(date_trunc('month', CAST(:now AS timestamptz), 'UTC') "
    "- make_interval(months => CAST(:months AS int) - 1), "
    "date_trunc('month', CAST(:now AS timestamptz), 'UTC'), interval '1 month') AS months (month) "
    "LEFT JOIN change ON authorised_at >= months.month AND authorised_at < months.month + interval '1 month' "
    "GROUP BY months.month ORDER BY months.month DESC"
)
