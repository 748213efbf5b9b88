"""Configuration management's part of the story: the order portal, its database, the host below."""

from typing import Any

from contracts import cmdb as it
from contracts.story.teller import Story, identity, instant

# A message is a paragraph here, not a column.
# fmt: off

PORTAL = identity(instant("2026-01-08 08:00"), "Order portal")
DATABASE = identity(instant("2026-01-08 08:05"), "orders-db-1")
NEEDS = identity(instant("2026-01-08 08:20"), "Order portal depends-on orders-db-1")


def policies(story: Story) -> None:
    kind = story.record(identity(instant("2026-01-02 10:10"), "type database"), "database")
    kind.tell(
        it.ItemTypeVersioned, "2026-01-02 10:10", "root", type="database", type_version=1,
        effective_from=instant("2026-01-05 00:00"), nature="component", control="flag", required=["owner"],
        attributes=[{"attribute": "engine", "kind": "text", "required": True, "choices": ["PostgreSQL", "MariaDB"]},
                    {"attribute": "connections", "kind": "integer"}],
    )


def estate(story: Story) -> None:
    """What there is before the morning of INC-1042, and who changed it without leave."""
    portal = story.record(
        PORTAL, "CI-1001", ci="Order portal", type="application", type_version=1, nature="service", status="live",
        title="Orders of Northwind", owner="grace", criticality=1, source="manual",
    )
    portal.tell(it.ItemRegistered, "2026-01-08 08:00", "frank")
    facts: dict[str, Any] = {"engine": "PostgreSQL", "connections": 100}
    database = story.record(
        DATABASE, "CI-1002", ci="orders-db-1", type="database", type_version=1, nature="component", status="test",
        title="Database of the order portal", owner="Application support", location="Berlin", item_version="16.4",
        source="manual", attributes=facts,
    )
    database.tell(it.ItemRegistered, "2026-01-08 08:05", "frank")
    edge = story.record(
        NEEDS, "REL-1001", kind="depends-on", source=PORTAL, source_ci="Order portal", target=DATABASE,
        target_ci="orders-db-1", provider=DATABASE, dependent=PORTAL, valid_from=instant("2026-01-08 08:20"),
        valid_to=None,
    )
    edge.tell(it.RelationshipAdded, "2026-01-08 08:20", "frank")
    database.tell(
        it.ItemStatusChanged, "2026-01-09 06:00", "frank", status="live", previous_status="test",
        reason="Acceptance is signed",
    )


def others(story: Story) -> None:
    """The pool was widened without a change; the portal moved to another database later."""
    database = story.records["CI-1002"]
    changes = {"attributes.connections": {"before": 100, "after": 200}}
    database.tell(
        it.ItemChanged, "2026-03-02 15:00", "frank", attributes={"engine": "PostgreSQL", "connections": 200},
        changes=changes,
    )
    database.tell(it.UnauthorisedChangeFound, "2026-03-02 15:00", "frank", fields=["attributes.connections"])
    story.records["REL-1001"].tell(
        it.RelationshipRemoved, "2026-03-20 22:10", "frank", valid_to=instant("2026-03-20 22:10"), change="CHG-17",
        reason="The portal uses orders-db-2 now",
    )
