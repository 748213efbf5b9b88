"""Commands on several records of ours: parents with their children, and duplicates (INC-9).

A parent and its children change in one transaction, because a parent that says resolved while a child was left open
could not be told from one whose child is worked on still. Rows are locked in the order of their ids. Whoever links or
unlinks a child changes its parent too, so no child can come or go once the parent is locked.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import text
from starlette.responses import Response

from services.incident.domain import Desk
from services.incident.domain.families import Told, adopt, end, part, repeat
from services.incident.domain.orders import Link
from services.incident.lifecycle import Action
from services.incident.tables import Incident
from shared.database import Transaction
from shared.errors import Conflict, Invalid, NotFound, Stale
from shared.http.ask import Ask, Settled, View

TRIES = 8
CHILDREN = text("SELECT id FROM incident WHERE parent = :parent AND open")


class Meanwhile(Exception):
    """The family is another one than was locked: start again."""


async def tie(ask: Ask, id: UUID, order: Link, desk: Desk, view: View) -> Response:
    """Link to a parent or an original. It must be there for this caller; otherwise it is as unknown as any id."""
    relation, target = ("parent", order.parent) if order.parent is not None else ("duplicate_of", order.duplicate_of)
    assert target is not None
    act = adopt if relation == "parent" else repeat

    def decide(found: dict[UUID, Incident]) -> Sequence[Told]:
        if target not in found or ask.scope not in (None, found[target].organisation):
            raise Invalid.field(relation, f"there is no incident {target}")
        return act(found[id], found[target], desk)

    async def work(transaction: Transaction) -> Settled:
        found = await locked(ask, transaction, id, [target])
        return noted(ask, transaction, found[id], decide(found), view)

    return await ask.settle(work)


async def untie(ask: Ask, id: UUID, desk: Desk, view: View) -> Response:
    """Unlink from the parent, whichever it is once both are locked."""

    async def work(transaction: Transaction) -> Settled:
        parent = (await transaction.execute(text("SELECT parent FROM incident WHERE id = :id"), {"id": id})).scalar()
        found = await locked(ask, transaction, id, [parent] if parent else [])
        if found[id].parent != parent:
            raise Meanwhile
        if parent is None:
            raise Conflict("it has no parent", allowed=(Action.LINK,))
        # Staff may unlink from a parent that they do not see; only its count of children changes.
        return noted(ask, transaction, found[id], part(found[id], found[parent], desk), view)

    return await again(lambda: ask.settle(work))


async def finish(ask: Ask, id: UUID, action: Action, order: Any, desk: Desk, view: View) -> Response:
    """A verb that ends the work on a parent, and what its children do then."""

    async def work(transaction: Transaction) -> Settled:
        before = await children(transaction, id)
        found = await locked(ask, transaction, id, before)
        # With the parent locked, no child comes or goes.
        if not await children(transaction, id) <= before:
            raise Meanwhile
        following = [each for each in found.values() if each.parent == id]
        return noted(ask, transaction, found[id], end(found[id], following, action, order, desk), view)

    return await again(lambda: ask.settle(work))


async def again(attempt: Callable[[], Any]) -> Response:
    for _ in range(TRIES):
        try:
            answer: Response = await attempt()
        except Meanwhile:
            continue
        return answer
    raise Conflict("others change this family of records all the time; send the request again")


async def children(transaction: Transaction, parent: UUID) -> set[UUID]:
    return set((await transaction.execute(CHILDREN, {"parent": parent})).scalars())


async def locked(ask: Ask, transaction: Transaction, id: UUID, others: Iterable[UUID]) -> dict[UUID, Incident]:
    """The record and those others that there are. Raises NotFound or Stale for the record as `Ask.change` does."""
    found = await transaction.load_many(Incident, [id, *others])
    incident = found.get(id)
    if incident is None or ask.scope not in (None, incident.organisation):
        raise NotFound(f"no incident {id}")
    expected = ask.expected()
    if expected is not None and incident.version != expected:
        raise Stale(f"{incident.number} is at version {incident.version} by now", version=incident.version)
    return found


def noted(ask: Ask, transaction: Transaction, incident: Incident, told: Sequence[Told], view: View) -> Settled:
    cause = ask.cause()
    for record, events in told:
        transaction.record(record, events, cause)
    return Settled(view.text(incident, ask.caller), headers={"ETag": f'"{incident.version}"'})
