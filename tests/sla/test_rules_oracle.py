"""Three implementations of the clock on random calendars and timelines: the fold, the verification and the oracle."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import holidays as public_holidays
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from services.sla.rules.agreements import Book, Subject
from services.sla.rules.calendar import CalendarVersion
from services.sla.rules.clock import judge
from services.sla.rules.facts import Fact
from services.sla.rules.fold import Case, advance, fold
from services.sla.rules.ticking import tick
from services.sla.rules.verification import differences
from services.sla.rules.walking import first_open, walk, walk_until
from tests.sla import oracle
from tests.sla.given import LONG_AGO, agreement, calendar, examples, target

# Windows of 40 days around changes of the zone's offset: hour, half an hour, at midnight, and a day that was skipped.
WINDOWS = [
    ("UTC", datetime(2026, 2, 10, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 3, 12, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 10, tzinfo=UTC)),
    ("America/New_York", datetime(2026, 10, 18, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 3, 20, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 9, 20, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 10, 17, tzinfo=UTC)),
    ("America/Havana", datetime(2026, 2, 24, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 2, 3, tzinfo=UTC)),
    ("America/Sao_Paulo", datetime(2018, 10, 20, tzinfo=UTC)),
    ("Pacific/Apia", datetime(2011, 12, 15, tzinfo=UTC)),
    ("Asia/Kathmandu", datetime(2026, 5, 1, tzinfo=UTC)),
]
MINUTES = 40 * 1440
MARGIN = 4 * 1440
KINDS = ["taken_up", "waiting", "resumed", "resolved", "reopened", "closed", "changed", "commented"]
MEASURES = {
    "respond": (frozenset({"taken_up", "resolved", "closed"}), False),
    "resolve": (frozenset({"resolved", "closed"}), True),
    "close": (frozenset({"closed"}), True),
}
settings.register_profile(
    "clocks", deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)
CLOCKS = settings.get_profile("clocks")


@dataclass
class Hours:
    """A calendar for both sides."""

    version: CalendarVersion
    opened: bytearray


@st.composite
def spans(draw: st.DrawFn) -> list[tuple[int, int]]:
    """Spans of one day in minutes, some of them at the hours at which clocks change, some over midnight."""
    cuts = st.one_of(
        st.sampled_from([0, 30, 60, 90, 105, 120, 125, 150, 180, 540, 1020, 1380, 1440]), st.integers(0, 1440)
    )
    marks = sorted(draw(st.lists(cuts, min_size=2, max_size=4, unique=True)))
    found = list(zip(marks[::2], marks[1::2], strict=False))
    if found and found[0][0] > 0 and draw(st.booleans()) and found[-1][1] < 1440:
        found.append((max(found[-1][1], 1200), 1440 + draw(st.integers(1, found[0][0]))))
    return found


def text(span: tuple[int, int]) -> str:
    opening, closing = span
    closing = closing - 1440 if closing > 1440 else closing
    return f"{opening // 60:02}:{opening % 60:02}-{closing // 60:02}:{closing % 60:02}"


@st.composite
def openings(draw: st.DrawFn, seen: oracle.Wall, zone: str, version: int = 1) -> Hours:
    choice = draw(st.integers(0, 5))
    if choice == 0:
        weekly = [[(0, 1440)]] * 7
    elif choice == 1:
        weekly = [[(0, 1440)]] * 5 + [[], []]
    else:
        weekly = draw(st.lists(st.one_of(st.just([]), spans()), min_size=7, max_size=7))
        if not any(weekly):
            weekly[0] = [(540, 1020)]
    days = st.integers(0, 45).map(lambda days: (seen.begins + timedelta(days=days)).date())
    closed = draw(st.frozensets(days, max_size=3))
    own = draw(st.dictionaries(days, st.one_of(st.just([]), spans()), max_size=2))
    country = draw(st.sampled_from([None, None, "DE"]))
    spec: dict[str, Any] = {
        "zone": zone,
        "weekly": {name: [text(span) for span in day] for name, day in zip(WEEK, weekly, strict=True)},
        "holidays": {"dates": sorted(closed)} | ({"country": country, "subdivision": "BY"} if country else {}),
        "exceptional": [{"date": day, "spans": [text(span) for span in spans]} for day, spans in own.items()],
    }
    if country:
        years = range(seen.begins.year - 1, seen.begins.year + 2)
        closed |= frozenset(public_holidays.country_holidays("DE", subdiv="BY", years=years))
    opened = oracle.open_minutes(seen, weekly, closed, own)
    return Hours(calendar(spec, version=version), opened)


WEEK = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")


@st.composite
def windows(draw: st.DrawFn) -> tuple[oracle.Wall, str]:
    zone, begins = draw(st.sampled_from(WINDOWS))
    return oracle.wall(zone, begins, MINUTES), zone


@st.composite
def moments(draw: st.DrawFn) -> list[oracle.Moment]:
    minute = MARGIN + draw(st.integers(0, 10 * 1440))
    told = [oracle.Moment(minute, "opened", None, draw(st.integers(1, 3)))]
    steps = st.one_of(st.integers(0, 90), st.integers(0, 2500), st.integers(-120, 0), st.just(0), st.just(60))
    for _ in range(draw(st.integers(0, 9))):
        kind = draw(st.sampled_from([*KINDS, "cancelled"] if draw(st.integers(0, 9)) == 0 else KINDS))
        reason = draw(st.sampled_from(["user", "vendor"])) if kind == "waiting" else None
        priority = draw(st.integers(1, 3)) if kind == "changed" else told[-1].priority
        told.append(oracle.Moment(max(told[-1].minute + draw(steps), MARGIN), kind, reason, priority))
    return told


def as_facts(seen: oracle.Wall, told: list[oracle.Moment]) -> list[Fact]:
    return [
        Fact(number, oracle.instant(seen, each.minute), each.kind, Subject("incident", each.priority), each.reason)
        for number, each in enumerate(told, 1)
    ]


LIMITS = st.lists(st.one_of(st.integers(1, 3000), st.sampled_from([60, 480, 1440])), min_size=3, max_size=3)


def compare_on_a_random_timeline(data: st.DataObject) -> None:
    seen, zone = data.draw(windows())
    first, second = data.draw(openings(seen, zone)), data.draw(openings(seen, zone, version=2))
    told = data.draw(moments())
    limits = [dict(enumerate(data.draw(LIMITS), 1)) for _ in range(2)]
    measure = data.draw(st.sampled_from(sorted(MEASURES)))
    rules = oracle.Rules(
        *MEASURES[measure],
        data.draw(st.frozensets(st.sampled_from(["user", "vendor"]))),
        data.draw(st.sampled_from(["carry", "restart", "keep"])),
        data.draw(st.sampled_from(["pin", "follow"])),
        data.draw(st.sampled_from(["continue", "restart", "ignore"])),
    )
    switch = told[0].minute + data.draw(st.integers(1, 5000))
    end = max(each.minute for each in told) + data.draw(st.integers(0, 3000))
    compare(seen, (first, second), told, limits, measure, rules, switch, end)


def compare(
    seen: oracle.Wall,
    hours: tuple[Hours, Hours],
    told: list[oracle.Moment],
    limits: list[dict[int, int]],
    measure: str,
    rules: oracle.Rules,
    switch: int,
    end: int,
) -> None:
    """The fold, the verification and the oracle on one timeline, judged at the minute `end`. At the minute `switch` the
    second hours and limits take effect."""
    first, second = hours
    since = oracle.instant(seen, switch)
    changed_hours = CalendarVersion(
        "hours", 2, since, second.version.zone, second.version.weekly, second.version.country,
        second.version.subdivision, second.version.holidays, second.version.exceptional,
    )  # fmt: skip
    versions = [
        agreement(
            target(
                measure=measure,
                limits={priority: f"{minutes}m" for priority, minutes in terms.items()},
                pausing_reasons=sorted(rules.reasons),
                on_priority_change=rules.on_change,
                on_new_version=rules.on_version,
                on_reopen=rules.on_reopen,
            ),
            version=number,
            since=since if number == 2 else LONG_AGO,
        )
        for number, terms in enumerate(limits, 1)
    ]
    book = Book(versions, [first.version, changed_hours])
    promises = [oracle.Promise(0, limits[0], first.opened), oracle.Promise(switch, limits[1], second.opened)]
    facts = as_facts(seen, told)
    case = fold(facts, book)
    now = oracle.instant(seen, end)
    judged = [judge(clock, book, now) for clock in case.clocks]
    expected = oracle.watches(told, promises, rules, end)
    assert len(judged) == len(expected)
    for clock, watch in zip(judged, expected, strict=True):

        def when(minute: int | None) -> datetime | None:
            return None if minute is None else oracle.instant(seen, minute)

        assert clock.elapsed == watch.elapsed * oracle.MINUTE
        assert clock.started_at == when(watch.started)
        assert clock.breached_at == when(watch.breached)
        assert clock.stopped_at == when(watch.stopped)
        assert clock.time_went_back == watch.went_back
        assert clock.state == (
            "cancelled"
            if watch.cancelled
            else "stopped" if watch.stopped is not None else "running" if watch.running else "paused"
        )  # fmt: skip
        missed = watch.breached is not None and not watch.cancelled
        met = watch.stopped is not None and not missed
        assert clock.outcome == ("missed" if missed else "met" if met else "pending")
        within = oracle.instant(seen, MINUTES - MARGIN)
        for ours, theirs in zip((clock.due_at, clock.late_from), watch.deadlines(), strict=True):
            if theirs is not None and theirs >= MINUTES - MARGIN:
                assert ours is not None
                assert ours >= within
            else:
                assert ours == when(theirs)
    assert differences(case, facts, book, now) == []


@pytest.mark.capability("SLM-5")
@pytest.mark.capability("SLM-6")
@pytest.mark.capability("SLM-7")
@settings(CLOCKS, max_examples=examples(100))
@given(st.data())
def test_the_fold_the_verification_and_the_walk_by_minutes_agree(data: st.DataObject) -> None:
    compare_on_a_random_timeline(data)


INSTANTS = st.timedeltas(timedelta(0), timedelta(days=33)).map(
    lambda passed: datetime(2026, 2, 15, tzinfo=UTC) + passed
)
LENGTHS = st.timedeltas(timedelta(0), timedelta(days=12))


@pytest.mark.capability("SLM-4")
@settings(CLOCKS, max_examples=examples(60))
@given(st.data())
def test_elapsed_is_the_number_of_open_minutes_and_add_is_its_inverse(data: st.DataObject) -> None:
    seen, zone = data.draw(windows())
    hours = data.draw(openings(seen, zone))
    start = MARGIN + data.draw(st.integers(0, 10 * 1440))
    length = data.draw(st.integers(0, 10 * 1440))
    begin, end = oracle.instant(seen, start), oracle.instant(seen, start + length)
    assert hours.version.elapsed(begin, end) == sum(hours.opened[start : start + length]) * oracle.MINUTE
    later = begin + data.draw(LENGTHS)
    odd = begin + data.draw(st.timedeltas(timedelta(0), timedelta(hours=30)))
    assert hours.version.elapsed(odd, later) == walk(hours.version, odd, later)
    limit = data.draw(LENGTHS)
    due = hours.version.add(odd, limit)
    assert due is not None
    assert hours.version.elapsed(odd, due) == limit
    assert due == walk_until(hours.version, odd, limit)
    assert due == odd or hours.version.elapsed(odd, due - timedelta(microseconds=1)) < limit
    assert hours.version.next_open(due) == first_open(hours.version, due)


SUBJECTS = st.builds(
    Subject,
    st.just("incident"),
    st.integers(1, 5),
    st.sampled_from(["northwind", "contoso"]),
    st.sampled_from([None, "mail", "erp"]),
)


def a_book_of_many_agreements(data: st.DataObject) -> Book:
    hours = [
        calendar({"zone": "Europe/Berlin", "weekly": {"monday-friday": ["09:00-17:00"]}}),
        calendar(
            {"zone": "Europe/Berlin", "weekly": {"monday-saturday": ["08:00-20:00"]}},
            version=2,
            since=datetime(2026, 2, 25, tzinfo=UTC),
        ),
        calendar({"zone": "UTC", "weekly": {"monday-sunday": ["00:00-24:00"]}}, "always"),
    ]
    found = []
    for name, covers in (("all", {}), ("northwind", {"customers": ["northwind"]}), ("mail", {"services": ["mail"]})):
        for version, since in ((1, datetime(2000, 1, 1, tzinfo=UTC)), (2, data.draw(INSTANTS))):
            targets = [
                target(
                    name=measure if isinstance(measure, str) else "own",
                    measure=measure,
                    calendar=data.draw(st.sampled_from(["hours", "always"])),
                    limits={
                        p: f"{data.draw(st.integers(1, 60))}h"
                        for p in data.draw(st.sets(st.integers(1, 5), min_size=2))
                    },
                    pausing_reasons=["user"],
                    pausing_states=data.draw(st.sampled_from([[], ["new"], ["resolved"], ["waiting"]])),
                    warnings=[0.5, 0.9],
                    on_priority_change=data.draw(st.sampled_from(["carry", "restart", "keep"])),
                    on_new_version=data.draw(st.sampled_from(["pin", "follow"])),
                    on_reopen=data.draw(st.sampled_from(["continue", "restart", "ignore"])),
                )
                for measure in ("respond", "resolve", "close", {"start": "taken_up", "stop": "waiting"})
            ]
            kind = {"kind": "OLA"} if name == "mail" else {}
            found.append(agreement(*targets, name=name, version=version, since=since, **covers, **kind))
    return Book(found, hours)


@st.composite
def stories(draw: st.DrawFn) -> list[Fact]:
    when, subject, told = draw(INSTANTS), draw(SUBJECTS), []
    for number in range(1, draw(st.integers(1, 12)) + 1):
        kind = "opened" if number == 1 else draw(st.sampled_from([*KINDS, "changed", "cancelled"]))
        subject = draw(SUBJECTS) if draw(st.integers(0, 3)) == 0 else subject
        reason = draw(st.sampled_from(["user", "vendor"])) if kind == "waiting" else None
        told.append(Fact(number, when, kind, subject, reason))
        when += draw(st.timedeltas(timedelta(minutes=-30), timedelta(days=3)))
    return told


@pytest.mark.capability("SLM-7")
@settings(CLOCKS, max_examples=examples(80))
@given(st.data())
def test_the_verification_agrees_where_agreements_compete_and_versions_change(data: st.DataObject) -> None:
    book, told = a_book_of_many_agreements(data), data.draw(stories())
    case = fold(told, book)
    now = max(fact.at for fact in told) + data.draw(st.timedeltas(timedelta(0), timedelta(days=9)))
    assert differences(case, told, book, now) == []
    assert Case.from_json(case.to_json()) == case


@pytest.mark.capability("SLM-10")
@settings(CLOCKS, max_examples=examples(50))
@given(st.data())
def test_ticks_at_any_time_give_the_same_clocks_and_tell_each_thing_once(data: st.DataObject) -> None:
    book, told = a_book_of_many_agreements(data), data.draw(stories())
    ticked: Case | None = None
    announced: list[tuple[str, int, str, datetime]] = []
    for number, fact in enumerate(told):
        ticked, happened = advance(ticked, fact, book)
        clocks = []
        until = max(ticked.record.at, told[number + 1].at) if number + 1 < len(told) else ticked.record.at
        for clock in ticked.clocks:
            # The job may be ahead of facts that are still on their way: it must not change what they bring.
            for _ in range(data.draw(st.integers(0, 2))):
                ahead = data.draw(st.timedeltas(timedelta(0), timedelta(days=2)))
                clock, more = tick(clock, book, until + ahead)
                happened += more
            clocks.append(clock)
        ticked = Case(ticked.record, tuple(clocks))
        announced += [(h.clock.key, h.clock.ordinal, f"{h.what} {h.fraction or ''}", h.at) for h in happened
                      if h.what in ("warned", "breached")]  # fmt: skip
    assert ticked is not None
    plain = fold(told, book)
    for ours, theirs in zip(ticked.clocks, plain.clocks, strict=True):
        ours.warned, ours.announced = theirs.warned, theirs.announced
        assert ours == theirs
    assert len(set(announced)) == len(announced)


def test_the_oracle_itself_sees_the_days_of_23_and_25_hours() -> None:
    for begins, day, length in (((2026, 3, 12), date(2026, 3, 29), 23), ((2026, 10, 10), date(2026, 10, 25), 25)):
        seen = oracle.wall("Europe/Berlin", datetime(*begins, tzinfo=UTC), MINUTES)
        opened = oracle.open_minutes(seen, [[]] * 7, frozenset(), {day: [(0, 1440)]})
        assert sum(opened) == length * 60
