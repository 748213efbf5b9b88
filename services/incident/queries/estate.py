"""The graph of configuration items as the incident desk knows it: what a failure reaches, what an item depends on."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from services.incident.rules import ImpactRule
from shared.database.graph import Edges, Reached, Rows, reached

# From what fails to what feels it; back: from an item to what it depends on.
FELT = Edges("dependency", "provider", "dependent")
ITEM = text("SELECT id, name, nature, status, criticality FROM known_item WHERE name = :name")
IDS = text("SELECT id FROM known_item WHERE name = ANY(CAST(:names AS text[]))")
ITEMS = text("SELECT id, name, nature, status, criticality FROM known_item WHERE id = ANY(CAST(:ids AS uuid[]))")
# What is not used yet, or any more, feels nothing.
UNUSED = ("planned", "retired")


@dataclass(frozen=True, slots=True)
class Service:
    """A service that a failure reaches, over the items of `path` from the failing one on."""

    name: str
    criticality: int | None
    path: list[str]


@dataclass(frozen=True, slots=True)
class Impact:
    """What a failure reaches, worst first, and the impact that follows. `complete` is False where a bound of the rule
    ended the search, so that it may reach more."""

    impact: int
    reason: str
    services: list[Service]
    complete: bool


@dataclass(frozen=True, slots=True)
class Surroundings:
    """An item and what it depends on, by name, the nearest first, with the way from each to the item."""

    paths: dict[str, list[str]]
    complete: bool

    @property
    def names(self) -> list[str]:
        return list(self.paths)


async def impact(rows: Rows, rule: ImpactRule, ci: str, at: datetime) -> Impact | None:
    """Of a failure of this item; None where nothing is known of it."""
    found = await rows.rows(ITEM, {"name": ci})
    if not found:
        return None
    way = await reached(rows, FELT, [found[0].id], at, depth=rule.depth, most=rule.most)
    items = await named(rows, way)
    services = [
        Service(item.name, item.criticality, [items[each].name for each in way.path(id) if each in items])
        for id, item in items.items()
        if item.nature == "service" and item.status not in UNUSED
    ]
    services.sort(key=lambda each: (each.criticality or 9, len(each.path), each.name))
    degree, reason = rule.judged(each.criticality for each in services)
    return Impact(degree, reason, services, way.complete)


async def surroundings(rows: Rows, ci: str | None, at: datetime, depth: int, most: int = 2000) -> Surroundings:
    """An item that nobody has registered has itself and nothing else around it."""
    if ci is None:
        return Surroundings({}, True)
    found = await rows.rows(ITEM, {"name": ci})
    if not found:
        return Surroundings({ci: [ci]}, True)
    way = await reached(rows, FELT.back, [found[0].id], at, depth=depth, most=most)
    items = await named(rows, way)
    nearest: Sequence[UUID] = [found[0].id, *way.steps]
    paths = {
        items[id].name: [items[each].name for each in reversed(way.path(id)) if each in items]
        for id in nearest
        if id in items
    }
    return Surroundings(paths, way.complete)


async def feeling(rows: Rows, names: Sequence[str], at: datetime, depth: int, most: int = 2000) -> list[str]:
    """These items and what feels their failure, by name."""
    starts = [row.id for row in await rows.rows(IDS, {"names": list(names)})]
    if not starts:
        return list(names)
    way = await reached(rows, FELT, starts, at, depth=depth, most=most)
    return sorted({*names, *(item.name for item in (await named(rows, way)).values())})


async def named(rows: Rows, way: Reached) -> dict[UUID, Any]:
    """The items on the way. One whose own event has not come yet is left out."""
    ids = [*way.starts, *way.steps]
    return {row.id: row for row in await rows.rows(ITEMS, {"ids": ids})}
