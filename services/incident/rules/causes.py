"""Which changes are proposed as the cause of an incident: by time, and by the items between the two (INC-12)."""

from datetime import datetime, timedelta

from pydantic import BaseModel, ConfigDict, Field

CAUSES = "incident/ChangeCausePolicy"


class ChangeCausePolicy(BaseModel):
    """A change that was active at most `within_hours` before an incident is proposed, the `most` nearest of them.

    Desk staff are shown the changes of the last `shown_hours`. Items are followed for `depth` dependencies.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    within_hours: float = Field(24, gt=0, le=8784)
    shown_hours: float = Field(168, gt=0, le=8784)
    most: int = Field(3, ge=0, le=20)
    depth: int = Field(6, ge=1, le=20)

    @property
    def within(self) -> timedelta:
        return timedelta(hours=self.within_hours)

    @property
    def shown(self) -> timedelta:
        return timedelta(hours=self.shown_hours)


def before(began: datetime, started: datetime, ended: datetime | None) -> timedelta | None:
    """How long before an incident began a change did its last step: its end, or its start where it went on then.

    None where it started later, and so can have caused nothing.
    """
    if started > began:
        return None
    return began - (ended if ended is not None and ended <= began else started)
