"""Drops a service's projections and derives them again from the topics.

Only projections are touched: what a Reaction did to the service's own records happened once and stays. The events that
a projection recorded are in the log already, under the same aggregate and sequence, and are kept as they are.
"""

from typing import cast

from sqlalchemy import Table, text

from shared.bus import Bus
from shared.clock import Clock
from shared.database import Database
from shared.database.records import QUOTE
from shared.events.handling import Projection, topics
from shared.events.inbox import Inbox, before
from shared.service import Service

BATCH = 500
FORGET_EVENTS = text("DELETE FROM inbox WHERE handler = ANY(CAST(:handlers AS text[]))")
# A rebuild that was broken off has left older marks here, and its own in the topic's place: the higher ones count.
KEEP_MARKS = text(
    "INSERT INTO stream (topic, aggregate_id, sequence) SELECT :kept, aggregate_id, sequence FROM stream "
    "WHERE topic = :topic "
    "ON CONFLICT (topic, aggregate_id) DO UPDATE SET sequence = greatest(stream.sequence, excluded.sequence)"
)
FORGET_STREAM = text("DELETE FROM stream WHERE topic = :topic")


async def rebuilt(service: Service, database: Database, bus: Bus, clock: Clock) -> dict[str, int]:
    """The number of rows in each rebuilt table. The service must not run meanwhile; a second run starts afresh.

    What had not been taken in before the rebuild is taken in by it, for reactions as well.
    """
    projections = tuple(each for each in service.handlers if isinstance(each, Projection))
    names = list(dict.fromkeys(QUOTE(cast("Table", table).name) for each in projections for table in each.tables))
    if not names:
        return {}
    followed = topics(projections)
    async with database.transaction() as transaction:
        await transaction.execute(text(f"TRUNCATE {', '.join(names)}"))
        await transaction.execute(FORGET_EVENTS, {"handlers": [each.handle.__name__ for each in projections]})
        for topic in followed:
            await transaction.execute(KEEP_MARKS, {"topic": topic, "kept": before(topic)})
            await transaction.execute(FORGET_STREAM, {"topic": topic})
    subscription = await bus.subscribe(service.name, followed, from_start=True)
    inbox = Inbox(service.name, database, service.handlers, clock)
    try:
        quiet = 0
        while quiet < 3:
            arrivals = await subscription.batch(BATCH, 0.5)
            quiet = 0 if arrivals or subscription.lag() else quiet + 1
            if arrivals:
                await inbox.receive(arrivals, rebuilding=True)
                await subscription.done(arrivals)
    finally:
        await subscription.close()
    for topic in followed:
        await database.rows(FORGET_STREAM, {"topic": before(topic)})
    counts = {}
    for each in names:
        counts[each.strip('"')] = (await database.rows(text(f"SELECT count(*) AS n FROM {each}"), {}))[0].n
    return counts
