"""When silence closes a record, and which cause a resolution has to name."""

from datetime import timedelta
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

CLOSURE = "incident/ClosurePolicy"
Code = Annotated[str, Field(min_length=1, max_length=200)]


class ClosurePolicy(BaseModel):
    """How long a resolved record waits for its user's word before silence closes it.

    `cause_codes` are those that a resolution may have; none: any. `cause_code_required` asks incidents for one, not
    service requests: a request has no cause to remove.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    silence_days: float = Field(5, gt=0, le=90)
    cause_codes: tuple[Code, ...] = Field((), max_length=200)
    cause_code_required: bool = False

    @property
    def silence(self) -> timedelta:
        return timedelta(days=self.silence_days)
