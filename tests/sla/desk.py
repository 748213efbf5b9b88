"""A service desk at work for one customer: what the tests of this service do, in their words."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import uuid4

from shared.local.people import Person
from tests.builders import Json, applied, moved_incident, opened_incident, read, told
from tests.sla.documents import Document, agreement, calendar
from tests.system import Steward

HOUR = 3_600_000_000


def next_monday(after: datetime) -> datetime:
    """The first Monday, 09:00 UTC, after an instant."""
    day = after.replace(hour=9, minute=0, second=0, microsecond=0) - timedelta(days=after.weekday())
    return day if day > after else day + timedelta(days=7)


class Desk:
    """`organisation` is the customer; its agreement has the same name."""

    def __init__(self, steward: Steward) -> None:
        self.steward = steward
        self.organisation = f"customer-{uuid4().hex[:8]}"
        self.contact = Person(f"contact-{self.organisation}", "Contact", ("customer",), self.organisation)

    @property
    def now(self) -> datetime:
        return self.steward.clock.instant

    def passes(self, **duration: float) -> datetime:
        """Time goes by, and nobody looks."""
        return self.steward.clock.advance(**duration)

    async def ticks(self) -> None:
        await self.steward.ticked()

    async def promises(self, *targets: Mapping[str, Any], **spec: Any) -> Json:
        """An agreement with this customer alone, and the calendar that it names."""
        spec = {"name": self.organisation, "customers": [self.organisation], **spec}
        return await self.applies(calendar(), agreement(*targets, **spec))

    async def applies(self, *documents: Document) -> Json:
        found = await applied(self.steward, "sla", documents)
        await self.ticks()
        return found

    async def opens(self, **order: Any) -> Json:
        """An incident of priority 3, for which the usual limit is four hours."""
        return await opened_incident(self.steward, organisation=self.organisation, **order)

    async def does(self, incident: Json, verb: str, **order: Any) -> Json:
        return await moved_incident(self.steward, incident, verb, **order)

    async def resolves(self, incident: Json) -> Json:
        return await self.does(incident, "resolve", resolution_code="fixed")

    async def plays(self, origin: str, *records: Json) -> Json:
        """Another system's past, through the import."""
        body = {"origin": origin, "records": list(records)}
        return await told(self.steward.client("root"), "/incident/history", body)

    async def clocks(self, incident: Json | None = None, **query: Any) -> list[Json]:
        """The clocks of a record, or of the customer, by number."""
        await self.steward.drained()
        if incident is not None:
            query["record"] = incident["id"]
        found = await read(self.steward.client("alice"), "/sla/clocks", organisation=self.organisation, **query)
        return sorted(found["items"], key=lambda clock: str(clock["number"]))

    async def clock(self, incident: Json) -> Json:
        """The one clock of a record."""
        (found,) = await self.clocks(incident)
        return found

    async def story(self, clock: Json) -> list[tuple[str, str]]:
        """What was told of a clock: (what, when)."""
        await self.steward.drained()
        found = await read(self.steward.client("alice"), f"/sla/clocks/{clock['id']}/timeline")
        return [(each["type"].split(".")[2], each["time"]) for each in found["items"]]

    async def proof(self, clock: Json) -> Json:
        """The verification of a clock, which must find it equal."""
        await self.steward.drained()
        found = await read(self.steward.client("alice"), f"/sla/clocks/{clock['id']}/verification")
        assert found["equal"], found["differences"]
        return found


def at(instant: datetime) -> str:
    """As the API writes it."""
    return instant.isoformat().replace("+00:00", "Z")
