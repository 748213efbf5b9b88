"""What a calendar version says of days and spans of time, as people ask it."""

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from services.sla.rules.calendar import CalendarVersion, local_instant


def days(calendar: CalendarVersion, first: date, last: date) -> Iterator[dict[str, Any]]:
    """The local days from `first` to `last`, both included: their opening spans in UTC, and what is special."""
    for number in range((last - first).days + 1):
        day = first + timedelta(days=number)
        spans = [
            {
                "opens": local_instant(day, opening, calendar.zone, later=False),
                "closes": local_instant(day, closing, calendar.zone, later=True),
            }
            for opening, closing in calendar.spans_on(day)
        ]
        yield {
            "date": day,
            "holiday": calendar.is_holiday(day),
            "exceptional": day in calendar.exceptional,
            "spans": spans,
        }
