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
from shared.events.inbox import Inbox
from shared.service import Service

FORGET_EVENTS = text("DELETE FROM inbox WHERE handler = ANY(CAST(:handlers AS text[]))")
FORGET_STREAMS = text("DELETE FROM stream WHERE topic = ANY(CAST(:topics AS text[]))")


async def rebuilt(service: Service, database: Database, bus: Bus, clock: Clock) -> dict[str, int]:
    """The number of rows in each rebuilt table. The service must not run meanwhile; a second run starts afresh."""
    projections = tuple(each for each in service.handlers if isinstance(each, Projection))
    names = [QUOTE(cast("Table", table).name) for each in projections for table in each.tables]
    followed = topics(projections)
    async with database.transaction() as transaction:
        await transaction.execute(text(f"TRUNCATE {', '.join(names)}"))
        await transaction.execute(FORGET_EVENTS, {"handlers": [each.handle.__name__ for each in projections]})
        await transaction.execute(FORGET_STREAMS, {"topics": followed})
    subscription = await bus.subscribe(service.name, service.consumes, from_start=True)
    inbox = Inbox(service.name, database, service.handlers, clock)
    try:
        quiet = 0
        while quiet < 3:
            arrivals = await subscription.batch(500, 0.5)
            quiet = 0 if arrivals or subscription.lag() else quiet + 1
            if arrivals:
                await inbox.receive([each for each in arrivals if each.topic in followed], rebuilding=True)
                await subscription.done(arrivals)
    finally:
        await subscription.close()
    counts = {}
    for each in names:
        counts[each.strip('"')] = (await database.rows(text(f"SELECT count(*) AS n FROM {each}"), {}))[0].n
    return counts
