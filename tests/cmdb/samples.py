"""Types, items and relationships to begin with, orders for every verb, and changes' events as they arrive."""

from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from contracts.change import ChangeApproved, ChangeCancelled, ChangeClosed, ChangeFact, ChangeScheduled, ChangeSubmitted
from contracts.envelope import Event, Message
from services.cmdb.domain.desk import Desk, InForce
from services.cmdb.domain.items import register
from services.cmdb.domain.orders import Register
from services.cmdb.lifecycle import Status
from services.cmdb.rules.control import Approval
from services.cmdb.rules.types import ItemType
from services.cmdb.tables import Item
from shared.memory import arrival
from tests.builders import Json, told
from tests.system import MONDAY, Steward

SINCE = "2020-01-01T00:00:00Z"


def document(name: str, since: str = SINCE, **spec: Any) -> Json:
    return {"kind": "cmdb/ItemType", "name": name, "effective_from": since, "spec": spec}


TYPES = [
    document("application", nature="service"),
    document("team", nature="team"),
    document(
        "server",
        nature="component",
        attributes={
            "cores": {"kind": "integer"},
            "memory": {"kind": "number"},
            "virtual": {"kind": "boolean"},
            "system": {"kind": "text", "choices": ["Linux", "BSD"]},
        },
    ),
    document("firewall", nature="component", control="refuse"),
    document("printer", nature="component", control="flag"),
    document("licence", nature="component", required=["owner", "links"], attributes={"seats": {
        "kind": "integer", "required": True}}),
]  # fmt: skip


def name_of(what: str) -> str:
    """A name that no other test gives."""
    return f"{what}-{uuid4().hex[:10]}"


async def an_item(steward: Steward, type: str = "server", name: str | None = None, **fields: Any) -> Json:
    """A live item."""
    body = {"name": name or name_of(type), "type": type, "status": "live", **fields}
    return await told(steward.client("frank"), "/cmdb/items", body)


async def related(steward: Steward, source: Json, kind: str, target: Json, **more: Any) -> Json:
    body = {"source": source["name"], "kind": kind, "target": target["name"], **more}
    return await told(steward.client("frank"), "/cmdb/relationships", body)


class ChangeElsewhere:
    """A change in the change service that tells what becomes of it; by default one that is approved, in its window."""

    def __init__(self, *items: str, start: datetime | None = None, hours: int = 8) -> None:
        self.id = uuid4()
        self.number = f"CHG-{self.id.int % 10**9 + 1}"
        self.items = items
        self.start = start or MONDAY - timedelta(hours=1)
        self.end = self.start + timedelta(hours=hours)
        self.told: list[Message] = []
        self.tell(ChangeSubmitted, "requested", reason="It is too small")
        self.tell(ChangeScheduled, "requested")

    def tell(self, event: type[ChangeFact], state: str, **fields: Any) -> "ChangeElsewhere":
        body = event(
            state=state, title="More memory", requester="alice", requested_at=MONDAY, items=self.items,
            planned_start=self.start, planned_end=self.end, **fields,
        )  # fmt: skip
        self.told.append(message(body, self.id, self.number, len(self.told) + 1))
        return self

    def approved(self) -> "ChangeElsewhere":
        return self.tell(ChangeApproved, "approved", approvers=("erin",))

    def cancelled(self) -> "ChangeElsewhere":
        return self.tell(ChangeCancelled, "cancelled", reason="Not needed")

    def closed(self) -> "ChangeElsewhere":
        return self.tell(ChangeClosed, "closed", outcome="implemented", started_at=self.start, ended_at=self.end)

    async def arrives(self, steward: Steward) -> str:
        """All it has told is taken in; its number."""
        await steward.runtime("cmdb").inbox.receive([arrival("steward.change", each) for each in self.told])
        return self.number


def message(event: Event, id: UUID, number: str, sequence: int, at: datetime = MONDAY) -> Message:
    """An event as a log hands it on."""
    return Message(
        id=uuid4(), source="/" + event.topic.replace(".", "/"), type=event.wire_type(), subject=number, aggregate_id=id,
        sequence=sequence, occurred=at, recorded=at, actor="alice", correlation=uuid4(), causation=None,
        traceparent=None, organisation=None, historical=False, position=sequence, data=event.model_dump_json(),
    )  # fmt: skip


TERMS = {each["name"]: InForce(ItemType.model_validate(each["spec"]), 1) for each in TYPES}


def desk(at: datetime = MONDAY, approval: Approval | None = None) -> Desk:
    return Desk(at, TERMS.get, approval.number if approval else None, approval)


def item_in(status: Status, type: str = "server", name: str = "web-1") -> Item:
    """An item in a status, not saved."""
    item, events = register(Register(name=name, type=type), desk())
    item.version, item.number, item.status = len(events), "CI-1", status
    return item
