"""The verbs of a relationship: it begins to hold, and it ends."""

from collections.abc import Collection, Sequence
from typing import TypeAlias
from uuid import UUID

from contracts.cmdb import RelationshipAdded, RelationshipRemoved
from contracts.envelope import Event
from services.cmdb.domain.control import controlled
from services.cmdb.domain.desk import Desk, edge
from services.cmdb.lifecycle import RELATIONSHIP_LIFECYCLE, Held, RelationshipAction, Status
from services.cmdb.rules.relationships import KINDS, Kind, ends
from services.cmdb.tables import Item, Relationship
from shared.database.records import new
from shared.errors import Conflict, Invalid

Told: TypeAlias = tuple[Item | Relationship, list[Event]]


def relate(
    source: Item, kind: Kind, target: Item, desk: Desk, origin: str | None = None, beginning: Collection[UUID] = ()
) -> tuple[Relationship, list[Told]]:
    """A relationship that holds from now on, with what its ends have to tell of it. Raises Invalid or Conflict.

    `beginning` are items that are being registered with it: nothing of theirs is altered. Whether it
    closes a circle is asked of the graph, under a lock, by whoever calls this.
    """
    if source.id == target.id:
        raise Invalid.field("target", f"{source.name} cannot be in the relationship {kind} to itself")
    if KINDS[kind].to_team and target.nature != "team":
        raise Invalid.field("target", f"{target.name} is a {target.nature}; the target of {kind} is a team")
    for end in (source, target):
        if end.status == Status.RETIRED:
            raise Conflict(f"{end.number} {end.name} is retired", rule="retired", item=end.name)
    provider, dependent = ends(kind, source.id, target.id)
    relationship = new(
        Relationship,
        kind=kind,
        source=source.id,
        source_ci=source.name,
        target=target.id,
        target_ci=target.name,
        provider=provider,
        dependent=dependent,
        valid_from=desk.now,
        origin=origin,
    )
    change, told = touched([item for item in (source, target) if item.id not in beginning], kind, desk)
    return relationship, [(relationship, [RelationshipAdded(**edge(relationship), change=change)]), *told]


def remove(relationship: Relationship, source: Item, target: Item, reason: str, desk: Desk) -> list[Told]:
    """It does not hold from now on."""
    change, told = touched((source, target), relationship.kind, desk)
    return [(relationship, end(relationship, reason, desk, change)), *told]


def end(relationship: Relationship, reason: str, desk: Desk, change: str | None) -> list[Event]:
    RELATIONSHIP_LIFECYCLE.after(held(relationship), RelationshipAction.REMOVE)
    # A clock behind that of the replica that added it must not make it end before it began.
    relationship.valid_to = max(desk.now, relationship.valid_from)
    return [RelationshipRemoved(**edge(relationship), reason=reason, change=change)]


def held(relationship: Relationship) -> Held:
    return Held.HOLDS if relationship.valid_to is None else Held.ENDED


def touched(both: Sequence[Item], kind: str, desk: Desk) -> tuple[str | None, list[Told]]:
    """A relationship alters each of its ends: one that is under change control has to be covered by the change."""
    told: list[Told] = []
    allowed = desk.change
    for item in both:
        change, flagged = controlled(item, item.status, (kind,), desk)
        if flagged:
            told.append((item, flagged))
            allowed = change
    return allowed, told
