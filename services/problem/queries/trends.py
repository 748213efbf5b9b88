"""The list of findings, and the counts of incidents that trends are found in."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, select, text

from services.problem.rules.trends import Counted, Dimension
from services.problem.tables import Trend
from shared.database import Transaction
from shared.database.page import Listing
from shared.database.records import from_row

SHOWN = (
    "id", "dimension", "value", "days", "until", "count", "expected", "probability", "threshold", "comparisons",
    "rule", "rule_version", "incidents", "found_at", "problem",
)  # fmt: skip

TRENDS = Listing(
    source="trend",
    shown={name: f'trend."{name}"' for name in SHOWN},
    filters={
        "dimension": ("dimension", "in"),
        "value": ("value", "eq"),
        "open": ("(problem IS NULL)", "eq"),
        "problem": ("problem", "eq"),
        "after": ("until", "gt"),
    },
    sorts={"until": ("until", "timestamptz"), "probability": ("probability", "float8")},
    default="-until",
)

TURN = text("SELECT pg_try_advisory_xact_lock(7316302)")
LOOKED = text("SELECT 1 FROM trend_look WHERE until = :until")
FIRST = text("SELECT min(opened_at) AS at FROM known_incident")
# What is offered as a request is no failure, and what was cancelled was none.
STRUCK = "kind = 'incident' AND state <> 'cancelled' AND opened_at < :until"
COUNTS: Mapping[Dimension, Any] = {
    dimension: text(
        f"SELECT {dimension} AS value, count(*) FILTER (WHERE opened_at >= :begin) AS now, "
        f"count(*) FILTER (WHERE opened_at < :begin) AS before FROM known_incident "
        f"WHERE {dimension} IS NOT NULL AND opened_at >= :history AND {STRUCK} GROUP BY {dimension}"
    )
    for dimension in ("ci", "service", "category")
}
LATEST: Mapping[Dimension, Any] = {
    dimension: text(
        f"SELECT value, array_agg(id ORDER BY opened_at DESC, id DESC) AS ids FROM ("
        f"SELECT {dimension} AS value, id, opened_at, "
        f"row_number() OVER (PARTITION BY {dimension} ORDER BY opened_at DESC, id DESC) AS n FROM known_incident "
        f"WHERE {dimension} = ANY(CAST(:values AS text[])) AND opened_at >= :begin AND {STRUCK}) AS found "
        "WHERE n <= :most GROUP BY value"
    )
    for dimension in ("ci", "service", "category")
}
# A window that overlaps with one in which this was found already would say the same again.
TOLD = text("SELECT dimension, value FROM trend WHERE until > :begin")
# Somebody looks for a cause there already.
UNDER_WAY: Mapping[Dimension, Any] = {
    dimension: text(
        f"SELECT DISTINCT {dimension} AS value FROM problem WHERE open AND {dimension} = ANY(CAST(:values AS text[]))"
    )
    for dimension in ("ci", "service", "category")
}
LOAD = select(Trend.__table__).where(Trend.id == bindparam("id")).with_for_update()


async def counted(
    transaction: Transaction, dimension: Dimension, history: datetime, begin: datetime, until: datetime
) -> Sequence[Counted]:
    rows = await transaction.execute(COUNTS[dimension], {"history": history, "begin": begin, "until": until})
    return [Counted(row.value, row.now, row.before) for row in rows]


async def latest(
    transaction: Transaction, dimension: Dimension, values: Sequence[str], begin: datetime, until: datetime, most: int
) -> dict[str, list[UUID]]:
    """The latest incidents in the window of each of these, at most so many."""
    parameters = {"values": list(values), "begin": begin, "until": until, "most": most}
    return {row.value: row.ids for row in await transaction.execute(LATEST[dimension], parameters)}


async def under_way(transaction: Transaction, dimension: Dimension, values: Sequence[str]) -> set[str]:
    """Those of these values that an open problem is about."""
    return set((await transaction.execute(UNDER_WAY[dimension], {"values": list(values)})).scalars())


async def loaded(transaction: Transaction, id: UUID) -> Trend | None:
    """A finding, locked: two people cannot both open a problem from it."""
    row = (await transaction.execute(LOAD, {"id": id})).mappings().first()
    return None if row is None else from_row(Trend, row)
