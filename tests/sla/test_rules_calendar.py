"""Working time of calendars: hours, changes of the clocks, holidays, exceptional days, bounds and bad documents."""

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from services.sla.rules.calendar import ZERO
from services.sla.rules.calendar_spec import CalendarSpec
from services.sla.rules.documents import stored
from services.sla.rules.durations import duration_text, parse_duration
from services.sla.rules.walking import first_open, walk
from tests.sla.given import ALWAYS, OFFICE_HOURS, at, calendar, hours

pytestmark = pytest.mark.capability("SLM-4")
ALL_DAY = {"monday-sunday": ["00:00-24:00"]}


def test_only_open_hours_count() -> None:
    office = calendar(OFFICE_HOURS)
    assert office.elapsed(at("2026-03-06 16:00"), at("2026-03-09 10:00")) == hours(2)
    assert office.elapsed(at("2026-03-07 00:00"), at("2026-03-08 23:59")) == timedelta(0)
    assert office.elapsed(at("2026-03-09 10:00"), at("2026-03-06 16:00")) == timedelta(0)


def test_a_limit_used_up_at_closing_time_is_due_then_and_the_next_opening_is_later() -> None:
    office = calendar(OFFICE_HOURS)
    due = office.add(at("2026-03-06 15:00"), hours(2))
    assert due == at("2026-03-06 17:00")
    assert office.next_open(due) == at("2026-03-09 09:00")
    assert office.add(at("2026-03-07 12:00"), timedelta(0)) == at("2026-03-07 12:00")


def test_an_opening_is_open_and_a_closing_is_not() -> None:
    office = calendar(OFFICE_HOURS)
    assert office.next_open(at("2026-03-06 09:00")) == at("2026-03-06 09:00")
    assert office.next_open(at("2026-03-06 17:00")) == at("2026-03-09 09:00")
    assert office.next_open(at("2026-03-06 16:59:59.999999")) == at("2026-03-06 16:59:59.999999")


def test_microseconds_are_exact() -> None:
    always = calendar(ALWAYS)
    start = datetime(2026, 1, 1, 0, 0, 0, 1, tzinfo=UTC)
    assert always.add(start, timedelta(days=400, microseconds=7)) == start + timedelta(days=400, microseconds=7)


@pytest.mark.capability("SLM-5")
@pytest.mark.parametrize(
    ("zone", "day", "length"),
    [
        ("Europe/Berlin", date(2026, 3, 29), 23),
        ("Europe/Berlin", date(2026, 10, 25), 25),
        ("Europe/Berlin", date(2026, 6, 1), 24),
        ("Australia/Lord_Howe", date(2026, 4, 5), 24.5),
        ("Australia/Lord_Howe", date(2026, 10, 4), 23.5),
        ("America/Sao_Paulo", date(2018, 11, 4), 23),
        ("Pacific/Apia", date(2011, 12, 30), 0),
    ],
)
def test_a_whole_day_lasts_as_long_as_the_clocks_make_it(zone: str, day: date, length: float) -> None:
    one_day = calendar(
        {"zone": zone, "weekly": {"monday": ["00:00-00:01"]}, "holidays": {"dates": [str(day)]}}
        | {"exceptional": [{"date": str(day), "spans": ["00:00-24:00"]}]}
    )
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC)
    window = noon - timedelta(days=1), noon + timedelta(days=1.5)
    monday = calendar({"zone": zone, "weekly": {"monday": ["00:00-00:01"]}}).elapsed(*window)
    assert one_day.elapsed(*window) == hours(length) + (monday if day.weekday() else timedelta(0))


@pytest.mark.parametrize("zone", ["Europe/Berlin", "America/Havana", "America/Sao_Paulo", "Pacific/Apia"])
def test_midnight_between_two_open_days_loses_nothing(zone: str) -> None:
    open_always = calendar({"zone": zone, "weekly": ALL_DAY})
    assert open_always.elapsed(at("2010-01-01 00:00"), at("2020-01-01 00:00")) == timedelta(days=3652)


def test_an_opening_that_does_not_exist_moves_to_the_first_instant_that_does() -> None:
    early = calendar({"zone": "Europe/Berlin", "weekly": {"sunday": ["02:30-04:00"]}})
    assert early.next_open(at("2026-03-28 12:00")) == at("2026-03-29 01:00")
    assert early.elapsed(at("2026-03-28 12:00"), at("2026-03-29 12:00")) == hours(1)


@pytest.mark.parametrize(
    ("zone", "span", "day", "before", "opens"),
    [
        # Samoa went over the date line and had no 30 December.
        ("Pacific/Apia", "09:00-17:00", "friday-saturday", "2011-12-30 09:00", "2011-12-30 19:00"),
        # In São Paulo the clocks went from 00:00 to 01:00.
        ("America/Sao_Paulo", "00:15-00:45", "sunday", "2018-11-03 12:00", "2018-11-11 02:15"),
    ],
)
def test_a_span_that_the_clocks_skip_opens_nothing(zone: str, span: str, day: str, before: str, opens: str) -> None:
    skipped = calendar({"zone": zone, "weekly": {day: [span]}})
    assert skipped.next_open(at(before)) == first_open(skipped, at(before)) == at(opens)
    assert skipped.elapsed(at(before), at(opens)) == walk(skipped, at(before), at(opens)) == ZERO


def test_of_an_ambiguous_reading_a_start_takes_the_first_and_an_end_the_second() -> None:
    early = calendar({"zone": "Europe/Berlin", "weekly": {"sunday": ["02:15-02:30"]}})
    assert early.next_open(at("2026-10-24 12:00")) == at("2026-10-25 00:15")
    assert early.elapsed(at("2026-10-24 12:00"), at("2026-10-25 12:00")) == hours(1.25)


def test_a_span_over_midnight_belongs_to_the_day_it_begins_on() -> None:
    night = calendar(
        {"zone": "UTC", "weekly": {"monday-friday": ["22:00-06:00"]}, "holidays": {"dates": ["2026-03-03"]}}
    )
    assert night.elapsed(at("2026-03-02 00:00"), at("2026-03-04 00:00")) == hours(8)
    assert night.elapsed(at("2026-03-03 00:00"), at("2026-03-03 12:00")) == hours(6)
    assert night.elapsed(at("2026-03-03 12:00"), at("2026-03-04 12:00")) == timedelta(0)


def test_public_holidays_are_closed_and_exceptional_days_open_in_spite_of_them() -> None:
    spec: dict[str, Any] = OFFICE_HOURS | {"holidays": {"country": "DE", "subdivision": "BY"}}
    bavaria = calendar(spec)
    assert bavaria.elapsed(at("2026-01-06 00:00"), at("2026-01-07 00:00")) == timedelta(0)
    assert bavaria.elapsed(at("2026-01-07 00:00"), at("2026-01-08 00:00")) == hours(8)
    opened = calendar(spec | {"exceptional": [{"date": "2026-01-06", "spans": ["10:00-12:00"]}]})
    assert opened.elapsed(at("2026-01-06 00:00"), at("2026-01-07 00:00")) == hours(2)


def test_no_search_runs_without_bound() -> None:
    office = calendar(OFFICE_HOURS)
    assert office.add(at("2199-12-31 16:00"), hours(9)) is None
    assert office.next_open(at("2200-01-01 00:00")) is None
    assert office.elapsed(at("0001-01-02 00:00"), at("1970-01-02 00:00")) == hours(8)
    assert office.elapsed(at("2199-12-31 00:00"), at("9999-01-01 00:00")) == hours(8)


def test_a_time_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="no offset"):
        calendar(OFFICE_HOURS).elapsed(datetime(2026, 1, 1), at("2026-01-02 00:00"))  # noqa: DTZ001 - it is the point


def test_any_zone_of_the_caller_is_the_same_instant() -> None:
    office = calendar(OFFICE_HOURS)
    start = datetime.fromisoformat("2026-03-06T18:00:00+02:00")
    assert office.add(start, hours(1)) == at("2026-03-06 17:00")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"weekly": {}}, "opens at least once a week"),
        ({"weekly": {"monday": []}}, "opens at least once a week"),
        ({"zone": "Europe/Atlantis"}, "not a zone"),
        ({"zone": "Europe"}, "not a zone"),
        ({"zone": "../etc/passwd"}, "not a zone"),
        ({"weekly": {"someday": ["09:00-17:00"]}}, "'someday' is not a day"),
        ({"weekly": {"friday-monday": ["09:00-17:00"]}}, "not a day or range"),
        ({"weekly": {"monday-friday": ["09:00-17:00"], "friday": ["09:00-12:00"]}}, "friday is given twice"),
        ({"weekly": {"monday": ["09:00-17:00", "16:00-18:00"]}}, "overlaps"),
        ({"weekly": {"monday": ["09:00-09:00"]}}, "is empty"),
        ({"weekly": {"monday": ["9-17"]}}, "is not a span"),
        ({"weekly": {"monday": ["09:00-24:30"]}}, "after 24:00"),
        ({"weekly": {"monday": [[9, 17]]}}, "is not a span"),
        ({"holidays": {"country": "XX"}}, "'XX' is not a country"),
        ({"holidays": {"country": "DE", "subdivision": "XX"}}, "no subdivision 'XX'"),
        ({"holidays": {"subdivision": "BY"}}, "needs its country"),
        ({"exceptional": [{"date": "2026-01-01"}, {"date": "2026-01-01"}]}, "twice: 2026-01-01"),
        ({"opening": "late"}, "opening"),
    ],
)
def test_a_calendar_that_cannot_be_meant_is_refused(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        CalendarSpec.model_validate(OFFICE_HOURS | change)


def test_a_calendar_whose_only_day_is_always_a_holiday_never_opens_and_is_refused() -> None:
    every_monday = [str(date(2149, 12, 29) + timedelta(weeks=week)) for week in range(2000)]
    late = {"zone": "UTC", "weekly": {"monday": ["09:00-17:00"]}, "holidays": {"dates": every_monday}}
    assert CalendarSpec.model_validate(late).version("c", 1, at("2000-01-01 00:00")).next_open(at("2149-12-28 00:00"))
    with pytest.raises(ValidationError, match="at most 2000"):
        CalendarSpec.model_validate(late | {"holidays": {"dates": [*every_monday, "2026-01-01"]}})


def test_a_spec_is_stored_as_json_and_reads_back_the_same() -> None:
    spec = CalendarSpec.model_validate(
        {
            "zone": "Europe/Berlin",
            "weekly": {"monday-friday": ["09:00-12:00", "22:00-06:00"], "saturday": ["00:00-24:00"]},
            "holidays": {"country": "DE", "subdivision": "BY", "dates": ["2026-12-24"]},
            "exceptional": [{"date": "2026-12-31", "spans": ["09:00-12:00"], "note": "stock-taking"}],
        }
    )
    assert CalendarSpec.model_validate(stored(spec)) == spec
    assert stored(spec)["weekly"]["monday-friday"] == ["09:00-12:00", "22:00-06:00"]


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("6h24m", timedelta(hours=6, minutes=24)),
        ("153.7h", timedelta(hours=153, minutes=42)),
        ("6.4h", timedelta(hours=6, minutes=24)),
        ("PT6H", timedelta(hours=6)),
        ("P1DT0.5H", timedelta(days=1, minutes=30)),
        ("2d 4h", timedelta(days=2, hours=4)),
        ("90min", timedelta(minutes=90)),
        ("1w", timedelta(weeks=1)),
        ("0.000001s", timedelta(microseconds=1)),
        ("PT0S", timedelta(0)),
    ],
)
def test_a_duration_is_read_exactly(text: str, length: timedelta) -> None:
    assert parse_duration(text) == length
    assert parse_duration(duration_text(length)) == length


@pytest.mark.parametrize(
    "text", ["", "6", "h", "6x", "P", "PT", "P1Y", "-3h", "1h1h", "0.0000001s", "9" * 61, "9" * 40 + "d"]
)
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_duration(text)
