"""What each verb needs to be told: the bodies of the API's commands, with their bounds."""

from datetime import UTC, datetime
from typing import Annotated, Literal
from uuid import UUID

from pydantic import AfterValidator, AwareDatetime, BaseModel, ConfigDict, Field, model_validator


def storable(text: str) -> str:
    """PostgreSQL's text holds every character but NUL."""
    if "\x00" in text:
        raise ValueError("the character NUL cannot be kept")
    return text


# The bounds are those of contracts.terms, so that what passes here can be told as an event.
Name = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(storable)]
Title = Annotated[str, Field(min_length=1, max_length=300), AfterValidator(storable)]
Text = Annotated[str, Field(max_length=20_000), AfterValidator(storable)]
Words = Annotated[str, Field(min_length=1, max_length=20_000), AfterValidator(storable)]
# What a list is filtered by.
Word = Annotated[str, Field(max_length=200), AfterValidator(storable)]
Degree = Annotated[int, Field(ge=1, le=3, description="1 is the highest")]
# Beyond these an instant in another zone has no UTC that the database can hold.
Instant = Annotated[AwareDatetime, Field(ge=datetime(1900, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))]


class Order(BaseModel):
    """A command's body; a field it does not know is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)


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
