"""What a verb knows beside the record: the time, the types in force, the change that the order names."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.cmdb.rules.control import Approval
from services.cmdb.rules.types import ItemType
from services.cmdb.tables import Item, Relationship


@dataclass(frozen=True, slots=True)
class InForce:
    """The version of a type that is in force."""

    terms: ItemType
    version: int


@dataclass(frozen=True, slots=True)
class Desk:
    """`types` gives the version of a type that is in force now, None where there is no such type. `change` is what the
    order names, `approval` what is known of it."""

    now: datetime
    types: Callable[[str], InForce | None]
    change: str | None = None
    approval: Approval | None = None


def figures(item: Item) -> dict[str, Any]:
    """The whole item, which each of its events repeats."""
    return {
        "ci": item.name,
        "type": item.type,
        "type_version": item.type_version,
        "nature": item.nature,
        "status": item.status,
        "title": item.title,
        "owner": item.owner,
        "supplier": item.supplier,
        "location": item.location,
        "item_version": item.item_version,
        "criticality": item.criticality,
        "source": item.source,
        "links": tuple(item.links),
        "attributes": item.attributes,
    }


def edge(relationship: Relationship) -> dict[str, Any]:
    """The whole relationship, which each of its events repeats."""
    return {
        "kind": relationship.kind,
        "source": relationship.source,
        "source_ci": relationship.source_ci,
        "target": relationship.target,
        "target_ci": relationship.target_ci,
        "provider": relationship.provider,
        "dependent": relationship.dependent,
        "valid_from": relationship.valid_from,
        "valid_to": relationship.valid_to,
        "origin": relationship.origin,
    }
