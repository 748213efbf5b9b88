"""Which changes fit as the cause of incidents, by time and by the items between the two (INC-12)."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.incident.domain.desk import Named
from services.incident.queries.estate import surroundings
from services.incident.rules import ChangeCausePolicy
from services.incident.rules.causes import before
from shared.database import Transaction

ACTIVE = text(
    "SELECT id, number, items, started_at, ended_at FROM recent_change WHERE started_at <= :latest "
    "AND greatest(started_at, coalesce(ended_at, started_at)) >= :earliest ORDER BY started_at DESC, number"
)


@dataclass(frozen=True, slots=True)
class Failure:
    """An incident's item, and when its failure began as far as anybody knows."""

    incident: UUID
    ci: str
    began: datetime


@dataclass(frozen=True, slots=True)
class Fit:
    """A change, the items from the one that it altered to the failed one, and the minutes between the two."""

    change: Named
    path: list[str]
    minutes: int


async def fits(
    transaction: Transaction, failures: Sequence[Failure], policy: ChangeCausePolicy, now: datetime
) -> dict[UUID, list[Fit]]:
    """For each incident the changes that fit, the nearest first, at most as many as the policy proposes."""
    latest, earliest = max(each.began for each in failures), min(each.began for each in failures) - policy.within
    active = await transaction.rows(ACTIVE, {"latest": latest, "earliest": earliest})
    # Most of the time nothing was changed lately, and then no graph need be followed.
    if not active:
        return {}
    found: dict[UUID, list[Fit]] = {}
    for ci in sorted({each.ci for each in failures}):
        around = await surroundings(transaction, ci, now, policy.depth)
        near = [(change, path) for change in active if (path := nearest(change, around.paths)) is not None]
        for failure in (each for each in failures if each.ci == ci):
            fitting = []
            for change, path in near:
                gap = before(failure.began, change.started_at, change.ended_at)
                if gap is not None and gap <= policy.within:
                    fitting.append(Fit(Named(change.id, change.number), path, gap // timedelta(minutes=1)))
            fitting.sort(key=lambda fit: (len(fit.path), fit.minutes, fit.change.number))
            if fitting:
                found[failure.incident] = fitting[: policy.most]
    return found


def nearest(change: Any, paths: dict[str, list[str]]) -> list[str] | None:
    """The shortest of the ways from an item of the change; None where there is none."""
    return min((paths[each] for each in change.items if each in paths), key=len, default=None)
