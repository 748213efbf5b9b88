"""What the `spec` of the policy document `sla/Service` may say: an entry of the service catalogue."""

from typing import Annotated, Literal

from pydantic import Field

from services.sla.rules.calendar_spec import Name, Part, Text

ServiceState = Literal["proposed", "live", "retired"]


class ServiceContact(Part):
    """Whom users or staff turn to, for what, and how."""

    name: Name
    role: Name | None = None
    reach: Text = ""


class ServiceSpec(Part):
    """A service as ISO/IEC 20000-2 6.1 lists what a catalogue says of it. The document's name is the service's, the
    same as its configuration item's.

    `hours` and `support_hours` name calendars: when it can be used, and when somebody helps. `customers` are the
    organisations it is offered to; none: all. `criticality` 1 is the highest.
    """

    title: Annotated[str, Field(min_length=1, max_length=300)]
    state: ServiceState
    owner: Name
    criticality: Annotated[int, Field(ge=1, le=3)]
    description: Text = ""
    customers: Annotated[tuple[Name, ...], Field(max_length=2000)] = ()
    hours: Name | None = None
    support_hours: Name | None = None
    contacts: Annotated[tuple[ServiceContact, ...], Field(max_length=50)] = ()
    prerequisites: Annotated[tuple[Text, ...], Field(max_length=100)] = ()
    security: Text = ""

    def offered_to(self, organisation: str | None) -> bool:
        """Whether it is offered to this organisation; staff, who have none, see every service."""
        return organisation is None or not self.customers or organisation in self.customers
