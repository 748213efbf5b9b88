"""What is known of configuration items: whether there are such, and the way to what depends on them."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from difflib import get_close_matches
from uuid import UUID

from sqlalchemy import text

from services.change.rules.collisions import Path, Reach
from shared.database.graph import Edges, Reached, Rows, reached
from shared.errors import Invalid

DEPTH, MOST = 64, 5000
"""How far dependencies are followed, and how many items; meeting either bound is told."""

DEPENDENTS = Edges("known_relationship", "provider", "dependent")
IDS = text("SELECT id, name FROM known_item WHERE name = ANY(CAST(:names AS text[]))")
ENDS = text(
    "SELECT id, provider, provider_ci, dependent, dependent_ci FROM known_relationship "
    "WHERE id = ANY(CAST(:ids AS uuid[]))"
)
# Names that begin or end alike, the nearest in length first: what a slip of the hand leaves.
ALIKE = text(
    "SELECT name FROM known_item WHERE lower(left(name, 3)) = lower(left(:name, 3)) "
    "OR lower(right(name, 3)) = lower(right(:name, 3)) ORDER BY abs(length(name) - length(:name)), name LIMIT 2000"
)


async def known(database: Rows, items: Sequence[str], field: str = "items") -> None:
    """Raises Invalid that names each item that there is not, by its place, with the names that look like it."""
    there = {row.name for row in await database.rows(IDS, {"names": list(items)})} if items else set()
    errors: list[dict[str, object]] = []
    for place, name in enumerate(items):
        if name not in there:
            alike = [row.name for row in await database.rows(ALIKE, {"name": name})]
            near = get_close_matches(name, alike, n=3, cutoff=0.5)
            message = f"there is no item {name!r}" + (f"; near it: {', '.join(near)}" if near else "")
            errors.append({"field": f"{field}.{place}", "message": message, "near": near})
    if errors:
        raise Invalid("; ".join(f"{each['field']}: {each['message']}" for each in errors[:5]), errors=errors)


async def around(database: Rows, items: Iterable[str], at: datetime) -> Reach:
    """The ways from these items along dependencies, both up and down, as they are at this instant.

    An item that was not heard of yet is alone.
    """
    names = list(items)
    starts = {row.id: row.name for row in await database.rows(IDS, {"names": names})} if names else {}
    both, complete = [], True
    for edges in (DEPENDENTS, DEPENDENTS.back):
        found = await reached(database, edges, starts, at, depth=DEPTH, most=MOST)
        both.append(await _ways(database, found, starts))
        complete = complete and found.complete
    alone: Mapping[str, Path] = {name: (name,) for name in names}
    return Reach({**both[0], **alone}, {**both[1], **alone}, complete)


async def _ways(database: Rows, found: Reached, starts: Mapping[UUID, str]) -> dict[str, Path]:
    """The path to each reached item, by names: the edges have those of both ends, whether the items came yet or not."""
    called = dict(starts)
    if found.steps:
        edges = [step.edge for step in found.steps.values()]
        for row in await database.rows(ENDS, {"ids": edges}):
            called[row.provider], called[row.dependent] = row.provider_ci, row.dependent_ci
    return {called[node]: tuple(called[each] for each in found.path(node)) for node in (*found.starts, *found.steps)}
