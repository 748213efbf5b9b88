"""An incident elsewhere whose times of outage service level management hears of, as messages of its topic."""

from datetime import datetime
from typing import Any
from uuid import UUID, uuid4

from contracts.envelope import Event, Message
from contracts.incident import IncidentOpened
from contracts.incident_care import OutageRecorded
from shared.bus import Arrival
from shared.memory import arrival
from tests.sla.desk import Desk


class Elsewhere:
    """A record of `organisation`; what it tells is taken in as it comes."""

    def __init__(self, desk: Desk, organisation: str | None = None) -> None:
        self.desk, self.id, self.organisation = desk, uuid4(), organisation or desk.organisation
        self.number = f"INC-{self.id.int % 10**12 + 1}"
        self.messages: list[Message] = []

    async def outage(
        self, service: str, began: datetime, ended: datetime | None, outage: UUID | None = None, **fields: Any
    ) -> UUID:
        """A time in which the service could not be used; the same `outage` again replaces it. Its id."""
        if not self.messages:
            await self._tell(IncidentOpened, title="It is down", impact=1, urgency=1, recorded_at=self.desk.now)
        found = outage or uuid4()
        await self._tell(
            OutageRecorded, outage=found, affected_service=service, began_at=began, ended_at=ended, **fields
        )
        return found

    def arrivals(self) -> list[Arrival]:
        """Everything it told, as a bus hands it over."""
        return [arrival("steward.incident", each) for each in self.messages]

    async def _tell(self, event: type[Event], **fields: Any) -> None:
        now = self.desk.now
        known = {"kind": "incident", "organisation": self.organisation, "state": "new", "priority": 5, "opened_at": now}
        number = len(self.messages) + 1
        self.messages.append(
            Message(
                id=uuid4(), source="/steward/incident", type=event.wire_type(), subject=self.number,
                aggregate_id=self.id, sequence=number, occurred=now, recorded=now, actor="alice", correlation=uuid4(),
                causation=None, traceparent=None, organisation=self.organisation, historical=False, position=number,
                data=event.model_validate(known | fields).model_dump_json(),
            )
        )  # fmt: skip
        await self.desk.steward.runtime("sla").inbox.receive(self.arrivals()[-1:])
