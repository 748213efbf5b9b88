"""How many records were closed in a period, and how many of them soon enough."""

from collections.abc import Sequence
from datetime import datetime
from fractions import Fraction
from typing import NamedTuple

from services.sla.rules.calendar import ZERO
from services.sla.rules.level_spec import ClosedWithin
from services.sla.rules.periods import Stretch


class Closing(NamedTuple):
    """A record that was opened and closed, and was not opened again before the period was over."""

    opened_at: datetime
    closed_at: datetime


class Closed(NamedTuple):
    """`counted` of `records` are what the level counts."""

    records: int
    counted: int

    @property
    def share(self) -> Fraction | None:
        """Which part of the records counted; None where there was none."""
        return Fraction(self.counted, self.records) if self.records else None


def within(terms: ClosedWithin, hours: Sequence[Stretch], closings: Sequence[Closing]) -> Closed:
    """Those that were closed within the length, in open time from their opening on. `hours` reach back before them."""
    counted = 0
    for opened_at, closed_at in closings:
        elapsed = ZERO
        for each in hours:
            elapsed += each.calendar.elapsed(max(opened_at, each.begins), min(closed_at, each.ends))
        counted += elapsed <= terms.within
    return Closed(len(closings), counted)
