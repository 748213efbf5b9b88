"""What the bodies of commands are made of: a model that refuses what it does not know, and texts with bounds.

The bounds are those of contracts.terms, so that what passes here can be told as an event.
"""

from datetime import UTC, datetime
from typing import Annotated

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

Name = Annotated[str, Field(min_length=1, max_length=200)]
Title = Annotated[str, Field(min_length=1, max_length=300)]
Text = Annotated[str, Field(max_length=20_000)]
Words = Annotated[str, Field(min_length=1, max_length=20_000)]
Word = Annotated[str, Field(max_length=200)]
"""What a list is filtered by."""
Degree = Annotated[int, Field(ge=1, le=3, description="1 is the highest")]
Instant = Annotated[AwareDatetime, Field(ge=datetime(1900, 1, 1, tzinfo=UTC), lt=datetime(3000, 1, 1, tzinfo=UTC))]
"""Beyond these an instant in another zone has no UTC that the database can hold."""


class Order(BaseModel):
    """A command's body; a field it does not know is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True, str_strip_whitespace=True)
