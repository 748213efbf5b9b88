"""Topic `steward.change`, keyed by change id: the paperwork that an emergency change owes for its short path."""

from typing import ClassVar

from pydantic import AwareDatetime

from contracts.change import ChangeFact, PlannedFact
from contracts.terms import Text


class PaperworkCompleted(PlannedFact):
    """The records that an emergency change owed are there, and it was looked back on.

    `justified`: it truly was one. `late` where they came after they were due.
    """

    name: ClassVar[str] = "emergency.documented"

    paperwork_due: AwareDatetime
    late: bool
    justified: bool | None = None
    review: Text = ""


class PaperworkOverdue(ChangeFact):
    """The records that an emergency change owes are not there in time."""

    name: ClassVar[str] = "emergency.paperwork_overdue"

    paperwork_due: AwareDatetime
