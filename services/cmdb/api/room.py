"""What the routes share: who may do what, what a verb knows, and commands on several records at once.

Whoever locks several things does it in this order: the graph's lock, items by id, relationships by id.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any, TypeVar
from uuid import UUID

import msgspec
from sqlalchemy import text

from services.cmdb.domain.desk import Desk, InForce
from services.cmdb.lifecycle import LIFECYCLE, PERMISSIONS, Action, RelationshipAction, Status
from services.cmdb.queries.around import approval
from services.cmdb.rules.types import ITEM_TYPE
from services.cmdb.tables import Item
from shared.auth import Caller, Permissions
from shared.database import Record, Transaction
from shared.database.graph import Rows
from shared.errors import Invalid, NotFound, Stale
from shared.http.ask import Ask

permissions = Permissions(PERMISSIONS, everything=frozenset({"administrator"}))
R = TypeVar("R", bound=Record)

# Taken by whoever adds relationships of a kind that must not run in a circle: of two additions that would close one
# together, neither could see the other's. Adding is rare; reading takes no lock.
GRAPH_LOCK = text("SELECT pg_advisory_xact_lock(7316101)")


async def desk(ask: Ask, change: str | None, database: Rows | None = None) -> Desk:
    """The time, the types in force then, and what is known of the change that the order names."""

    def type_in_force(name: str) -> InForce | None:
        found = ask.runtime.policies.of(ITEM_TYPE, name, ask.now)
        return InForce(found.spec, found.version) if found else None

    return Desk(ask.now, type_in_force, change, await approval(database or ask.database, change))


async def locked(transaction: Transaction, ids: Iterable[UUID]) -> dict[UUID, Item]:
    """These items, none of which goes away meanwhile."""
    return await transaction.load_many(Item, ids)


def fresh(ask: Ask, record: R | None, noun: str, id: UUID) -> R:
    """Raises NotFound or Stale as `Ask.change` does."""
    if record is None:
        raise NotFound(f"no {noun} {id}")
    expected = ask.expected()
    if expected is not None and record.version != expected:
        raise Stale(f"{record.number} is at version {record.version} by now", version=record.version)
    return record


def past(at: datetime, now: datetime) -> datetime:
    """Raises Invalid for an instant that has not come yet: what will be is not known."""
    if at > now:
        raise Invalid.field("at", "an instant that has not come yet")
    return at


@lru_cache(maxsize=256)
def actions(roles: frozenset[str]) -> Mapping[str, list[Action]]:
    """The verbs these roles may use on an item, by its status."""
    may = {action for action in Action if not permissions.table[f"item:{action}"].isdisjoint(roles)}
    return {status: [each for each in LIFECYCLE.allowed(status) if each in may] for status in Status}


@lru_cache(maxsize=256)
def relationship_actions(roles: frozenset[str]) -> Mapping[bool, list[str]]:
    """The same for a relationship, by whether it holds."""
    may = not permissions.table["relationship:remove"].isdisjoint(roles)
    return {True: [RelationshipAction.REMOVE] if may else [], False: []}


def texts(actions: Mapping[Any, Any]) -> dict[Any, str]:
    """Allowed actions as JSON text."""
    return {value: msgspec.json.encode(allowed).decode() for value, allowed in actions.items()}


def computed(item: Item, caller: Caller) -> Mapping[str, object]:
    return {"allowed_actions": actions(caller.roles)[item.status]}
