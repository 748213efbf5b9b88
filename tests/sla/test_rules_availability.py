"""Availability against a walk through every minute, in zones whose clocks change; and which months are measured."""

from datetime import UTC, datetime, timedelta
from fractions import Fraction
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.sla.rules.availability import Outage, usable
from services.sla.rules.durations import MICROSECOND
from services.sla.rules.level_spec import Availability
from services.sla.rules.periods import Stretch, month_of, months, stretches
from tests.sla import oracle
from tests.sla.given import ALWAYS, OFFICE_HOURS, agreement, at, book, calendar, examples
from tests.sla.test_rules_oracle import CLOCKS, MARGIN, MINUTES, openings, windows

pytestmark = pytest.mark.capability("SLM-8")
DEGREES = st.sampled_from(["down", "degraded"])


def level(**terms: Any) -> Availability:
    content = {"name": "portal", "measure": "availability", "service": "Portal", "calendar": "hours", "at_least": 99.5}
    return Availability.model_validate(content | terms)


@settings(CLOCKS, max_examples=examples(60))
@given(st.data())
def test_availability_is_the_number_of_usable_minutes(data: st.DataObject) -> None:
    seen, zone = data.draw(windows())
    first, second = data.draw(openings(seen, zone)), data.draw(openings(seen, zone, version=2))
    begins = MARGIN + data.draw(st.integers(0, 2 * 1440))
    ends = begins + data.draw(st.integers(1, 28 * 1440))
    switch = data.draw(st.integers(begins, ends - 1))
    until = data.draw(st.integers(begins, MINUTES - MARGIN))
    drawn = data.draw(
        st.lists(
            st.tuples(
                st.integers(MARGIN - 1440, MINUTES - MARGIN), st.one_of(st.none(), st.integers(1, 4 * 1440)),
                DEGREES, st.booleans(),
            ),
            max_size=6,
        )
    )  # fmt: skip
    terms = level(planned=data.draw(st.sampled_from(["excluded", "counted"])),
                  degraded=data.draw(st.sampled_from([0, 0.25, 0.5, 1])))  # fmt: skip
    when = [oracle.instant(seen, minute) for minute in range(MINUTES)]
    hours = [
        Stretch(when[start], when[end], each.version)
        for start, end, each in ((begins, switch, first), (switch, ends, second))
        if start < end
    ]
    outages = [
        Outage(when[start], None if length is None else when[start] + length * oracle.MINUTE, degree, planned)
        for start, length, degree, planned in drawn
    ]

    found = usable(terms, hours, outages, when[until])

    agreed, lost, whole = 0, Fraction(0), 0
    for minute in range(begins, ends):
        if not (first if minute < switch else second).opened[minute]:
            continue
        over = [
            (degree, planned)
            for start, length, degree, planned in drawn
            if start <= minute and (length is None or minute < start + length)
        ]
        if minute >= until:
            whole += 1
        elif not (terms.planned == "excluded" and any(planned for _, planned in over)):
            agreed, whole = agreed + 1, whole + 1
            lost += max((1 if degree == "down" else terms.degraded for degree, _ in over), default=0)
    minute_length = oracle.MINUTE // MICROSECOND
    assert (found.agreed, found.lost, found.whole) == (
        agreed * minute_length, lost * minute_length, whole * minute_length)  # fmt: skip
    assert found.share == (1 - lost / agreed if agreed else None)
    assert found.budget(Fraction(99, 100)) == (Fraction(whole, 100) - lost) * minute_length


def test_outages_that_overlap_are_lost_once_and_a_part_of_an_hour_is_exact() -> None:
    hours = [Stretch(at("2026-03-02 00:00"), at("2026-03-03 00:00"), calendar(ALWAYS))]
    odd = at("2026-03-02 10:00") + timedelta(microseconds=7)
    outages = [Outage(at("2026-03-02 09:00"), odd, "down", False), Outage(at("2026-03-02 09:30"), odd, "down", False)]
    found = usable(level(), hours, outages, at("2026-03-03 00:00"))
    assert found.lost == 3_600_000_007
    assert found.share == 1 - Fraction(3_600_000_007, 86_400_000_000)


@pytest.mark.parametrize(
    ("zone", "instant", "name", "days"),
    [
        ("Europe/Berlin", "2026-02-28 23:30", "2026-03", 31 - Fraction(1, 24)),
        ("Europe/Berlin", "2026-10-15 00:00", "2026-10", 31 + Fraction(1, 24)),
        ("UTC", "2026-12-31 23:59", "2026-12", 31),
        ("America/New_York", "2026-03-01 04:59", "2026-02", 28),
    ],
)
def test_a_month_is_that_of_the_zone(zone: str, instant: str, name: str, days: Fraction) -> None:
    found = month_of(at(instant), ZoneInfo(zone))
    assert (found.name, (found.ends - found.begins) / timedelta(days=1)) == (name, float(days))
    assert found.begins <= at(instant) < found.ends


def test_a_month_is_judged_by_the_version_that_is_in_force_when_it_begins() -> None:
    levels = [{"name": "n", "measure": "throughput", "calendar": "hours", "at_least": 5}]
    first = agreement(service_levels=levels, since=at("2026-01-10 00:00"), period={"from": "2026-01-10"})
    second = agreement(version=2, service_levels=levels, since=at("2026-03-15 00:00"),
                       period={"from": "2026-01-10", "to": "2026-04-20"})  # fmt: skip
    found = list(months(book(first, second), "sla", at("2026-01-01 00:00"), at("2027-01-01 00:00")))
    assert [(each.month, each.agreement.version, each.begins, each.ends) for each in found] == [
        ("2026-01", 1, at("2026-01-10 00:00"), at("2026-02-01 00:00")),
        ("2026-02", 1, at("2026-02-01 00:00"), at("2026-03-01 00:00")),
        ("2026-03", 1, at("2026-03-01 00:00"), at("2026-04-01 00:00")),
        ("2026-04", 2, at("2026-04-01 00:00"), at("2026-04-21 00:00")),
    ]


def test_a_new_version_of_a_calendar_counts_from_its_own_instant_on() -> None:
    later = calendar(ALWAYS, version=2, since=datetime(2026, 3, 15, tzinfo=UTC))
    found = stretches(
        book(hours=[calendar(OFFICE_HOURS), later]), "hours", at("2026-03-01 00:00"), at("2026-04-01 00:00")
    )
    assert [(each.begins, each.ends, each.calendar.version) for each in found] == [
        (at("2026-03-01 00:00"), at("2026-03-15 00:00"), 1),
        (at("2026-03-15 00:00"), at("2026-04-01 00:00"), 2),
    ]
