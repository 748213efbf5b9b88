"""The reviews that agreements ask for become rows before they are due, and what is overdue is told."""

from datetime import date, timedelta

from sqlalchemy import select, text
from uuid_utils.compat import uuid7

from services.sla.domain.docket import OURSELVES
from services.sla.domain.reviews import call_off, overdue, plan
from services.sla.lifecycle import ReviewState, TaskState
from services.sla.queries.dockets import policies
from services.sla.queries.levels import applied
from services.sla.rules.reviews import review_days
from services.sla.tables import Review, Task
from shared.database import Cause
from shared.database.records import from_row
from shared.service import Runtime

AHEAD = timedelta(days=92)
BATCH = 200
TURN = text("SELECT pg_try_advisory_xact_lock(7316603)")
REVIEWS = text("SELECT agreement, due_on FROM service_review")
COMING = (
    select(Review.__table__)
    .where(Review.state == ReviewState.PLANNED, Review.due_on >= text(":today"))
    .order_by(Review.id)
    .with_for_update()
)
LATE = (
    select(Task.__table__)
    .where(Task.state == TaskState.OPEN, Task.due_on < text(":today"), ~Task.overdue_told)
    .order_by(Task.due_on, Task.id)
    .limit(BATCH)
    .with_for_update(skip_locked=True)
)


async def plan_reviews(runtime: Runtime) -> int:
    """Plan each review of the next three months, by the versions in force; call off what is not asked for any more."""
    now = runtime.clock.now()
    today, cause = now.date(), Cause(OURSELVES, now, now, uuid7())
    async with runtime.database.transaction() as transaction:
        if not (await transaction.execute(TURN)).scalar():
            return 0
        book, since = await policies(transaction), await applied(transaction)
        wanted: dict[tuple[str, date], int] = {}
        for name in book.agreements:
            version = book.in_force(name, now)
            if version is not None:
                days = review_days(version.spec, since[name].date(), today + AHEAD)
                wanted |= {(name, day): version.version for day in days}
        known = {(each.agreement, each.due_on) for each in await transaction.execute(REVIEWS)}
        done = 0
        for (name, day), number in sorted(wanted.items()):
            if (name, day) not in known:
                row, events = plan(book.agreements[name], number, day)
                transaction.record(row, events, cause)
                done += 1
        for found in (await transaction.execute(COMING, {"today": today})).mappings().all():
            if (found["agreement"], found["due_on"]) not in wanted:
                row = from_row(Review, found)
                transaction.record(row, call_off(row, "the agreement does not ask for it any more"), cause)
                done += 1
        await transaction.flush()
    return done


async def tell_overdue(runtime: Runtime) -> int:
    """Tell of agreed actions whose day has passed, once for each day that was agreed on."""
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        found = (await transaction.execute(LATE, {"today": now.date()})).mappings().all()
        for each in found:
            row = from_row(Task, each)
            transaction.record(row, overdue(row), Cause(OURSELVES, now, now, uuid7()))
        await transaction.flush()
    return len(found)
