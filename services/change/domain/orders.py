"""What each verb needs to be told: the bodies of the API's commands, with their bounds."""

from typing import Annotated
from uuid import UUID

from pydantic import Field, model_validator

from shared.orders import Instant, Name, Order, Text, Title, Words

Items = Annotated[tuple[Name, ...], Field(max_length=500)]
Minutes = Annotated[int, Field(ge=0, le=1_000_000)]
Answers = Annotated[dict[Name, Name], Field(max_length=30)]


class Request(Order):
    """A request for change. `emergency` is declared here and never computed; `model` makes it a standard change. With
    `answers` to the risk rule's questions it is classified at once."""

    title: Title
    reason: Words
    description: Text = ""
    benefit: Text = ""
    impact: Text = ""
    resources: Text = ""
    organisation: Name | None = None
    service: Name | None = None
    items: Items = ()
    group: Name | None = None
    assignee: Name | None = None
    planned_start: Instant | None = None
    planned_end: Instant | None = None
    outage_minutes: Minutes | None = None
    plan: Text = ""
    backout: Text = ""
    remedy: Text = ""
    backout_minutes: Minutes | None = None
    backout_tested: bool | None = None
    emergency: bool = False
    model: Name | None = None
    answers: Answers | None = None
    problem: UUID | None = None
    request: UUID | None = None
    incident: UUID | None = None

    @model_validator(mode="after")
    def one_class(self) -> "Request":
        if self.emergency and self.model is not None:
            raise ValueError("a standard change is no emergency: name the model or declare the emergency")
        return self


class Edit(Order):
    """A field that is not sent stays as it is. Other items, window, plan or back-out void what was approved."""

    title: Title | None = None
    reason: Words | None = None
    description: Text | None = None
    benefit: Text | None = None
    impact: Text | None = None
    resources: Text | None = None
    service: Name | None = None
    items: Items | None = None
    planned_start: Instant | None = None
    planned_end: Instant | None = None
    outage_minutes: Minutes | None = None
    plan: Text | None = None
    backout: Text | None = None
    remedy: Text | None = None
    backout_minutes: Minutes | None = None
    backout_tested: bool | None = None


class Classify(Order):
    """Answers to every question of the risk rule, the model of a standard change, or that it is an emergency."""

    answers: Answers | None = None
    model: Name | None = None
    emergency: bool = False

    @model_validator(mode="after")
    def one_way(self) -> "Classify":
        if self.model is not None and (self.emergency or self.answers is not None):
            raise ValueError("a model says class and risk itself: give it alone")
        if self.model is None and not self.emergency and self.answers is None:
            raise ValueError("give answers, a model, or say that it is an emergency")
        return self


class Schedule(Order):
    planned_start: Instant
    planned_end: Instant


class Acknowledge(Order):
    """`collision` is its id, as /collisions gives it."""

    collision: UUID
    reason: Words


class Approve(Order):
    """`for_whom`: the approver in whose place this is, by a delegation. `step`: the step that is meant, if one is."""

    step: Name | None = None
    for_whom: Name | None = None
    note: Text = ""


class Authorise(Order):
    reason: Words


class Void(Order):
    reason: Words


class Reject(Order):
    reason: Words


class Cancel(Order):
    reason: Words


class Start(Order):
    """`started_at` where it was earlier than now; `reason` is needed outside the approved window."""

    started_at: Instant | None = None
    reason: Text = ""


class Complete(Order):
    ended_at: Instant | None = None
    note: Text = ""


class Fail(Order):
    note: Words
    ended_at: Instant | None = None


class BackOut(Order):
    """`restored`: whether what was there before is there again."""

    restored: bool
    note: Words
    ended_at: Instant | None = None


class Repair(Order):
    note: Words
    ended_at: Instant | None = None


class Document(Order):
    """The paperwork of an emergency: its plans as they were, and whether it truly was one."""

    justified: bool
    review: Words
    plan: Text | None = None
    backout: Text | None = None
    remedy: Text | None = None
    backout_minutes: Minutes | None = None
    backout_tested: bool | None = None


class Close(Order):
    note: Text = ""


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


class Comment(Order):
    text: Words


class Grant(Order):
    """The caller's approvals may be given by `delegate` from `begins` (now, where it is not said) to `ends`."""

    delegate: Name
    begins: Instant | None = None
    ends: Instant


class End(Order):
    """Nothing more to say."""
