"""The clock against the walk by minutes in the long run: as many random timelines as STEWARD_TIMELINES says.

Without hypothesis, whose search and shrinking cost more than the clock: a seed, printed, makes a run again. Each pair
of random calendars serves some timelines, for marking its minutes costs as much as walking them.
"""

import gc
import os
import random
import sys
import time
from collections.abc import Sequence

import pytest

from tests.sla import oracle
from tests.sla.given import calendar
from tests.sla.test_rules_oracle import KINDS, MARGIN, MEASURES, MINUTES, WEEK, WINDOWS, Hours, compare, text

CHANGES = (0, 30, 60, 90, 105, 120, 125, 150, 180, 540, 1020, 1380, 1440)
TIMELINES_OF_A_PAIR = 40


def some_hours(chance: random.Random, seen: oracle.Wall, zone: str, version: int) -> Hours:
    """Random opening hours, for both sides."""
    weekly: list[list[tuple[int, int]]] = [some_spans(chance) if chance.random() < 0.7 else [] for _ in range(7)]
    if chance.random() < 0.2:
        weekly = [[(0, 1440)]] * 7
    if not any(weekly):
        weekly[0] = [(540, 1020)]
    days = [each.date() for each in seen.shows[:: 1440 * 3]]
    closed = frozenset(chance.sample(days, chance.randint(0, 3)))
    own = {day: some_spans(chance) for day in chance.sample(days, chance.randint(0, 2))}
    spec = {
        "zone": zone,
        "weekly": {name: [text(span) for span in day] for name, day in zip(WEEK, weekly, strict=True)},
        "holidays": {"dates": sorted(closed)},
        "exceptional": [{"date": day, "spans": [text(span) for span in spans]} for day, spans in own.items()],
    }
    return Hours(calendar(spec, version=version), oracle.open_minutes(seen, weekly, closed, own))


def some_spans(chance: random.Random) -> list[tuple[int, int]]:
    """One or two spans of a day in minutes, some of them at the hours at which clocks change, some over midnight."""
    marks = sorted({chance.choice(CHANGES) if chance.random() < 0.5 else chance.randint(0, 1440) for _ in range(4)})
    found = list(zip(marks[::2], marks[1::2], strict=False))
    if found and found[0][0] > 0 and found[-1][1] < 1440 and chance.random() < 0.5:
        found.append((max(found[-1][1], 1200), 1440 + chance.randint(1, found[0][0])))
    return found


def some_moments(chance: random.Random) -> list[oracle.Moment]:
    """What happens to a record, some of it before what was told before."""
    told = [oracle.Moment(MARGIN + chance.randint(0, 10 * 1440), "opened", None, chance.randint(1, 3))]
    for _ in range(chance.randint(0, 9)):
        kind = "cancelled" if chance.random() < 0.02 else chance.choice(KINDS)
        step = chance.choice([chance.randint(0, 90), chance.randint(0, 2500), chance.randint(-120, 0), 0, 60])
        reason = chance.choice(["user", "vendor"]) if kind == "waiting" else None
        priority = chance.randint(1, 3) if kind == "changed" else told[-1].priority
        told.append(oracle.Moment(max(told[-1].minute + step, MARGIN), kind, reason, priority))
    return told


def some_limits(chance: random.Random) -> dict[int, int]:
    return {priority: chance.choice([60, 480, 1440, chance.randint(1, 3000)]) for priority in (1, 2, 3)}


def one(chance: random.Random, seen: oracle.Wall, hours: tuple[Hours, Hours]) -> None:
    """Compare on one random timeline."""
    told = some_moments(chance)
    measure = chance.choice(sorted(MEASURES))
    reasons: Sequence[str] = chance.sample(["user", "vendor"], chance.randint(0, 2))
    rules = oracle.Rules(
        *MEASURES[measure],
        frozenset(reasons),
        chance.choice(["carry", "restart", "keep"]),
        chance.choice(["pin", "follow"]),
        chance.choice(["continue", "restart", "ignore"]),
    )
    switch = told[0].minute + chance.randint(1, 5000)
    end = max(each.minute for each in told) + chance.randint(0, 3000)
    compare(seen, hours, told, [some_limits(chance), some_limits(chance)], measure, rules, switch, end)


@pytest.mark.long
@pytest.mark.timeout(0)
@pytest.mark.capability("SLM-5", "SLM-7")
def test_there_is_no_difference_in_the_long_run(capsys: pytest.CaptureFixture[str]) -> None:
    wanted = int(os.environ.get("STEWARD_TIMELINES", "20000"))
    seed = int(os.environ.get("STEWARD_SEED", "0")) or random.SystemRandom().randrange(1, 2**32)
    chance, compared, begun = random.Random(seed), 0, time.perf_counter()
    # What pytest has loaded need not be looked through for garbage a thousand times.
    gc.freeze()
    while compared < wanted:
        zone, begins = chance.choice(WINDOWS)
        seen = oracle.wall(zone, begins, MINUTES)
        hours = (some_hours(chance, seen, zone, 1), some_hours(chance, seen, zone, 2))
        for _ in range(min(TIMELINES_OF_A_PAIR, wanted - compared)):
            try:
                one(chance, seen, hours)
            except AssertionError as difference:
                raise AssertionError(f"timeline {compared} of STEWARD_SEED={seed}: {difference}") from difference
            compared += 1
    rate = compared / (time.perf_counter() - begun)
    with capsys.disabled():
        sys.stdout.write(f"\n{compared} timelines, 0 differences, {rate:.1f} a second, STEWARD_SEED={seed}\n")
