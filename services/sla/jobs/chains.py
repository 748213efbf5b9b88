"""Telling of promises that nothing supports, once each, when policies are taken in."""

import asyncio
from datetime import datetime

from sqlalchemy import text
from uuid_utils.compat import uuid7

from services.sla.domain.chains import chain_id, unsupported
from services.sla.domain.docket import OURSELVES
from services.sla.queries.dockets import policies
from services.sla.rules.agreements import Book
from services.sla.rules.chains import Chain, chains
from services.sla.rules.worst_case import Worst
from shared.database import Cause, Transaction

TOLD = text("SELECT aggregate_id FROM event WHERE aggregate_id = ANY(CAST(:ids AS uuid[]))")


async def tell_unsupported(transaction: Transaction, now: datetime) -> None:
    """Tell of every promise that is unsupported now or will be by what is known, and was not told of."""
    # The years of several calendars are a while to go through, and others are answered meanwhile.
    found = {chain_id(each[0]): each for each in await asyncio.to_thread(broken, await policies(transaction), now)}
    told = set((await transaction.execute(TOLD, {"ids": list(found)})).scalars()) if found else set()
    for id, (chain, worst) in found.items():
        if id not in told:
            cause = Cause(OURSELVES, now, now, uuid7())
            subject = f"{chain.agreement.name}/{chain.target.name}/{chain.priority}"
            await transaction.tell(id, subject, unsupported(chain, worst), cause)


def broken(book: Book, after: datetime) -> list[tuple[Chain, Worst]]:
    judged = ((each, each.worst()) for each in chains(book, after))
    return [(chain, worst) for chain, worst in judged if not chain.holds(worst)]
