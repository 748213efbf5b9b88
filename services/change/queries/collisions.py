"""Everything that a change may collide with, read; and the collisions, found (CHG-7)."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from services.change.queries.knowledge import around
from services.change.rules.collisions import Collision, Major, Plan, Surroundings, collisions
from services.change.rules.windows import FREEZE, WINDOW
from services.change.tables import LIVE, PLANNED, Change
from shared.database.graph import Rows
from shared.policies import Policies

OTHERS = text(
    f'SELECT id, number, items AS touched, service, "group", planned_start, planned_end, change_class FROM change '
    f"WHERE {PLANNED} && tstzrange(:begins, :ends) AND planned_start IS NOT NULL AND {LIVE} "
    "AND id IS DISTINCT FROM CAST(:id AS uuid)"
)
MAJORS = text("SELECT id, number, service, ci, declared_at FROM known_major WHERE state = 'declared'")
HEARD = text("SELECT coalesce((SELECT heard FROM knowledge), 0) AS heard")


def planned(change: Change, **order: Any) -> Plan | None:
    """What a change plans, or would with these fields in place of its own; None without a window."""
    now = {
        "items": tuple(change.items), "service": change.service, "group": change.group,
        "planned_start": change.planned_start, "planned_end": change.planned_end,
    } | order  # fmt: skip
    begins, ends = now["planned_start"], now["planned_end"]
    if begins is None or ends is None or ends <= begins:
        return None
    emergency = change.change_class == "emergency"
    return Plan(change.id, change.number, tuple(now["items"]), now["service"], now["group"], (begins, ends), emergency)


async def in_the_way(
    database: Rows, plan: Plan | None, policies: Policies, now: datetime
) -> tuple[list[Collision], bool]:
    """The collisions of a plan as things are now, and whether no bound ended the search."""
    if plan is None:
        return [], True
    begins, ends = plan.window
    rows = await database.rows(OTHERS, {"begins": begins, "ends": ends, "id": plan.id})
    reach = await around(database, plan.items, now)
    surroundings = Surroundings(
        others=[
            Plan(row.id, row.number, tuple(row.touched), row.service, row.group, (row.planned_start, row.planned_end))
            for row in rows
        ],
        freezes=in_force(policies, FREEZE, now),
        windows=in_force(policies, WINDOW, now),
        majors=[Major(row.id, row.number, row.service, row.ci, row.declared_at)
                for row in await database.rows(MAJORS, {})],
    )  # fmt: skip
    return collisions(plan, reach, surroundings), reach.complete


def in_force(policies: Policies, kind: str, now: datetime) -> dict[str, Any]:
    """The documents of a kind that count now, by name."""
    found = {name: policies.of(kind, name, now) for name in policies.names(kind)}
    return {name: policy.spec for name, policy in found.items() if policy is not None}


async def state_of_things(database: Rows, policies: Policies, now: datetime) -> str:
    """What collisions were last looked for against: another text, and they are looked for anew."""
    (row,) = await database.rows(HEARD, {})
    versions = [
        f"{name}/{policy.version}"
        for kind in (FREEZE, WINDOW)
        for name in policies.names(kind)
        if (policy := policies.of(kind, name, now)) is not None
    ]
    return f"{row.heard};{';'.join(versions)}"
