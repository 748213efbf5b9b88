"""Lists of items and relationships with their filters."""

from services.cmdb.tables import SEARCHED
from shared.database.page import Listing

SHOWN = (
    "id", "number", "version", "name", "type", "type_version", "nature", "status", "title", "owner", "supplier",
    "location", "item_version", "criticality", "source", "links", "attributes", "registered_at", "changed_at",
)  # fmt: skip

ITEMS = Listing(
    source="configuration_item",
    shown={name: f'configuration_item."{name}"' for name in SHOWN},
    filters={
        "name": ("name", "any"),
        "type": ("type", "any"),
        "nature": ("nature", "in"),
        "status": ("status", "in"),
        "owner": ("owner", "eq"),
        "supplier": ("supplier", "eq"),
        "location": ("location", "eq"),
        "criticality": ("criticality", "in"),
        "source": ("source", "eq"),
        "registered_after": ("registered_at", "gte"),
        "registered_before": ("registered_at", "lt"),
        "q": (SEARCHED, "search"),
    },
    sorts={
        "name": ("name", "text"),
        "number": ("number", "text"),
        "registered_at": ("registered_at", "timestamptz"),
        "changed_at": ("changed_at", "timestamptz"),
    },
    default="name",
    chosen={"allowed_actions": "status"},
)

EDGE = (
    "id", "number", "version", "kind", "source", "source_ci", "target", "target_ci", "provider", "dependent",
    "valid_from", "valid_to", "origin",
)  # fmt: skip

# The first half of `item` is what the indexes answer; the second is true and gives `eq` its two sides.
EITHER_END = "(provider = CAST(:f_item AS uuid) OR dependent = CAST(:f_item AS uuid)) AND CAST(:f_item AS uuid)"

RELATIONSHIPS = Listing(
    source="relationship",
    shown={name: f'relationship."{name}"' for name in EDGE},
    filters={
        "kind": ("kind", "in"),
        "item": (EITHER_END, "eq"),
        "source": ("source", "eq"),
        "target": ("target", "eq"),
        "provider": ("provider", "eq"),
        "dependent": ("dependent", "eq"),
        "holds": ("holds", "eq"),
        "origin": ("origin", "eq"),
        "at": ("(valid_to IS NULL OR valid_to > CAST(:f_at AS timestamptz)) AND valid_from", "lte"),
    },
    sorts={"valid_from": ("valid_from", "timestamptz"), "number": ("number", "text")},
    default="valid_from",
    chosen={"allowed_actions": "holds"},
)
