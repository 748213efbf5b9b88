"""What grows without being history is taken away after a while: stored answers, and the inbox.

An answer is repeated for as long as a client may still retry. The inbox may forget because the sequence of each record
(the table `stream`) never does: a message that comes again after that is at or below it, and is skipped.
"""

from datetime import timedelta

from sqlalchemy import text

from shared.clock import Clock
from shared.database import Database

KEPT = timedelta(days=7)
BATCH = 5000
IDEMPOTENCY = text(
    "DELETE FROM idempotency WHERE ctid = ANY(ARRAY("
    "SELECT ctid FROM idempotency WHERE recorded < :before LIMIT :batch FOR UPDATE SKIP LOCKED)) RETURNING 1"
)
INBOX = text(
    "DELETE FROM inbox WHERE ctid = ANY(ARRAY("
    "SELECT ctid FROM inbox WHERE processed_at < :before LIMIT :batch FOR UPDATE SKIP LOCKED)) RETURNING 1"
)


async def tidy(database: Database, clock: Clock) -> int:
    """Take one batch of each away; how many rows went."""
    parameters = {"before": clock.now() - KEPT, "batch": BATCH}
    return sum([len(await database.rows(statement, parameters)) for statement in (IDEMPOTENCY, INBOX)])
