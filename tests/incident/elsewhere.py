"""What other services tell, made by hand and taken in by the incident service's own inbox."""

from collections import Counter
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from contracts import change, cmdb, known_error, problem, sla
from contracts.envelope import Event, Message
from services.incident.handlers import HANDLERS
from shared.events.inbox import Inbox
from shared.memory import arrival
from tests.system import MONDAY, Steward

ITEM = {"type": "server", "type_version": 1, "status": "live", "source": "hand"}
CHANGED = {"requester": "bob", "requested_at": MONDAY - timedelta(days=9)}
CLOCK: dict[str, Any] = {
    "record_kind": "incident", "priority": 3, "agreement": "gold", "agreement_version": 1, "calendar": "24x7",
    "calendar_version": 1, "target": "restored", "measure": "resolve", "state": "running", "outcome": "pending",
    "started_at": MONDAY, "limit_microseconds": 3_600_000_000, "elapsed_microseconds": 2_700_000_000,
}  # fmt: skip


class Elsewhere:
    """The rest of the system, as one incident service hears of it. Names are made unique by `mark`."""

    def __init__(self, steward: Steward) -> None:
        self.steward = steward
        self.inbox = Inbox("incident", steward.database("incident"), HANDLERS, steward.clock)
        self.inbox.committed = steward.runtime("incident").saved
        self.mark = uuid7().hex[-10:]
        self.ids: dict[str, UUID] = {}
        self._sequences: Counter[UUID] = Counter()

    def name(self, short: str) -> str:
        return f"{short}-{self.mark}"

    def message(
        self, id: UUID, subject: str, event: Event, at: datetime | None = None, *, historical: bool = False
    ) -> Message:
        self._sequences[id] += 1
        now = at or self.steward.clock.now()
        return Message(
            id=uuid7(), source="/" + event.topic.replace(".", "/"), type=event.wire_type(), subject=subject,
            aggregate_id=id, sequence=self._sequences[id], occurred=now, recorded=now, actor="elsewhere",
            correlation=uuid7(), causation=None, traceparent=None, organisation=None, historical=historical,
            position=self._sequences[id], data=event.model_dump_json(),
        )  # fmt: skip

    async def come(self, *messages: Message) -> None:
        await self.inbox.receive([arrival(each.source[1:].replace("/", "."), each) for each in messages])

    async def item(self, short: str, nature: str = "component", **facts: Any) -> str:
        """A configuration item; its name."""
        name = self.name(short)
        id = self.ids.setdefault(name, uuid7())
        fact = cmdb.ItemRegistered.model_validate({**ITEM, "ci": name, "nature": nature, **facts})
        await self.come(self.message(id, "CI-1001", fact))
        return name

    async def needs(self, dependent: str, provider: str, **facts: Any) -> UUID:
        """`dependent` feels a failure of `provider`; both by their short names."""
        source, target = self.ids[self.name(dependent)], self.ids[self.name(provider)]
        fact: dict[str, Any] = {
            "kind": "depends-on", "source": source, "source_ci": self.name(dependent), "target": target,
            "target_ci": self.name(provider), "provider": target, "dependent": source,
            "valid_from": MONDAY - timedelta(days=30), **facts,
        }  # fmt: skip
        id = uuid7()
        await self.come(self.message(id, f"{self.name(dependent)} {provider}", cmdb.RelationshipAdded(**fact)))
        return id

    async def change(
        self,
        number: str,
        *items: str,
        start: datetime,
        end: datetime | None = None,
        historical: bool = False,
        **facts: Any,
    ) -> UUID:
        """A change of these items (short names) that started, and ended if `end` says when; its id."""
        id = uuid7()
        about: dict[str, Any] = {**CHANGED, "title": f"Change {number}", "items": [self.name(each) for each in items]}
        about |= facts
        told: list[Event] = [
            change.ChangeSubmitted(**about, state="requested", reason="needed"),
            change.ChangeStarted(**about, state="implementing", started_at=start),
        ]
        if end is not None:
            told.append(change.ChangeImplemented(**about, state="implemented", started_at=start, ended_at=end))
        await self.come(*(self.message(id, number, each, historical=historical) for each in told))
        return id

    async def known_error(self, number: str, title: str, *items: str, **facts: Any) -> UUID:
        id = facts.pop("id", None) or uuid7()
        kind = facts.pop("event", known_error.KnownErrorPublished)
        fact: dict[str, Any] = {
            "state": "published", "problem": uuid7(), "problem_number": "PRB-17", "title": title, "symptom": "",
            "workaround": "Restart it", "items": [self.name(each) for each in items],
            "valid_from": MONDAY - timedelta(days=1), "review_at": MONDAY + timedelta(days=90), **facts,
        }  # fmt: skip
        await self.come(self.message(id, number, kind.model_validate(fact)))
        return id

    async def problem(self, number: str, title: str, **facts: Any) -> UUID:
        id = uuid7()
        fact = problem.ProblemOpened(title=title, source="incident", opened_at=MONDAY, **{"state": "new", **facts})
        await self.come(self.message(id, number, fact))
        return id

    async def clock(
        self, record: str, event: type[sla.ClockFact], *, id: UUID | None = None, historical: bool = False, **facts: Any
    ) -> UUID:
        """What an agreement's clock on this incident tells; the clock's id."""
        id = id or uuid7()
        fact = event.model_validate({**CLOCK, "record": record, "record_number": "INC-1", **facts})
        await self.come(self.message(id, f"clock-{id}", fact, historical=historical))
        return id
