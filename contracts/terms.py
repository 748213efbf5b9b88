"""The words that several topics use: their shape and their bounds on the wire. No event is declared here."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

Number = Annotated[str, Field(pattern=r"^[A-Z]{2,5}-[1-9][0-9]*$", max_length=24)]
"""A record's number for people, for instance INC-1042."""

Name = Annotated[str, Field(min_length=1, max_length=200)]
"""What a person, group, service, configuration item, customer, category or code is called by."""

Title = Annotated[str, Field(min_length=1, max_length=300)]

Text = Annotated[str, Field(max_length=20_000)]
"""Free text of a person: a description, note, reason or comment."""

Degree = Annotated[int, Field(ge=1, le=3)]
"""Impact, urgency, frequency, cost: 1 is the highest."""

Priority = Annotated[int, Field(ge=1, le=5)]
"""1 is the most urgent."""

Version = Annotated[int, Field(ge=1)]
"""The version of a policy: 1, 2, 3 … None of them is ever edited."""


class Change(BaseModel):
    """One field before and after; an instant or an id is its text."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    before: str | int | bool | None = None
    after: str | int | bool | None = None
