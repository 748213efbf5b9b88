"""What the `spec` of the policy document `sla/Calendar` may say, with every fault named."""

import re
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Annotated
from zoneinfo import ZoneInfo

import holidays as public_holidays
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, model_validator

from services.sla.rules.calendar import CalendarVersion, Span

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_SPAN = re.compile(r"([01]\d|2[0-3]):([0-5]\d)\s*[-–]\s*([01]\d|2[0-3]|24):([0-5]\d)")

Name = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=20_000)]


def _span(written: object) -> Span:
    if isinstance(written, tuple):
        return written
    found = _SPAN.fullmatch(written.strip()) if isinstance(written, str) else None
    if found is None:
        raise ValueError(f"{written!r} is not a span; write for instance 09:00-17:00, 00:00-24:00 or 22:00-06:00")
    hour, minute, to_hour, to_minute = map(int, found.groups())
    opening, closing = hour * 3600 + minute * 60, to_hour * 3600 + to_minute * 60
    if closing > 86_400:
        raise ValueError(f"{written!r} ends after 24:00")
    if opening == closing:
        raise ValueError(f"{written!r} is empty; a whole day is 00:00-24:00")
    return opening, closing if closing > opening else closing + 86_400


def _span_text(span: Span) -> str:
    opening, closing = span
    closing = closing - 86_400 if closing > 86_400 else closing
    return f"{opening // 3600:02}:{opening // 60 % 60:02}-{closing // 3600:02}:{closing // 60 % 60:02}"


def _spans(spans: Iterable[Span]) -> tuple[Span, ...]:
    ordered = tuple(sorted(spans))
    for (_, closing), later in pairwise(ordered):
        if later[0] < closing:
            raise ValueError(f"{_span_text(later)} overlaps the span before it")
    return ordered


SpanText = Annotated[Span, BeforeValidator(_span), PlainSerializer(_span_text)]
Spans = Annotated[tuple[SpanText, ...], Field(max_length=24)]


class Part(BaseModel):
    """A part of a policy document: a field that it does not have is refused by name."""

    model_config = ConfigDict(frozen=True, extra="forbid", arbitrary_types_allowed=True)


class Holidays(Part):
    """Public holidays of a country (ISO 3166-1 alpha-2, with subdivision where it has its own) and further dates."""

    country: Name | None = None
    subdivision: Name | None = None
    dates: Annotated[tuple[date, ...], Field(max_length=2000)] = ()

    @model_validator(mode="after")
    def _known(self) -> "Holidays":
        if self.country is None:
            if self.subdivision is not None:
                raise ValueError("a subdivision needs its country")
            return self
        supported: dict[str, list[str]] = public_holidays.list_supported_countries()
        if self.country not in supported:
            raise ValueError(f"{self.country!r} is not a country whose holidays are known (ISO 3166-1 alpha-2)")
        if self.subdivision is not None and self.subdivision not in supported[self.country]:
            known = ", ".join(supported[self.country]) or "none"
            raise ValueError(f"{self.country} has no subdivision {self.subdivision!r}; known: {known}")
        return self


class ExceptionalDay(Part):
    """A date with its own spans in place of its weekday's and in spite of any holiday; none: closed."""

    date: date
    spans: Spans = ()
    note: Text = ""

    @model_validator(mode="after")
    def _apart(self) -> "ExceptionalDay":
        _spans(self.spans)
        return self


class CalendarSpec(Part):
    """Opening hours in local time of an IANA zone.

    Keys of `weekly` are days or ranges such as `monday-friday`. A span belongs to the day it begins on.
    """

    zone: Name
    weekly: dict[str, Spans]
    holidays: Holidays = Holidays()
    exceptional: Annotated[tuple[ExceptionalDay, ...], Field(max_length=2000)] = ()
    description: Text = ""

    @model_validator(mode="after")
    def _opens(self) -> "CalendarSpec":
        try:
            ZoneInfo(self.zone)
        except (
            KeyError,
            ValueError,
            OSError,
        ):  # ZoneInfo reads a file of this name: absent, a folder, or outside of its own
            raise ValueError(f"{self.zone!r} is not a zone of the IANA database") from None
        if not any(self.by_weekday()):
            raise ValueError("a calendar opens at least once a week, or no deadline could ever be reached")
        days = [each.date for each in self.exceptional]
        if twice := {str(day) for day in days if days.count(day) > 1}:
            raise ValueError(f"exceptional day given twice: {', '.join(sorted(twice))}")
        if self.version("check", 1, datetime(1970, 1, 1, tzinfo=UTC)).next_open(_LATE) is None:
            raise ValueError("the calendar never opens: every opening falls on a holiday")
        return self

    def by_weekday(self) -> tuple[tuple[Span, ...], ...]:
        """The spans of Monday to Sunday. Raises ValueError for a day that is unknown, given twice or overlaps."""
        week: list[tuple[Span, ...] | None] = [None] * 7
        for key, spans in self.weekly.items():
            for day in _days(key):
                if week[day] is not None:
                    raise ValueError(f"{WEEKDAYS[day]} is given twice, again by {key!r}")
                week[day] = _spans(spans)
        return tuple(spans or () for spans in week)

    def version(self, name: str, version: int, effective_from: datetime) -> CalendarVersion:
        """The calendar version that this spec describes."""
        return CalendarVersion(
            name=name,
            version=version,
            effective_from=effective_from,
            zone=ZoneInfo(self.zone),
            weekly=self.by_weekday(),
            country=self.holidays.country,
            subdivision=self.holidays.subdivision,
            holidays=frozenset(self.holidays.dates),
            exceptional={each.date: _spans(each.spans) for each in self.exceptional},
        )


_LATE = datetime(2150, 1, 1, tzinfo=UTC)
"""Later than any date that a document lists: what opens here opens every week."""


def _days(key: str) -> Iterator[int]:
    first, _, last = key.strip().lower().partition("-")
    last = last or first
    if first not in WEEKDAYS or last not in WEEKDAYS or WEEKDAYS.index(last) < WEEKDAYS.index(first):
        raise ValueError(f"{key!r} is not a day or range of days; write monday or monday-friday")
    yield from range(WEEKDAYS.index(first), WEEKDAYS.index(last) + 1)
