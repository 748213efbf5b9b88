"""Fixes that are due to be evaluated, and what struck before and after each."""

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text

from shared.database import Transaction

# Several replicas share the work: each skips what another one holds just now. A problem that is not resolved has no fix
# that anybody stands for yet.
DUE = text(
    "SELECT id FROM problem WHERE fixed_at <= :latest AND fixed_at IS NOT NULL AND evaluated_at IS NULL "
    "AND state IN ('resolved', 'closed') ORDER BY fixed_at LIMIT :limit FOR UPDATE SKIP LOCKED"
)
# What was untied from a problem is not its effect, and what was cancelled was none at all.
STRUCK = text(
    "SELECT problem.id, count(*) FILTER (WHERE struck.opened_at < problem.fixed_at) AS before, "
    "count(*) FILTER (WHERE struck.opened_at >= problem.fixed_at) AS after "
    "FROM problem LEFT JOIN LATERAL ("
    "SELECT linked.id, opened_at, state FROM known_incident AS linked WHERE linked.id = ANY(problem.incidents) UNION "
    "SELECT alike.id, opened_at, state FROM known_incident AS alike WHERE alike.ci = problem.ci "
    "AND alike.category = problem.category AND alike.kind = 'incident' AND alike.id <> ALL(problem.unlinked) "
    "AND alike.opened_at >= problem.fixed_at - CAST(:span AS interval) "
    "AND alike.opened_at < problem.fixed_at + CAST(:span AS interval)"
    ") AS struck ON struck.state <> 'cancelled' AND struck.opened_at >= problem.fixed_at - CAST(:span AS interval) "
    "AND struck.opened_at < problem.fixed_at + CAST(:span AS interval) "
    "WHERE problem.id = ANY(CAST(:ids AS uuid[])) GROUP BY problem.id"
)


async def struck(transaction: Transaction, problems: Iterable[UUID], days: int) -> dict[UUID, tuple[int, int]]:
    """How many incidents of each problem were opened in so many days before its fix, and after it."""
    rows = await transaction.execute(STRUCK, {"ids": list(problems), "span": timedelta(days=days)})
    return {row.id: (row.before, row.after) for row in rows}
