"""Lists of clocks, and the figures that are made from them."""

from sqlalchemy import text

from shared.database.page import Listing

COLUMNS = (
    "id", "number", "version", "record", "record_number", "record_kind", "organisation", "priority", "service", "group",
    "assignee", "origin", "measure", "historical", "next_tick_at", "folded",
)  # fmt: skip

# A clock whose `late_from` has passed is missed, whether or not a tick has come round to write it down.
LATE = "(NOT historical AND state = 'running' AND outcome = 'pending' AND late_from < :now)"
OUTCOME = f"(CASE WHEN {LATE} THEN 'missed' ELSE outcome END)"
BREACHED = f"(outcome = 'missed' OR {LATE})"

CLOCKS = Listing(
    source="clock",
    shown={name: f'clock."{name}"' for name in COLUMNS},
    filters={
        "record": ("record", "eq"),
        "state": ("state", "in"),
        "service": ("service", "eq"),
        "priority": ("priority", "in"),
        "agreement": ("agreement", "eq"),
        "target": ("target", "eq"),
        "measure": ("measure", "eq"),
        "organisation": ("organisation", "eq"),
        "group": ('"group"', "eq"),
        "assignee": ("assignee", "eq"),
        "origin": ("origin", "eq"),
        "due_after": ("due_at", "gte"),
        "due_before": ("due_at", "lt"),
        "outcome": (OUTCOME, "in"),
        "breached": (BREACHED, "eq"),
    },
    sorts={
        "started_at": ("started_at", "timestamptz"),
        "due_at": ("coalesce(due_at, 'infinity')", "timestamptz"),
    },
    default="-started_at",
)
METRICS = text(
    """
    SELECT service, priority, measure, to_char(stopped_at AT TIME ZONE 'UTC', 'YYYY-MM') AS period, count(*) AS count,
           count(*) FILTER (WHERE outcome = 'met') AS met, count(*) FILTER (WHERE outcome = 'missed') AS missed,
           percentile_cont(ARRAY[0.5, 0.9, 0.95, 0.99]) WITHIN GROUP (ORDER BY elapsed) AS percentiles,
           max(elapsed) AS longest
    FROM clock
    WHERE state = 'stopped'
      AND (CAST(:service AS text) IS NULL OR service = :service)
      AND (CAST(:priority AS int) IS NULL OR priority = :priority)
      AND (CAST(:target AS text) IS NULL OR measure = :target OR target = :target)
      AND (CAST(:organisation AS text) IS NULL OR organisation = :organisation)
      AND (CAST(:agreement AS text) IS NULL OR agreement = :agreement)
      AND (CAST(:origin AS text) IS NULL OR origin = :origin)
      AND (CAST(:begins AS timestamptz) IS NULL OR stopped_at >= :begins)
      AND (CAST(:ends AS timestamptz) IS NULL OR stopped_at < :ends)
    GROUP BY service, priority, measure, period
    ORDER BY period, service NULLS FIRST, priority, measure
    LIMIT 10000
    """
)
TOTALS = text(
    f"""
    SELECT count(*) FILTER (WHERE judged = 'met') AS met, count(*) FILTER (WHERE judged = 'missed') AS missed,
           count(*) FILTER (WHERE judged = 'pending') AS pending
    FROM (SELECT {OUTCOME} AS judged FROM clock
          WHERE state <> 'cancelled' AND (CAST(:origin AS text) IS NULL OR origin = :origin)
            AND (CAST(:organisation AS text) IS NULL OR organisation = :organisation)) AS clocks
    """
)
