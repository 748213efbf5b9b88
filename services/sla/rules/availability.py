"""How much of a service's agreed time it could be used: outages against opening hours, exact to the microsecond.

Time counts once, however many outages lie over it: it is planned where one of them is and planned ones are excluded;
else lost where the service was down, else lost by the weight of degraded time where it was degraded. Agreed time is the
open time of the calendar without the planned.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from fractions import Fraction
from itertools import pairwise
from typing import NamedTuple

from services.sla.rules.durations import MICROSECOND
from services.sla.rules.level_spec import Availability
from services.sla.rules.periods import Stretch

WHOLE = Fraction(1)


class Outage(NamedTuple):
    """A service could not be used from one instant to another, half open; None: it goes on."""

    began_at: datetime
    ended_at: datetime | None
    degree: str
    planned: bool


@dataclass(frozen=True, slots=True)
class Usable:
    """Microseconds of service time. `agreed` and `lost` are those up to the instant of measuring, `whole` is what is
    agreed until the end as far as it is known then."""

    agreed: int
    lost: Fraction
    whole: int

    @property
    def share(self) -> Fraction | None:
        """Which part of the agreed time it could be used; None where none was agreed."""
        return 1 - self.lost / self.agreed if self.agreed else None

    def budget(self, at_least: Fraction) -> Fraction:
        """How much more may be lost until the end; below zero: how much too much was lost already."""
        return (1 - at_least) * self.whole - self.lost


def usable(terms: Availability, hours: Sequence[Stretch], outages: Iterable[Outage], until: datetime) -> Usable:
    """What the outages left of the hours, measured at `until` or at their end, whichever is earlier."""
    begins, ends = hours[0].begins, hours[-1].ends
    until = max(begins, min(until, ends))
    agreed, lost = 0, Fraction(0)
    for start, end, present in _pieces(outages, begins, until):
        if terms.planned == "excluded" and present["planned"]:
            continue
        length = opened(hours, start, end)
        agreed += length
        weight = WHOLE if present["down"] else terms.degraded if present["degraded"] else 0
        lost += weight * length
    return Usable(agreed, lost, agreed + opened(hours, until, ends))


def opened(hours: Sequence[Stretch], start: datetime, end: datetime) -> int:
    """The open time between two instants in microseconds."""
    open_time = timedelta(0)
    for each in hours:
        open_time += each.calendar.elapsed(max(start, each.begins), min(end, each.ends))
    return open_time // MICROSECOND


def _pieces(
    outages: Iterable[Outage], begins: datetime, until: datetime
) -> Iterable[tuple[datetime, datetime, Counter[str]]]:
    """The time from `begins` to `until`, cut wherever an outage begins or ends, with how many of each kind there are;
    a planned one is counted as planned and by its degree."""
    changes: dict[datetime, Counter[str]] = {begins: Counter(), until: Counter()}
    for each in outages:
        start, end = max(each.began_at, begins), min(each.ended_at or until, until)
        if start >= end:
            continue
        for at, change in ((start, 1), (end, -1)):
            here = changes.setdefault(at, Counter())
            here[each.degree] += change
            here["planned"] += change if each.planned else 0
    present: Counter[str] = Counter()
    cuts = sorted(changes)
    for start, end in pairwise(cuts):
        present.update(changes[start])
        yield start, end, present
