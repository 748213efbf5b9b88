"""Topic `steward.incident`: what is done beside restoring the service: customers told, outages and effort recorded."""

from typing import ClassVar, Literal
from uuid import UUID

from pydantic import AwareDatetime, Field

from contracts.incident import IncidentFact
from contracts.terms import Name, Text


class CustomerInformed(IncidentFact):
    """The customer was told how it stands. `next_update_due` is when it will be told again.

    `warning`: it was told that the agreed time cannot be kept, before it is over.
    """

    name: ClassVar[str] = "customer.informed"

    text: Text
    next_update_due: AwareDatetime | None = None
    warning: bool = False


class UpdateMissed(IncidentFact):
    """The customer was to be told by `due`, and was not."""

    name: ClassVar[str] = "customer.update_missed"

    due: AwareDatetime


class SlaChanged(IncidentFact):
    """An agreed time is nearly used up or exceeded; or, without `danger`, none of this record's is any more.

    `target` is the promise that is worst off and `due_at` when its time is over; empty while its clock is paused.
    `next_update_due` is when the customer has to be told, which a rule may have made soon.
    """

    name: ClassVar[str] = "incident.sla_changed"

    danger: Literal["at_risk", "breached"] | None = None
    target: Name | None = None
    due_at: AwareDatetime | None = None
    next_update_due: AwareDatetime | None = None


class OutageRecorded(IncidentFact):
    """A service could not be used, wholly or in part, between two instants, half open.

    `outage` tells this interval apart from others of the record; the same one again, with another end, replaces it.
    `affected_service` is the service; without `ended_at` it goes on. Availability is measured from these.
    """

    name: ClassVar[str] = "outage.recorded"

    outage: UUID
    affected_service: Name
    affected_ci: Name | None = None
    began_at: AwareDatetime
    ended_at: AwareDatetime | None = None
    degree: Literal["down", "degraded"] = "down"
    planned: bool = False
    withdrawn: bool = False
    reason: Text = ""


class EffortLogged(IncidentFact):
    """Somebody worked on it for so many minutes; the sum so far is `total_minutes`. Costs are counted from these."""

    name: ClassVar[str] = "effort.logged"

    person: Name
    minutes: int = Field(ge=1, le=100_000)
    total_minutes: int = Field(ge=1)
    note: Text = ""
