"""What each verb needs to be told: the bodies of the API's commands, with their bounds."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from shared.orders import Degree, Instant, Name, Order, Text, Title, Words


class Open(Order):
    """A contact or a service request. Staff name the customer's organisation; a customer's contact is of its own."""

    title: Title
    description: Text = ""
    kind: Literal["incident", "request"] = "incident"
    impact: Degree = 2
    urgency: Degree = 2
    organisation: Name | None = None
    service: Name | None = None
    ci: Name | None = None
    category: Name | None = None
    subcategory: Name | None = None
    symptom: Name | None = None
    caller: Name | None = None
    channel: Name | None = None
    group: Name | None = None
    assignee: Name | None = None
    occurred_at: Instant | None = None
    detected_at: Instant | None = None


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
    reason: Literal["user", "vendor", "problem", "evidence"]
    note: Text = ""


class Resume(Order):
    note: Text = ""


class Resolve(Order):
    resolution_code: Name
    note: Text = ""
    cause: Words | None = None


class Confirm(Order):
    """Nothing more to say."""


class Close(Order):
    """`closure_code` is "duplicate" where nothing else is said of a record that is linked to the one it repeats."""

    closure_code: Name | None = None
    note: Text = ""


class Reopen(Order):
    reason: Words


class Cancel(Order):
    reason: Words


class Prioritise(Order):
    """`priority` overrides the matrix, and then needs a reason (INC-2)."""

    impact: Degree
    urgency: Degree
    priority: Annotated[int, Field(ge=1, le=5)] | None = None
    reason: Text = ""


class Classify(Order):
    """A field that is not sent stays as it is."""

    service: Name | None = None
    ci: Name | None = None
    category: Name | None = None
    subcategory: Name | None = None
    symptom: Name | None = None


class Escalate(Order):
    to: Literal["functional", "hierarchic"]
    target: Name
    reason: Words


class Acknowledge(Order):
    """Nothing more to say."""


class Link(Order):
    """Exactly one of the three."""

    parent: UUID | None = None
    problem: UUID | None = None
    duplicate_of: UUID | None = None

    @model_validator(mode="after")
    def one(self) -> "Link":
        if sum(each is not None for each in (self.parent, self.problem, self.duplicate_of)) != 1:
            raise ValueError("exactly one of parent, problem and duplicate_of")
        return self


class Unlink(Order):
    relation: Literal["parent", "problem", "duplicate_of"]


class Comment(Order):
    """`internal` comments are for staff; a customer's contact cannot write one."""

    text: Words
    internal: bool = False


class Edit(Order):
    title: Title | None = None
    description: Text | None = None
    caller: Name | None = None
