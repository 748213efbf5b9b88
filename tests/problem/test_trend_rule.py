"""The threshold for trends: exact against sums in decimals, honest where nothing but chance is at work, and what it
finds in a real desk's year.
"""

import csv
import gzip
import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal, localcontext
from math import exp
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from services.problem.rules.trends import (
    USUAL_TRENDS,
    Counted,
    Dimension,
    TrendRule,
    findings,
    tail,
    window_of,
    windows_known,
)
from tests.system import MONDAY

pytestmark = pytest.mark.capability("PRB-6")
LOG = Path(__file__).parents[3] / "shared" / "data" / "uci_incident_event_log.dev.csv.gz"
Struck = list[tuple[datetime, Mapping[Dimension, str]]]


def exact(count: int, before: int, windows: Decimal) -> Decimal:
    """1 minus the sum of all smaller counts, in 200 digits: no logarithm, no gamma function, no smaller tail chosen."""
    with localcontext() as context:
        context.prec = 200
        shape, stay = before + Decimal("0.5"), 1 / (windows + 1)
        term = total = ((windows / (windows + 1)) ** before) * (windows / (windows + 1)).sqrt()
        for smaller in range(1, count):
            term *= (shape + smaller - 1) / smaller * stay
            total += term
        return 1 - total if count else Decimal(1)


@given(st.integers(0, 60), st.integers(0, 300), st.sampled_from(["1", "1.5", "2", "6", "13.25", "60"]))
def test_the_probability_is_that_of_the_exact_sum(count: int, before: int, windows: str) -> None:
    expected = float(exact(count, before, Decimal(windows)))
    assert tail(count, before, float(windows)) == pytest.approx(expected, rel=1e-9, abs=1e-300)


@given(st.integers(1, 40), st.integers(0, 200), st.floats(1, 60))
def test_more_incidents_are_less_probable_and_more_history_makes_them_more_so(
    count: int, before: int, windows: float
) -> None:
    here = tail(count, before, windows)
    assert 0 <= here <= 1
    assert tail(count + 1, before, windows) <= here
    assert tail(count, before + 1, windows) >= here * (1 - 1e-12)


def test_with_much_history_it_is_poisson() -> None:
    windows, mean = 1_000_000, 4.0
    terms, smaller = [exp(-mean)], 11
    for count in range(1, smaller):
        terms.append(terms[-1] * mean / count)
    assert tail(smaller, int(mean * windows), windows) == pytest.approx(1 - sum(terms), rel=1e-4)


def test_with_little_history_it_is_wider_than_poisson() -> None:
    mean = 4.0
    poisson = 1 - sum(
        exp(-mean) * mean**count / [1, 1, 2, 6, 24, 120, 720, 5040, 40320, 362880][count] for count in range(10)
    )
    assert tail(10, 8, 2.0) > 3 * poisson


def test_what_there_is_nothing_to_hold_against_is_not_found() -> None:
    surge = [Counted("new", 40, 0)]
    assert findings(surge, 0.9, USUAL_TRENDS) == []
    assert [each.value for each in findings(surge, 1, USUAL_TRENDS)] == ["new"]


def test_few_are_never_a_finding_and_findings_come_least_probable_first() -> None:
    rule = TrendRule(minimum=5, threshold=0.01)
    counts = [Counted("few", 4, 0), Counted("usual", 30, 180), Counted("some", 12, 24), Counted("many", 30, 24)]
    found = findings(counts, 6, rule)
    assert [(each.value, each.expected) for each in found] == [("many", 4.0), ("some", 4.0)]
    assert all(each.probability < rule.threshold for each in found)


def test_windows_end_at_midnight_and_history_begins_with_the_first_incident() -> None:
    rule = TrendRule(days=7, baseline_windows=4)
    history, begin, until = window_of(MONDAY, rule)
    assert (until, begin, history) == tuple(
        datetime(2026, 3, 2, tzinfo=UTC) - timedelta(days=days) for days in (0, 7, 35)
    )
    for days, known in ((35, 4), (400, 4), (21, 2), (10, 3 / 7), (7, 0), (3, 0)):
        assert windows_known(begin, until - timedelta(days=days), rule) == pytest.approx(known)
    assert windows_known(begin, None, rule) == 0


@pytest.mark.parametrize(
    "spec", [{"days": 0}, {"threshold": 0}, {"threshold": 1}, {"minimum": 0}, {"dimensions": []},
             {"dimensions": ["ci", "ci"]}, {"dimensions": ["caller"]}, {"baseline_windows": 0}, {"colour": "red"}]
)  # fmt: skip
def test_a_rule_that_is_none_is_refused(spec: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        TrendRule.model_validate(spec)


def looked(
    struck: Struck, days: Iterable[datetime], rule: TrendRule
) -> tuple[list[tuple[datetime, Dimension, str]], int]:
    """What a look at each of these midnights finds, and how many things were looked at in all."""
    found: list[tuple[datetime, Dimension, str]] = []
    first, compared = min(at for at, _ in struck), 0
    for now in days:
        history, begin, until = window_of(now, rule)
        for dimension in rule.dimensions:
            counts = Counter(about[dimension] for at, about in struck if dimension in about and begin <= at < until)
            before = Counter(about[dimension] for at, about in struck if dimension in about and history <= at < begin)
            things = [Counted(value, counts[value], before[value]) for value in counts.keys() | before.keys()]
            compared += len(things)
            known = windows_known(begin, first, rule)
            found += [(until, dimension, each.value) for each in findings(things, known, rule)]
    return found, compared


def test_where_nothing_but_chance_is_at_work_findings_stay_below_the_threshold() -> None:
    """100 things with a constant rate each, from rare to frequent, over 40 windows that share no incident."""
    dice, rule = random.Random(7), TrendRule(days=7, baseline_windows=6, threshold=0.01, minimum=1)
    struck: Struck = []
    for thing in range(100):
        at, rate = MONDAY, 0.05 * 1.06**thing
        while (at := at + timedelta(days=7 * dice.expovariate(rate))) < MONDAY + timedelta(days=7 * 47):
            struck.append((at, {"ci": f"host-{thing}"}))
    midnights = [MONDAY + timedelta(days=7 * week) for week in range(7, 47)]
    found, compared = looked(struck, midnights, rule)
    assert compared > 3_000
    # Counts are whole, so the share lies below the threshold; far below it the rule would find nothing real either.
    assert 0.1 * rule.threshold < len(found) / compared < 1.3 * rule.threshold


@pytest.fixture(scope="module")
def desk_year() -> Sequence[tuple[datetime, Mapping[Dimension, str]]]:
    if not LOG.exists():
        pytest.skip(f"the log is not here: {LOG.name}")
    last: dict[str, dict[str, str]] = {}
    with gzip.open(LOG, "rt", newline="") as lines:
        for row in csv.DictReader(lines):
            last[row["number"]] = row
    columns: dict[Dimension, str] = {"ci": "cmdb_ci", "category": "category"}
    return [
        (
            datetime.strptime(row["opened_at"], "%d/%m/%Y %H:%M").replace(tzinfo=UTC),
            {dimension: row[column] for dimension, column in columns.items() if row[column] != "?"},
        )
        for row in last.values()
    ]


RULE = TrendRule(days=14, baseline_windows=3, threshold=0.001, minimum=5, dimensions=("ci", "category"))


def fortnights(struck: Struck) -> list[datetime]:
    """Midnights two weeks apart, from one window of history on, as long as the log is that of the whole desk: from
    June on it holds only a few incidents a day."""
    first = min(at for at, _ in struck)
    return [first + timedelta(days=14 * count + 1) for count in range(2, 7)]


def test_a_real_desk_has_a_few_findings_a_month(desk_year: Struck) -> None:
    found, compared = looked(desk_year, fortnights(desk_year), RULE)
    by_month = Counter(f"{until:%Y-%m}" for until, _, _ in found)
    print(f"{len(found)} findings among {compared} comparisons, by month: {dict(sorted(by_month.items()))}")  # noqa: T201 - the figure
    assert found
    assert max(by_month.values()) < 30


@pytest.mark.parametrize(("threshold", "minimum"), [(0.001, 5), (0.05, 1)])
def test_the_same_desk_with_its_incidents_at_random_times_has_as_few_as_the_threshold_says(
    desk_year: Struck, threshold: float, minimum: int
) -> None:
    rule = RULE.model_copy(update={"threshold": threshold, "minimum": minimum})
    dice = random.Random(11)
    begin = min(at for at, _ in desk_year)
    end = max(fortnights(desk_year))
    whole = [about for at, about in desk_year if at < end]
    found_in_all = compared_in_all = 0
    for _ in range(5):
        shuffled: Struck = [(begin + (end - begin) * dice.random(), about) for about in whole]
        found, compared = looked(shuffled, fortnights(desk_year), rule)
        found_in_all, compared_in_all = found_in_all + len(found), compared_in_all + compared
    print(f"shuffled, threshold {threshold}: {found_in_all} findings among {compared_in_all} comparisons")  # noqa: T201 - the figure
    assert found_in_all <= threshold * compared_in_all + 3 * (threshold * compared_in_all) ** 0.5 + 1
