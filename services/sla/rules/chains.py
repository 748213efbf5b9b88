"""Which promises of OLAs and underpinning contracts stand behind which promise to a customer, and whether they do.

A target of an OLA or underpinning contract stands behind the target of an agreement that it supports with the same
measure, for the kinds of records and the priorities that both have. Targets that name one chain work one after the
other; any other stands for itself. A combination holds while the versions of all of them, and of their calendars, stay
the same; it is judged for every record that begins in that time, or in its first ten years: a calendar that goes on
is not searched for ever (`worst_case` says how it is judged).
"""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import NamedTuple

from services.sla.rules.agreement_spec import AgreementSpec, Target
from services.sla.rules.agreements import AgreementVersion, Book
from services.sla.rules.calendar import CalendarVersion
from services.sla.rules.periods import calendar_at
from services.sla.rules.worst_case import Step, Worst, worst_case

JUDGED = timedelta(days=3653)


class Support(NamedTuple):
    """One target behind a promise."""

    agreement: AgreementVersion
    place: int
    target: Target
    calendar: CalendarVersion
    limit: timedelta


class Chain(NamedTuple):
    """A promise for one priority with what stands behind it, one after the other, while nothing of it changes."""

    agreement: AgreementVersion
    target: Target
    calendar: CalendarVersion
    priority: int
    limit: timedelta
    supports: tuple[Support, ...]
    begins: datetime
    ends: datetime | None

    def worst(self) -> Worst:
        """The most that can pass of the promise while everybody behind it keeps theirs."""
        steps = [Step(each.calendar, each.limit) for each in self.supports]
        last = self.begins + JUDGED
        return worst_case(self.calendar, steps, self.begins, last if self.ends is None else min(self.ends, last))

    def holds(self, worst: Worst) -> bool:
        return worst.length is not None and worst.length <= self.limit


def chains(book: Book, after: datetime | None = None) -> Iterator[Chain]:
    """Every combination, or those that do not end before `after`, in the order of time for each agreement."""
    supporting: dict[str, set[str]] = {}
    for versions in book.agreements.values():
        for version in versions:
            for target in version.spec.targets:
                for name in supported(version.spec, target):
                    supporting.setdefault(name, set()).add(version.name)
    for name in sorted(supporting.keys() & book.agreements.keys()):
        cuts = changes(book, {name, *supporting[name]})
        for begins, ends in zip(cuts, [*cuts[1:], None], strict=True):
            promise = book.in_force(name, begins)
            if promise is None or (after is not None and ends is not None and ends <= after):
                continue
            behind = [found for each in sorted(supporting[name]) if (found := book.in_force(each, begins)) is not None]
            yield from _combined(book, promise, behind, begins, ends)


def supported(spec: AgreementSpec, target: Target) -> tuple[str, ...]:
    """The agreements that a target stands behind."""
    return target.supports or spec.supports


def changes(book: Book, names: set[str]) -> list[datetime]:
    """The instants at which anything about these agreements or their calendars is another than before."""
    found: set[datetime] = set()
    for name in names:
        found.update(book.begins(name))
        for version in book.agreements[name]:
            if version.spec.period.ends is not None:
                found.add(version.spec.period.ends)
            for target in version.spec.targets:
                # What is there before a calendar's first version counts by it, so that is no change.
                found.update(each.effective_from for each in book.calendars[target.calendar][1:])
    return sorted(found)


def _combined(
    book: Book, promise: AgreementVersion, behind: list[AgreementVersion], begins: datetime, ends: datetime | None
) -> Iterator[Chain]:
    for target in promise.spec.targets:
        for priority, limit in sorted(target.limits.items()):
            rows: dict[object, list[Support]] = {}
            for agreement in behind:
                for place, other in enumerate(agreement.spec.targets):
                    if promise.name in supported(agreement.spec, other) and _matches(target, other, priority):
                        calendar = calendar_at(book, other.calendar, begins)
                        row = (agreement.name, place) if other.chain is None else other.chain
                        support = Support(agreement, place, other, calendar, other.limits[priority])
                        rows.setdefault(row, []).append(support)
            own = calendar_at(book, target.calendar, begins)
            for supports in rows.values():
                yield Chain(promise, target, own, priority, limit, tuple(supports), begins, ends)


def _matches(target: Target, other: Target, priority: int) -> bool:
    return other.key == target.key and bool({*other.kinds} & {*target.kinds}) and priority in other.limits
