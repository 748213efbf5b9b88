"""What the verbs of reviews, actions and breaches need to be told: the bodies of the API's commands."""

from datetime import date
from typing import Annotated

from pydantic import Field, model_validator

from shared.orders import Name, Order, Text, Title, Words

Participants = Annotated[tuple[Name, ...], Field(min_length=1, max_length=200)]


class Agreed(Order):
    """Somebody has to do this by a day."""

    title: Title
    owner: Name
    due_on: date


class Hold(Order):
    """`actions` are what was agreed on."""

    held_on: date
    participants: Participants
    notes: Text = ""
    actions: Annotated[tuple[Agreed, ...], Field(max_length=100)] = ()


class CancelReview(Order):
    reason: Words


class Revise(Order):
    """What is not sent stays as it is."""

    owner: Name | None = None
    due_on: date | None = None
    reason: Words

    @model_validator(mode="after")
    def something(self) -> "Revise":
        if self.owner is None and self.due_on is None:
            raise ValueError("say which owner or due_on")
        return self


class Complete(Order):
    """`result`: what was done."""

    result: Words


class Drop(Order):
    reason: Words


class Explain(Order):
    """Why it was missed, and what is done about it; `action`: somebody has to do it by a day, and it is tracked."""

    cause: Words
    corrective_action: Words
    action: Agreed | None = None
