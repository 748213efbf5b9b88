"""The event log: positions in commit order without gaps whoever writes and whoever leads, and no way to rewrite it."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import pytest
from sqlalchemy import TextClause, text

from contracts.envelope import Message
from shared.database import Database
from shared.events.log import Log, chained
from shared.events.sequencer import LEADER, Sequencer, direct
from tests.bus.samples import until
from tests.platform.scribes import Scribe, everything, filled, numbered

WRITERS, TIMES = 24, 12


def sequences(messages: list[Message]) -> dict[UUID, list[int]]:
    found: dict[UUID, list[int]] = defaultdict(list)
    for message in messages:
        found[message.aggregate_id].append(message.sequence)
    return found


async def complete(database: Database) -> list[Message]:
    """The log, which must have every committed event once, without a gap and in each record's order."""
    messages = await everything(database)
    assert [message.position for message in messages] == list(range(1, len(messages) + 1))
    versions = {row.id: row.version for row in await database.rows(text("SELECT id, version FROM sack"), {})}
    assert sequences(messages) == {id: list(range(1, version + 1)) for id, version in versions.items()}
    assert len({message.id for message in messages}) == len(messages)
    return messages


class Leading:
    """Some sequencers on one database, each as in a process of its own."""

    def __init__(self, database: Database, count: int) -> None:
        self.logs = [Log("mill", database) for _ in range(count)]
        self.sequencers = [Sequencer(database, log, batch=50) for log in self.logs]
        self._tasks = [asyncio.create_task(each.run()) for each in self.sequencers]

    @property
    def leaders(self) -> int:
        return sum(each.leading for each in self.sequencers)

    async def end(self) -> None:
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


async def all_numbered(database: Database) -> None:
    unnumbered = text("SELECT count(*) AS n FROM event WHERE position IS NULL")
    async with asyncio.timeout(60):
        while (await database.rows(unnumbered, {}))[0].n:  # noqa: ASYNC110 - another connection's doing
            await asyncio.sleep(0.05)


async def test_24_writers_who_commit_late_or_not_at_all_lose_nothing_and_invert_nothing(
    mill_database: Database,
) -> None:
    sacks = [sack.id for sack in await filled(mill_database, 20)]
    leading = Leading(mill_database, 1)
    scribes = [Scribe(mill_database, sacks, seed) for seed in range(WRITERS)]
    await asyncio.gather(*(scribe.write(TIMES) for scribe in scribes))
    await all_numbered(mill_database)
    await leading.end()
    messages = await complete(mill_database)
    # What was acknowledged is there.
    reached = {id: max(found) for id, found in sequences(messages).items()}
    for scribe in scribes:
        assert all(reached[id] >= version for id, version in scribe.written.items())
    assert (await Log("mill", mill_database).verify())["broken_at"] is None


async def test_a_transaction_that_commits_late_comes_later_in_the_log_and_is_not_passed_over(
    mill_database: Database,
) -> None:
    _, late = await filled(mill_database, 2)
    log = Log("mill", mill_database)
    await numbered(mill_database, log)
    async with mill_database.transaction() as transaction:
        # Inserted, so its place in the order of insertion is taken; not committed.
        await transaction.execute(
            text("INSERT INTO event (id, aggregate_id, sequence, subject, type, data, occurred, recorded, actor, "
                 "correlation, historical) SELECT gen_random_uuid(), aggregate_id, 2, subject, type, data, occurred, "
                 "recorded, 'late', correlation, false FROM event WHERE aggregate_id = :id"),
            {"id": late.id},
        )  # fmt: skip
        await transaction.execute(text("UPDATE sack SET version = 2 WHERE id = :id"), {"id": late.id})
        await filled(mill_database, 3)
        await numbered(mill_database, log)
        assert log.end == 5
    await numbered(mill_database, log)
    messages = await complete(mill_database)
    assert messages[-1].actor == "late"
    assert messages[-1].position == 6


async def test_of_competing_sequencers_one_leads_and_another_takes_over_where_it_ended(
    mill_database: Database,
) -> None:
    sacks = [sack.id for sack in await filled(mill_database, 8)]
    leading = Leading(mill_database, 2)
    await until(lambda: leading.leaders == 1, "one of two leads")

    async def end_the_leader(times: int) -> None:
        for _ in range(times):
            await until(lambda: leading.leaders == 1, "one of two leads again")
            await asyncio.sleep(0.1)
            await mill_database.rows(
                text("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND objid = :lock "
                     "AND granted AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"),
                {"lock": LEADER},
            )  # fmt: skip

    scribes = [Scribe(mill_database, sacks, seed) for seed in range(8)]
    await asyncio.gather(end_the_leader(3), *(scribe.write(TIMES) for scribe in scribes))
    await all_numbered(mill_database)
    assert leading.leaders <= 1
    await leading.end()
    await complete(mill_database)
    assert (await Log("mill", mill_database).verify())["broken_at"] is None


async def test_a_leader_that_does_not_know_it_was_replaced_cannot_number_twice(mill_database: Database) -> None:
    await filled(mill_database, 200)
    # No leader's lock at all: only the end of the log, which must be where it was read, stands between them.
    connections = [await direct(mill_database) for _ in range(4)]
    sequencers = [Sequencer(mill_database, Log("mill", mill_database), batch=7) for _ in connections]

    async def number_all(sequencer: Sequencer, connection: asyncpg.Connection) -> int:
        done = 0
        while count := await sequencer.number(connection):
            done += count
        return done

    done = await asyncio.gather(*map(number_all, sequencers, connections))
    for connection in connections:
        await connection.close()
    assert sum(done) == 200
    await complete(mill_database)
    assert (await Log("mill", mill_database).verify())["broken_at"] is None


@pytest.mark.parametrize(
    "rewriting",
    [
        "UPDATE event SET data = '{}' WHERE position = 2",
        "UPDATE event SET actor = 'nobody'",
        "UPDATE event SET position = 99 WHERE position = 2",
        "UPDATE event SET hash = NULL WHERE position = 2",
        "UPDATE event SET position = NULL, hash = NULL WHERE position = 3",
        "DELETE FROM event WHERE position = 3",
        "DELETE FROM event",
        "TRUNCATE event",
        "TRUNCATE event CASCADE",
    ],
)
async def test_the_log_refuses_to_be_rewritten(mill_database: Database, rewriting: str) -> None:
    await filled(mill_database, 3)
    await numbered(mill_database, Log("mill", mill_database))
    before = await everything(mill_database)
    with pytest.raises(Exception, match="the event log is append-only"):
        await mill_database.rows(text(rewriting), {})
    assert await everything(mill_database) == before


TAMPERINGS = {
    "edit": ("UPDATE event SET data = replace(data, 'rye', 'oat') WHERE position = 40", 40),
    "edit of who did it": ("UPDATE event SET actor = 'somebody' WHERE position = 1", 1),
    "edit of when": ("UPDATE event SET occurred = occurred + interval '1 microsecond' WHERE position = 60", 60),
    "deletion": ("DELETE FROM event WHERE position = 33", 33),
    "deletion and closing up": (
        "DELETE FROM event WHERE position = 33; "
        "UPDATE event SET position = position - 1000000 WHERE position > 33; "
        "UPDATE event SET position = position + 999999 WHERE position < 0",
        33,
    ),
    "swap": (
        "UPDATE event SET position = -1 WHERE position = 20; UPDATE event SET position = 20 WHERE position = 21; "
        "UPDATE event SET position = 21 WHERE position = -1",
        20,
    ),
    "truncation at the end": ("DELETE FROM event WHERE position > 55", 56),
    "truncation of everything": ("TRUNCATE event", 1),
    "insertion in between": (
        "UPDATE event SET position = position + 1000000 WHERE position >= 30; "
        "UPDATE event SET position = position - 999999 WHERE position >= 1000000; "
        "INSERT INTO event (id, aggregate_id, sequence, subject, type, data, occurred, recorded, actor, correlation, "
        "historical, position, hash) SELECT gen_random_uuid(), gen_random_uuid(), 1, subject, type, data, occurred, "
        "recorded, actor, correlation, false, 30, hash FROM event WHERE position = 29",
        30,
    ),
    "insertion at the end": (
        "INSERT INTO event (id, aggregate_id, sequence, subject, type, data, occurred, recorded, actor, correlation, "
        "historical, position, hash) SELECT gen_random_uuid(), gen_random_uuid(), 1, subject, type, data, occurred, "
        "recorded, actor, correlation, false, 61, hash FROM event WHERE position = 60",
        61,
    ),
    "a hash of another event": (
        "UPDATE event SET hash = (SELECT hash FROM event WHERE position = 9) WHERE position = 10",
        10,
    ),
}


@pytest.mark.parametrize("tampering", TAMPERINGS)
async def test_whoever_gets_past_the_triggers_is_found_out_by_the_hash_chain(
    mill_database: Database, tampering: str
) -> None:
    await filled(mill_database, 60)
    log = Log("mill", mill_database)
    await numbered(mill_database, log)
    whole = await log.verify(batch=7)
    assert (whole["verified"], whole["broken_at"]) == (60, None)
    statements, broken_at = TAMPERINGS[tampering]
    connection = await direct(mill_database)
    # What a superuser can do: triggers do not fire for replicas.
    await connection.execute(f"SET session_replication_role = replica; {statements}")
    await connection.close()
    found = await log.verify(batch=7)
    assert found["broken_at"] == broken_at
    assert found["verified"] == broken_at - 1


class Growing(Database):
    """The log gets three more events whenever somebody has read as far as it went."""

    async def rows(self, sql: TextClause, parameters: dict[str, Any]) -> Sequence[Any]:
        found = await super().rows(sql, parameters)
        if not found:
            await filled(self, 3)
            connection = await direct(self)
            await Sequencer(self, Log("mill", self)).number(connection)
            await connection.close()
        return found


async def test_a_log_that_grows_while_it_is_verified_verifies(mill_database: Database) -> None:
    await filled(mill_database, 30)
    await numbered(mill_database, Log("mill", mill_database))
    growing = Growing(mill_database.url)
    outcome = await Log("mill", growing).verify(batch=7)
    assert outcome["verified"] == 30
    assert outcome["broken_at"] is None
    assert await Log("mill", mill_database).head() == 33
    await growing.close()


async def test_an_event_that_fits_the_chain_but_was_never_numbered_is_found(mill_database: Database) -> None:
    await filled(mill_database, 5)
    log = Log("mill", mill_database)
    await numbered(mill_database, log)
    connection = await direct(mill_database)
    last = await connection.fetchrow("SELECT * FROM event WHERE position = 5")
    forged = {**last, "id": uuid4(), "aggregate_id": uuid4(), "actor": "nobody"}
    forged |= {"position": 6, "hash": chained(last["hash"], forged)}
    names = [name for name in forged if name != "serial"]
    places = ", ".join(f"${n}" for n in range(1, len(names) + 1))
    await connection.execute("SET session_replication_role = replica")
    await connection.execute(
        f"INSERT INTO event ({', '.join(names)}) VALUES ({places})", *(forged[name] for name in names)
    )
    await connection.close()
    assert (await log.verify())["broken_at"] == 6


async def test_what_is_read_from_memory_is_what_the_table_says(mill_database: Database) -> None:
    log = Log("mill", mill_database, keep=20)
    for count in (5, 9, 1, 30, 3):
        await filled(mill_database, count)
        await numbered(mill_database, log)
        table = await everything(mill_database)
        for after in range(len(table) + 1):
            for limit in (1, 4, 100):
                # A short page is not the end; what comes must be what follows.
                found = await log.read(after, limit)
                assert found == table[after : after + len(found)]
                assert bool(found) == (after < len(table))


async def test_memory_of_a_log_that_another_process_went_on_with_is_not_believed(mill_database: Database) -> None:
    here, there = Log("mill", mill_database), Log("mill", mill_database)
    for log in (here, there, here):
        await filled(mill_database, 4)
        await numbered(mill_database, log)
    table = await everything(mill_database)
    found: list[Message] = []
    while page := await here.read(len(found), 3):
        found += page
    assert found == table


async def test_a_reader_who_waits_is_woken_by_the_sequencer(mill_database: Database) -> None:
    log = Log("mill", mill_database)
    waiting = asyncio.create_task(Log.growth([(log, 0)], 600))
    await asyncio.sleep(0)
    await filled(mill_database, 1)
    await numbered(mill_database, log)
    async with asyncio.timeout(30):
        await waiting


async def test_the_log_of_a_record_has_its_events_before_they_are_numbered(mill_database: Database) -> None:
    (sack,) = await filled(mill_database, 1)
    log = Log("mill", mill_database)
    assert [(each.sequence, each.position) for each in await log.timeline(sack.id)] == [(1, 0)]
    await numbered(mill_database, log)
    assert [(each.sequence, each.position) for each in await log.timeline(sack.id)] == [(1, 1)]
