"""What each verb needs to be told: the bodies of the API's commands, with their bounds."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from shared.orders import Degree, Name, Text, Title, Words
from shared.orders import Order as AnyOrder


class Order(AnyOrder):
    """A command's body."""

    def mentioned(self) -> tuple[UUID, ...]:
        """The incidents it speaks of."""
        return ()


class Open(Order):
    """A cause to be looked for, and what led to it. Frequency, impact and cost come together or later."""

    title: Title
    description: Text = ""
    source: Literal["incident", "trend", "supplier", "test"] = "incident"
    incidents: Annotated[tuple[UUID, ...], Field(max_length=500)] = ()
    organisation: Name | None = None
    service: Name | None = None
    ci: Name | None = None
    category: Name | None = None
    frequency: Degree | None = None
    impact: Degree | None = None
    cost: Degree | None = None
    group: Name | None = None
    assignee: Name | None = None

    @model_validator(mode="after")
    def together(self) -> "Open":
        given = [each for each in (self.frequency, self.impact, self.cost) if each is not None]
        if len(given) not in (0, 3):
            raise ValueError("frequency, impact and cost make the priority together: give all three or none")
        return self


class Assign(Order):
    """Null takes the group or person away; a field that is not sent stays as it is."""

    group: Name | None = None
    assignee: Name | None = None
    reason: Text = ""

    @model_validator(mode="after")
    def somebody(self) -> "Assign":
        if not {"group", "assignee"} & self.model_fields_set:
            raise ValueError("say which group or assignee")
        return self


class Start(Order):
    """Nothing more to say."""


class Wait(Order):
    reason: Literal["change", "vendor", "evidence"]
    note: Text = ""


class Resume(Order):
    note: Text = ""


class RequestChange(Order):
    """`ci` is the item to be changed; the problem is classified anew by it where it names another one."""

    title: Title
    reason: Words
    description: Text = ""
    ci: Name | None = None


class Resolve(Order):
    """`resolution` is a code: Changed, Workaround accepted, Vendor corrected …"""

    resolution: Name
    note: Text = ""
    cause: Words | None = None


class Close(Order):
    closure_code: Name | None = None
    note: Text = ""


class Reopen(Order):
    reason: Words


class Cancel(Order):
    reason: Words


class Prioritise(Order):
    """`priority` overrides the rule, and then needs a reason."""

    frequency: Degree
    impact: Degree
    cost: Degree
    priority: Annotated[int, Field(ge=1, le=5)] | None = None
    reason: Text = ""


class Classify(Order):
    """A field that is not sent stays as it is."""

    service: Name | None = None
    ci: Name | None = None
    category: Name | None = None


class Link(Order):
    incident: UUID

    def mentioned(self) -> tuple[UUID, ...]:
        return (self.incident,)


class Unlink(Link):
    """The incident turned out to have another cause."""


class Workaround(Order):
    """A later text replaces it."""

    text: Words


class Comment(Order):
    text: Words
    internal: bool = True


class Edit(Order):
    title: Title | None = None
    description: Text | None = None
