"""What each verb needs to be told: the bodies of the API's commands, with their bounds."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from shared.orders import Degree, Instant, Name, Order, Text, Title, Words


class Open(Order):
    """A contact or a service request. Staff name the customer's organisation; a customer's contact is of its own.

    Without `impact`, that which the graph proposes for a known `ci` is taken (INC-3), and 2 where it says nothing.
    """

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
    """The closure policy may ask for a `cause_code`, and say which ones there are (INC-11)."""

    resolution_code: Name
    note: Text = ""
    cause: Words | None = None
    cause_code: Name | None = None


class Confirm(Order):
    """Nothing more to say."""


class Close(Order):
    """`closure_code` is "duplicate" where nothing else is said of a record that is linked to the one it repeats."""

    closure_code: Name | None = None
    note: Text = ""
    cause_code: Name | None = None


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


class Inform(Order):
    """What the customer is told. It is told again by `next_update_due`, or when the inform policy says so.

    `warning`: it is told, before the time is over, that what was agreed may not be kept.
    """

    text: Words
    next_update_due: Instant | None = None
    warning: bool = False


class ApplyWorkaround(Order):
    """A known error that may be used now, and whether its workaround restored the service."""

    known_error: UUID
    helped: bool
    note: Text = ""


class LogEffort(Order):
    """Without `person` it is the caller's own."""

    minutes: Annotated[int, Field(ge=1, le=100_000)]
    person: Name | None = None
    note: Text = ""


class RecordOutage(Order):
    """Without `service` it is the record's. Without `ended_at` it goes on."""

    service: Name | None = None
    ci: Name | None = None
    began_at: Instant
    ended_at: Instant | None = None
    degree: Literal["down", "degraded"] = "down"
    planned: bool = False


class EndOutage(Order):
    """Without `ended_at` it ends now."""

    outage: UUID
    ended_at: Instant | None = None


class WithdrawOutage(Order):
    outage: UUID
    reason: Words


class SuspectChange(Order):
    change: UUID
    reason: Words


class ConfirmChange(Order):
    change: UUID
    reason: Text = ""


class DismissChange(Order):
    change: UUID
    reason: Words
