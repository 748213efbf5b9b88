"""Months that are over are measured once, and once more where what they were made from was corrected."""

from sqlalchemy import text
from uuid_utils.compat import uuid7

from services.sla.domain.docket import OURSELVES
from services.sla.domain.measuring import finalise, restate
from services.sla.queries.dockets import policies
from services.sla.queries.levels import applied, corrected, found_for, measured_months
from services.sla.rules.agreements import Book
from services.sla.rules.periods import Measured, months
from services.sla.tables import Measurement
from shared.database import Cause
from shared.service import Runtime

BATCH = 50
# One replica measures at a time; the index on final measurements is what makes a second one impossible.
TURN = text("SELECT pg_try_advisory_xact_lock(7316602)")


async def finalise_months(runtime: Runtime) -> int:
    """Measure what is over and was not measured, from the month on in which the agreement was first applied."""
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        if not (await transaction.execute(TURN)).scalar():
            return 0
        book, since = await policies(transaction), await applied(transaction)
        known = await measured_months(transaction)
        due = [
            each
            for name in sorted(book.agreements)
            for each in months(book, name, since[name], now)
            if each.ends <= now and (name, each.level.name, each.month) not in known
        ][:BATCH]
        for measured in due:
            row, events = finalise(measured, book, await found_for(transaction, measured), now)
            transaction.record(row, events, Cause(OURSELVES, measured.ends, now, uuid7()))
        await transaction.flush()
    return len(due)


async def restate_months(runtime: Runtime) -> int:
    """Measure again where outages or closings of the time were corrected, withdrawn or came late."""
    now = runtime.clock.now()
    async with runtime.database.transaction() as transaction:
        if not (await transaction.execute(TURN)).scalar():
            return 0
        rows = await corrected(transaction, BATCH)
        book = await policies(transaction)
        for row in rows:
            measured = judged_by(row, book)
            again = restate(row, measured, book, await found_for(transaction, measured), now)
            if again is None:
                transaction.touch(row)
                continue
            other, finalised, replaced = again
            cause = Cause(OURSELVES, now, now, uuid7())
            # The old one first: there is no moment with two final ones.
            transaction.record(row, replaced, cause)
            transaction.record(other, finalised, cause)
        await transaction.flush()
    return len(rows)


def judged_by(row: Measurement, book: Book) -> Measured:
    """What was measured, by the version that it was judged by."""
    agreement = next(each for each in book.agreements[row.agreement] if each.version == row.agreement_version)
    level = next(each for each in agreement.spec.service_levels if each.name == row.level)
    return Measured(agreement, level, row.period, row.begins_at, row.ends_at)
