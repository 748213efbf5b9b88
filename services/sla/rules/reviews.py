"""On which days an agreement is reviewed, as it says itself."""

from calendar import monthrange
from collections.abc import Iterator
from datetime import date

from services.sla.rules.agreement_spec import AgreementSpec
from services.sla.rules.level_spec import Reviews


def review_days(spec: AgreementSpec, first: date, last: date) -> list[date]:
    """The days from `first` to `last`, both included: those that it lists and those of its rhythm, in its period."""
    days = {*spec.review_dates, *(_rhythm(spec.reviews, last) if spec.reviews is not None else ())}
    begins, ends = max(first, spec.period.first), last if spec.period.last is None else min(last, spec.period.last)
    return sorted(day for day in days if begins <= day <= ends)


def _rhythm(reviews: Reviews, last: date) -> Iterator[date]:
    """The first day, and the same day of every so many months later; the month's last where it has no such day."""
    day, number = reviews.first, 0
    while day <= last:
        yield day
        number += reviews.every
        years, month = divmod(reviews.first.month - 1 + number, 12)
        year, month = reviews.first.year + years, month + 1
        day = date(year, month, min(reviews.first.day, monthrange(year, month)[1]))
