"""What each verb needs to be told: the bodies of the API's commands, with their bounds."""

from typing import Annotated, Literal
from uuid import UUID

from pydantic import Field, model_validator

from shared.orders import Degree, Instant, Name, Text, Title, Words
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
    """`resolution` is a code: Changed, Workaround accepted, Vendor corrected … `cause` says it in words where it is not
    identified yet."""

    resolution: Name
    note: Text = ""
    cause: Words | None = None


class Close(Order):
    """`proof` says how it is known that incidents stop. It is needed unless the count after the fix shows it."""

    proof: Text = ""
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


class IdentifyCause(Order):
    """`known`: false accepts that it stays unknown; that needs a permission of its own and is not for the assignee.

    `evidence` are texts or links: what was measured, logs, the reproduction.
    """

    known: bool = True
    cause: Words
    cause_code: Name | None = None
    method: Literal["5-whys", "fishbone", "fault-tree", "kepner-tregoe", "timeline", "other"] | None = None
    evidence: Annotated[tuple[Words, ...], Field(max_length=50)] = ()

    @model_validator(mode="after")
    def shown(self) -> "IdentifyCause":
        if self.known and self.method is None:
            raise ValueError("say by which method the cause was found")
        if self.known and not self.evidence:
            raise ValueError("say what the evidence is")
        return self


class Review(Order):
    learned: Words
    missed_chances: Text = ""
    training: Text = ""


class ProposeImprovement(Order):
    proposal: Words
    benefit: Text = ""


Items = Annotated[tuple[Name, ...], Field(max_length=200)]


class PublishKnownError(Order):
    """What is not said is taken from the problem: its title, workaround, item, service and category.

    Valid from now on where `valid_from` is not said, and until it is retired where `valid_to` is not.
    """

    problem: UUID
    title: Title | None = None
    symptom: Words
    workaround: Words | None = None
    items: Items | None = None
    service: Name | None = None
    category: Name | None = None
    valid_from: Instant | None = None
    valid_to: Instant | None = None
    review_at: Instant


class KnownErrorOrder(Order):
    """A command's body about a known error that there is."""


class ReviseKnownError(KnownErrorOrder):
    """A field that is not sent stays as it is; null takes service, category or `valid_to` away."""

    title: Title | None = None
    symptom: Words | None = None
    workaround: Words | None = None
    items: Items | None = None
    service: Name | None = None
    category: Name | None = None
    valid_from: Instant | None = None
    valid_to: Instant | None = None
    review_at: Instant | None = None


class RetireKnownError(KnownErrorOrder):
    reason: Words


class OpenFromTrend(Order):
    """A title is made from what was found where none is given."""

    title: Title | None = None
    description: Text = ""
    group: Name | None = None
    assignee: Name | None = None
