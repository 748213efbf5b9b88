"""Loading records with their clocks, locked, and writing them: a few statements for a whole batch."""

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from sqlalchemy import any_, bindparam, select, text

from services.sla.domain.docket import Docket, Entry
from services.sla.domain.memory import remembered
from services.sla.domain.policies import KINDS, book_of
from services.sla.rules.agreements import Book, Subject
from services.sla.rules.facts import Fact
from services.sla.tables import Clock, Tracked
from shared.database import Transaction
from shared.database.records import from_row
from shared.policies import Policy, stored

# Whoever applies policies takes this lock alone: what is judged before they are committed is judged without them, and
# `jobs.take_in_policies` finds it afterwards.
TOGETHER = text("SELECT pg_advisory_xact_lock_shared(7316004)")
IDS = text("SELECT id FROM policy ORDER BY id")
RECORDS = select(Tracked.__table__).where(Tracked.id == any_(bindparam("ids"))).order_by(Tracked.id).with_for_update()
CLOCKS = select(Clock.__table__).where(Clock.record == any_(bindparam("ids"))).order_by(Clock.id).with_for_update()
FACTS = text(
    "INSERT INTO fact (record, sequence, event, at, kind, priority, organisation, service, reason, historical, "
    '"group", assignee) '
    "SELECT given.* FROM unnest(CAST(:record AS uuid[]), CAST(:sequence AS int[]), CAST(:event AS uuid[]), "
    "CAST(:at AS timestamptz[]), CAST(:kind AS text[]), CAST(:priority AS smallint[]), CAST(:organisation AS text[]), "
    "CAST(:service AS text[]), CAST(:reason AS text[]), CAST(:historical AS boolean[]), "
    "CAST(:group AS text[]), CAST(:assignee AS text[])) AS given "
    "ON CONFLICT DO NOTHING"
)
TOLD = text(
    "SELECT aggregate_id, sequence, type, causation, occurred, CAST(data AS json) ->> 'fraction' AS fraction, "
    "CAST(data AS json) ->> 'rule' AS rule FROM event WHERE aggregate_id = ANY(CAST(:ids AS uuid[])) "
    "ORDER BY aggregate_id, sequence"
)
VERSIONS = text(
    "SELECT aggregate_id, max(sequence) AS version FROM event WHERE aggregate_id = ANY(CAST(:ids AS uuid[])) "
    "GROUP BY aggregate_id"
)
SEEN = text("SELECT event FROM fact WHERE record = ANY(CAST(:ids AS uuid[]))")
READ_FACTS = text(
    "SELECT fact.*, tracked.kind AS record_kind FROM fact JOIN tracked ON tracked.id = fact.record "
    "WHERE fact.record = ANY(CAST(:ids AS uuid[])) ORDER BY fact.record, fact.sequence"
)
_known: dict[tuple[UUID, ...], list[Policy]] = {}


async def book(transaction: Transaction) -> Book:
    """The policies as this transaction sees them; none can be applied before it ends."""
    await transaction.execute(TOGETHER)
    return await policies(transaction)


async def policies(transaction: Transaction) -> Book:
    """The policies as this transaction sees them."""
    ids = tuple((await transaction.execute(IDS)).scalars())
    found = _known.get(ids)
    if found is None:
        _known.clear()
        found = _known[ids] = await stored(transaction, KINDS)
    return book_of(found)


async def docket(transaction: Transaction, ids: Collection[UUID], now: datetime) -> Docket:
    """These records, as far as they are known, and all their clocks; locked in the order of their ids."""
    parameters = {"ids": sorted(ids)}
    in_force = await book(transaction)
    records = (await transaction.execute(RECORDS, parameters)).mappings().all()
    rows = (await transaction.execute(CLOCKS, parameters)).mappings().all() if records else ()
    return Docket.of(
        in_force, now, [from_row(Tracked, each) for each in records], [from_row(Clock, each) for each in rows]
    )


async def keep(transaction: Transaction, docket: Docket) -> None:
    """Write what was taken in: facts, records, clocks and their events."""
    if transaction.rebuilding:
        await recall(transaction, docket)
    elif docket.begun:
        rows = await transaction.execute(VERSIONS, {"ids": [row.id for row in docket.begun]})
        versions = {each.aggregate_id: each.version for each in rows}
        for row in docket.begun:
            row.version = versions.get(row.id, 0)
    moved = docket.settle()
    await keep_facts(transaction, docket.facts)
    await transaction.write(Tracked, [docket.records[id] for id in {each.record: None for each in docket.facts}])
    for row in moved:
        transaction.touch(row)
    for each in docket.said:
        transaction.record(each.row, [each.event], each.cause)


async def recall(transaction: Transaction, docket: Docket) -> None:
    """A rebuild derives what was told before; see `Docket.recall`."""
    ids = sorted(row.id for row in docket.rows.values())
    told = await transaction.execute(TOLD, {"ids": ids})
    seen = await transaction.execute(SEEN, {"ids": sorted({each.record for each in docket.facts})})
    docket.recall(remembered(ids, told), seen.scalars())


async def keep_facts(transaction: Transaction, entries: Sequence[Entry]) -> None:
    if not entries:
        return
    facts = [each.fact for each in entries]
    await transaction.execute(
        FACTS,
        {
            "record": [each.record for each in entries],
            "sequence": [fact.sequence for fact in facts],
            "event": [each.event for each in entries],
            "at": [fact.at for fact in facts],
            "kind": [fact.kind for fact in facts],
            "priority": [fact.subject.priority for fact in facts],
            "organisation": [fact.subject.organisation for fact in facts],
            "service": [fact.subject.service for fact in facts],
            "reason": [fact.reason for fact in facts],
            "historical": [fact.historical for fact in facts],
            "group": [each.group for each in entries],
            "assignee": [each.assignee for each in entries],
        },
    )


async def facts(transaction: Transaction, ids: Collection[UUID]) -> dict[UUID, list[Entry]]:
    """All facts of these records, in the order of their sequence."""
    found: dict[UUID, list[Entry]] = {}
    for row in await transaction.execute(READ_FACTS, {"ids": sorted(ids)}):
        subject = Subject(row.record_kind, row.priority, row.organisation, row.service)
        fact = Fact(row.sequence, row.at, row.kind, subject, row.reason, row.historical)
        found.setdefault(row.record, []).append(Entry(row.record, row.event, fact, row.group, row.assignee))
    return found
