"""The route of estates: what a source knows, taken in whole or not at all, and the difference that it makes.

One transaction for each request. An estate that is there already changes nothing. It is subject to change control like
a person's order: where it would alter an item under control without an approved change, it is refused or flagged.
"""

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import asyncpg
import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel
from sqlalchemy import text
from starlette.responses import Response

from contracts.cmdb import FieldChange
from services.cmdb.api.relationships import noted
from services.cmdb.api.room import GRAPH_LOCK, desk, locked
from services.cmdb.domain.estate import Edge, Plan, Planner, Present
from services.cmdb.domain.orders import Estate
from services.cmdb.rules.relationships import ACYCLIC, Kind
from services.cmdb.tables import Relationship
from shared.database import Transaction
from shared.http.ask import Asked, Query, Settled
from shared.http.route import Room

router = Room(tags=["estate"])
CONCERNED = text(
    "SELECT id FROM configuration_item WHERE name = ANY(CAST(:names AS text[])) "
    "OR (CAST(:prune AS boolean) AND source = :source)"
)
# With what may be retired, everything that it is related to: whoever relies on it is asked about.
HELD = text(
    "SELECT id, source, target FROM relationship WHERE valid_to IS NULL AND (source = ANY(CAST(:items AS uuid[])) "
    "OR (CAST(:prune AS boolean) AND (target = ANY(CAST(:items AS uuid[])) OR origin = :origin)))"
)
WAYS = text(
    "SELECT kind, source_ci, target_ci FROM relationship WHERE valid_to IS NULL AND kind = ANY(CAST(:kinds AS text[]))"
)


class ChangedItem(BaseModel):
    name: str
    changes: dict[str, FieldChange]


class RelationshipLine(BaseModel):
    source: str
    kind: Kind
    target: str


class ItemsOutcome(BaseModel):
    added: list[str]
    changed: list[ChangedItem]
    retired: list[str]
    unchanged: int


class RelationshipsOutcome(BaseModel):
    added: list[RelationshipLine]
    ended: list[RelationshipLine]
    unchanged: int


class EstateOutcome(BaseModel):
    """What became another, or would in a dry run."""

    source: str
    dry_run: bool
    items: ItemsOutcome
    relationships: RelationshipsOutcome


class EstateQuery(Query):
    """`dry_run`: say what would change, and change nothing."""

    dry_run: bool = False


@router.command("/estate", shows=EstateOutcome, summary="Take in what another system knows of the estate")
async def take_in(body: Estate, ask: Asked, query: Annotated[EstateQuery, InQuery()]) -> Response:
    ask.require("estate:import")

    async def work(transaction: Transaction) -> Settled:
        await transaction.execute(GRAPH_LOCK)
        here = await present(transaction, body)
        plan = Planner(body, here, await desk(ask, body.change, transaction)).planned()
        if not query.dry_run:
            noted(ask, transaction, plan.told)
        return Settled(outcome(plan, body.source, dry_run=query.dry_run))

    try:
        return await ask.settle(work)
    except asyncpg.UniqueViolationError as error:
        if error.constraint_name not in {"uq_configuration_item_name", "uq_relationship_held"}:
            raise
        # Somebody registered an item or added a relationship of the estate meanwhile: now it is there.
        return await ask.settle(work)


async def present(transaction: Transaction, estate: Estate) -> Present:
    """What the estate has to be compared with, locked: items first, then relationships."""
    names = {row.name for row in estate.items}
    names |= {name for row in estate.relationships for name in (row.source, row.target)}
    given = {"names": list(names), "source": estate.source, "prune": estate.prune}
    ids = set((await transaction.execute(CONCERNED, given)).scalars())
    asked = {"items": list(ids), "origin": estate.source, "prune": estate.prune}
    found = list(await transaction.execute(HELD, asked))
    ids |= {id for row in found for id in (row.source, row.target)}
    items = await locked(transaction, ids)
    held = await transaction.load_many(Relationship, [row.id for row in found])
    kinds = {row.kind for row in estate.relationships} & set(ACYCLIC)
    return Present(
        {item.name: item for item in items.values()},
        {(each.source_ci, each.kind, each.target_ci): each for each in held.values() if each.valid_to is None},
        await ways(transaction, kinds),
    )


async def ways(transaction: Transaction, kinds: Iterable[str]) -> Mapping[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = {}
    for row in await transaction.execute(WAYS, {"kinds": list(kinds)}):
        found.setdefault(row.kind, []).append((row.source_ci, row.target_ci))
    return found


def outcome(plan: Plan, source: str, *, dry_run: bool) -> str:
    def lines(edges: Iterable[Edge]) -> list[dict[str, str]]:
        return [{"source": source, "kind": kind, "target": target} for source, kind, target in edges]

    body: dict[str, Any] = {
        "source": source,
        "dry_run": dry_run,
        "items": {
            "added": plan.added,
            "changed": [
                {"name": name, "changes": {field: change.model_dump() for field, change in changes.items()}}
                for name, changes in plan.changed.items()
            ],
            "retired": plan.retired,
            "unchanged": plan.unchanged,
        },
        "relationships": {
            "added": lines(plan.related),
            "ended": lines(plan.ended),
            "unchanged": plan.unchanged_relationships,
        },
    }
    return msgspec.json.encode(body).decode()
