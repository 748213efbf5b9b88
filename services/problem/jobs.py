"""What problem management does when time passes: known errors expire and fall due for review, fixes are evaluated,
trends are looked for.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from uuid_utils.compat import uuid7

from services.problem.domain.desk import Desk
from services.problem.domain.known_errors import due
from services.problem.domain.orders import OpenFromTrend
from services.problem.domain.proof import Judge, evaluate, evaluation_due
from services.problem.domain.trends import NAMED, found, open_from
from services.problem.queries import known_errors, proof, trends
from services.problem.rules import USUAL
from services.problem.rules.proof import EVALUATION, USUAL_EVALUATION
from services.problem.rules.trends import (
    DIMENSIONS,
    TREND,
    USUAL_TRENDS,
    Counted,
    Dimension,
    TrendRule,
    findings,
    window_of,
    windows_known,
)
from services.problem.tables import KnownError, Problem, Trend, TrendLook
from shared.database import Cause, Transaction
from shared.service import Job, Runtime

BATCH = 200
OURSELVES = "steward"


async def mind_known_errors(runtime: Runtime) -> int:
    """Retire those whose time is over, and tell that the date of a review has passed; how many."""
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        ids = (await transaction.execute(known_errors.DUE, {"now": now, "limit": BATCH})).scalars().all()
        found = await transaction.load_many(KnownError, ids) if ids else {}
        happened = [(at, known, events) for known in found.values() for at, events in due(known, now)]
        for at, known, events in sorted(happened, key=lambda each: each[0]):
            transaction.record(known, events, Cause(OURSELVES, at, now, uuid7()))
        await transaction.flush()
    return len(happened)


async def evaluate_fixes(runtime: Runtime) -> int:
    """Judge the fixes that are old enough by the rule in force, each as of the day it was due; how many.

    What is heard only later of incidents of that time is not counted any more.
    """
    now = runtime.clock.now()
    policy = runtime.policies.of(EVALUATION, None, now)
    judge = Judge(policy.spec, policy.name, policy.version) if policy else Judge(USUAL_EVALUATION)
    async with runtime.database.transaction() as transaction:
        due_since = now - timedelta(days=judge.rule.days)
        ids = (await transaction.execute(proof.DUE, {"latest": due_since, "limit": BATCH})).scalars().all()
        if not ids:
            return 0
        problems = await transaction.load_many(Problem, ids)
        counts = await proof.struck(transaction, ids, judge.rule.days)
        for problem in problems.values():
            at = evaluation_due(problem, judge.rule)
            events = evaluate(problem, *counts[problem.id], judge, at)
            transaction.record(problem, events, Cause(OURSELVES, at, now, uuid7()))
        await transaction.flush()
    return len(ids)


async def look_for_trends(runtime: Runtime) -> int:
    """Once after each midnight in UTC, by one replica; 1 where it looked. After an outage only the last one is made up
    for: its window holds what the missed ones held."""
    now = runtime.clock.now()
    policy = runtime.policies.of(TREND, None, now)
    rule: tuple[TrendRule, str | None, int | None] = (
        (policy.spec, policy.name, policy.version) if policy else (USUAL_TRENDS, None, None)
    )
    history, begin, until = window_of(now, rule[0])
    async with runtime.database.transaction() as transaction:
        if not (await transaction.execute(trends.TURN)).scalar():
            return 0
        if (await transaction.execute(trends.LOOKED, {"until": until})).first():
            return 0
        first = (await transaction.execute(trends.FIRST)).scalar()
        counts: dict[Dimension, Sequence[Counted]] = {
            dimension: await trends.counted(transaction, dimension, history, begin, until)
            for dimension in rule[0].dimensions
        }
        comparisons = sum(map(len, counts.values()))
        told = {(row.dimension, row.value) for row in await transaction.execute(trends.TOLD, {"begin": begin})}
        rows: list[Trend] = []
        for dimension, each in counts.items():
            news = [
                finding
                for finding in findings(each, windows_known(begin, first, rule[0]), rule[0])
                if (dimension, finding.value) not in told
            ]
            ids = await trends.latest(transaction, dimension, [one.value for one in news], begin, until, NAMED)
            for finding in news:
                trend, event = found(dimension, finding, ids[finding.value], comparisons, rule, until, now)
                rows.append(trend)
                cause = Cause(OURSELVES, until, now, uuid7())
                await transaction.tell(trend.id, f"{dimension}/{finding.value}", event, cause)
        if rule[0].opens:
            await open_problems(transaction, rows, now)
        await transaction.write(Trend, rows)
        look: dict[str, Any] = {"until": until, "comparisons": comparisons, "findings": len(rows), "at": now}
        await transaction.write(TrendLook, [TrendLook(**look)])
        await transaction.flush()
    return 1


async def open_problems(transaction: Transaction, found: Sequence[Trend], now: datetime) -> None:
    """Open a problem from each finding, but where an open one is about the same thing, or all of its incidents are
    behind one that was opened here just before: an item's surge is also that of its service and category."""
    desk, covered = Desk(now, OURSELVES, USUAL), set[UUID]()
    for dimension in DIMENSIONS:
        here = [trend for trend in found if trend.dimension == dimension]
        busy = await trends.under_way(transaction, dimension, [trend.value for trend in here]) if here else set()
        for trend in here:
            if trend.value in busy or covered.issuperset(trend.incidents):
                continue
            problem, events = open_from(trend, OpenFromTrend(), desk)
            transaction.record(problem, events, Cause(OURSELVES, now, now, uuid7()))
            covered.update(trend.incidents)


JOBS = (Job(mind_known_errors, every=5.0), Job(evaluate_fixes, every=60.0), Job(look_for_trends, every=60.0))
