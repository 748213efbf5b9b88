"""A command's two statements: what they write they write together, once, and for the version that was read."""

import asyncio
from collections import Counter
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text
from uuid_utils.compat import uuid7

from shared.database import Answer, Cause, Database, Faster
from shared.database.engine import Repeated, save_statement
from shared.database.records import new, unnumbered, values
from tests.platform.bakery import Sack, SackFilled, SackGround, SackNoted
from tests.system import MONDAY

COUNTS = text(
    "SELECT (SELECT count(*) FROM sack) AS sacks, (SELECT count(*) FROM event) AS events, "
    "(SELECT count(*) FROM idempotency) AS answers"
)


def cause() -> Cause:
    return Cause(actor="alice", occurred=MONDAY, recorded=MONDAY, correlation=uuid7())


def answer(key: str, caller: str = "alice", body: str = "{}") -> Answer:
    return Answer(caller, key, b"fingerprint", 201, body)


def filled(grain: str = "rye", weight: int = 25) -> Sack:
    sack = new(Sack, organisation="northwind", grain=grain, weight=weight, state="filled", notes=[], filled_at=MONDAY)
    sack.version = 1
    return sack


async def saved(database: Database, key: str | None = None) -> Sack:
    sack = filled()
    await database.save(sack, [SackFilled(grain="rye", weight=25)], cause(), answer(key) if key else None)
    return sack


async def note(database: Database, id: UUID, words: str, key: str | None = None) -> None:
    """Load, write on it, save."""
    sack = await database.load(Sack, id)
    assert sack is not None
    sack.notes = [*sack.notes, words]
    sack.version += 1
    await database.save(sack, [SackNoted(note=words)], cause(), answer(key) if key else None)


async def counts(database: Database) -> tuple[int, int, int]:
    row = (await database.rows(COUNTS, {}))[0]
    return row.sacks, row.events, row.answers


async def test_a_saved_record_is_loaded_as_it_was_with_the_number_that_the_database_drew(
    mill_database: Database,
) -> None:
    sack = await saved(mill_database)
    assert sack.number.startswith("SCK-")
    again = await mill_database.load(Sack, sack.id)
    assert again is not None
    assert (again.number, again.version, again.notes) == (sack.number, 1, [])
    assert (again.grain, again.weight, again.filled_at) == ("rye", 25, MONDAY)


async def test_a_record_of_another_organisation_is_not_loaded(mill_database: Database) -> None:
    sack = await saved(mill_database)
    assert await mill_database.load(Sack, sack.id, "northwind") is not None
    assert await mill_database.load(Sack, sack.id, "contoso") is None
    assert await mill_database.load(Sack, uuid4()) is None


async def test_row_events_and_answer_are_written_by_one_statement(mill_database: Database) -> None:
    sack = filled()
    events = [SackFilled(grain="rye", weight=25), SackNoted(note="dry")]
    sack.version = 2
    await mill_database.save(sack, events, cause(), answer("k", body=f'{{"number":"{unnumbered(sack.id)}"}}'))
    rows = await mill_database.rows(
        text("SELECT e.xmin = s.xmin AS same, i.xmin = s.xmin AS answered, e.sequence, s.version, i.body "
             "FROM sack s, event e, idempotency i ORDER BY e.sequence"), {})  # fmt: skip
    assert [(row.same, row.answered, row.sequence, row.version) for row in rows] == [
        (True, True, 1, 2),
        (True, True, 2, 2),
    ]
    assert rows[0].body == f'{{"number":"{sack.number}"}}'
    assert str(save_statement(Sack, True, True)).count(";") == 0


async def test_who_saves_what_somebody_else_has_changed_meanwhile_is_told_and_changes_nothing(
    mill_database: Database,
) -> None:
    sack = await saved(mill_database)
    mine = await mill_database.load(Sack, sack.id)
    assert mine is not None
    await note(mill_database, sack.id, "theirs")
    mine.weight, mine.version = 1, 2
    with pytest.raises(Faster):
        await mill_database.save(mine, [SackNoted(note="mine")], cause(), answer("mine"))
    now = await mill_database.load(Sack, sack.id)
    assert now is not None
    assert (now.weight, now.notes, now.version) == (25, ["theirs"], 2)
    assert await counts(mill_database) == (1, 2, 0)


async def test_of_many_who_save_the_same_version_one_succeeds(mill_database: Database) -> None:
    sack = await saved(mill_database)
    outcomes = await asyncio.gather(*(note(mill_database, sack.id, f"{n}") for n in range(16)), return_exceptions=True)
    # Who loaded later than the first saved may succeed as well; nobody's words are lost, nobody's are there twice.
    succeeded = [f"{n}" for n, outcome in enumerate(outcomes) if outcome is None]
    assert all(outcome is None or isinstance(outcome, Faster) for outcome in outcomes)
    now = await mill_database.load(Sack, sack.id)
    assert now is not None
    assert Counter(now.notes) == Counter(succeeded)
    assert now.version == 1 + len(succeeded)


async def test_version_is_the_last_sequence_and_the_count_of_events(mill_database: Database) -> None:
    ids = [(await saved(mill_database)).id for _ in range(4)]

    async def persistently(id: UUID, words: str) -> None:
        while True:
            try:
                return await note(mill_database, id, words)
            except Faster:
                continue

    await asyncio.gather(*(persistently(ids[n % 4], f"{n}") for n in range(40)))
    rows = await mill_database.rows(
        text("SELECT s.version, array_agg(e.sequence ORDER BY e.serial) AS sequences, json_array_length(s.notes) AS "
             "notes FROM sack s JOIN event e ON e.aggregate_id = s.id GROUP BY s.id"), {})  # fmt: skip
    assert len(rows) == 4
    for row in rows:
        # In the order of their insertion, which is what the sequencer goes by.
        assert list(row.sequences) == list(range(1, row.version + 1))
        assert row.notes == row.version - 1
    assert sum(row.notes for row in rows) == 40


def test_a_set_in_a_row_is_written_in_the_same_order_by_every_process() -> None:
    words = [f"word {number}" for number in range(10, 30)]
    sack = filled()
    sack.notes = frozenset(words)  # type: ignore[assignment]
    assert values(sack)["notes"] == str(words).replace("'", '"').replace(", ", ",")


async def test_numbers_are_drawn_once_however_many_draw(mill_database: Database) -> None:
    sacks = await asyncio.gather(*(saved(mill_database) for _ in range(60)))
    assert len({sack.number for sack in sacks}) == 60


async def test_a_used_key_undoes_the_whole_statement(mill_database: Database) -> None:
    sack = await saved(mill_database, "k")
    with pytest.raises(Repeated):
        await saved(mill_database, "k")
    with pytest.raises(Repeated):
        await note(mill_database, sack.id, "twice", "k")
    assert await counts(mill_database) == (1, 1, 1)
    now = await mill_database.load(Sack, sack.id)
    assert now is not None
    assert now.version == 1


async def test_of_two_with_the_same_key_at_once_one_is_done(mill_database: Database) -> None:
    outcomes = await asyncio.gather(*(saved(mill_database, "k") for _ in range(8)), return_exceptions=True)
    assert sum(isinstance(outcome, Sack) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, Repeated) for outcome in outcomes) == 7
    assert await counts(mill_database) == (1, 1, 1)


async def test_the_same_key_of_another_caller_is_another_key(mill_database: Database) -> None:
    for caller in ("alice", "bob"):
        sack = filled()
        await mill_database.save(sack, [SackFilled(grain="rye", weight=1)], cause(), answer("k", caller))
    assert await counts(mill_database) == (2, 2, 2)


async def test_an_event_that_the_log_refuses_undoes_the_row(mill_database: Database) -> None:
    sack = await saved(mill_database)
    # Somebody wrote an event for a version that the row has not reached: the log must refuse ours.
    await mill_database.rows(
        text("INSERT INTO event (id, aggregate_id, sequence, subject, type, data, occurred, recorded, actor, "
             "correlation, historical) VALUES (:id, :sack, 2, 'x', 'x', '{}', now(), now(), 'x', :id, false)"),
        {"id": uuid4(), "sack": sack.id},
    )  # fmt: skip
    before = await counts(mill_database)
    with pytest.raises(Exception, match="uq_event_aggregate_id_sequence"):
        await note(mill_database, sack.id, "lost", "k")
    assert await counts(mill_database) == before
    now = await mill_database.load(Sack, sack.id)
    assert now is not None
    assert (now.version, now.notes) == (1, [])


async def test_a_row_that_its_table_refuses_leaves_no_event(mill_database: Database) -> None:
    sack = filled()
    sack.grain = None  # type: ignore[assignment]  # what the table must refuse
    with pytest.raises(Exception, match="grain"):
        await mill_database.save(sack, [SackFilled(grain="rye", weight=1)], cause(), answer("k"))
    assert await counts(mill_database) == (0, 0, 0)


async def test_a_transaction_that_fails_at_its_end_leaves_nothing(mill_database: Database) -> None:
    async def fails() -> None:
        async with mill_database.transaction() as transaction:
            sack = filled()
            sack.version = 0
            transaction.record(sack, [SackFilled(grain="rye", weight=1), SackGround()], cause())
            await transaction.flush()
            raise RuntimeError("at the end")

    with pytest.raises(RuntimeError, match="at the end"):
        await fails()
    assert await counts(mill_database) == (0, 0, 0)


async def test_a_transaction_writes_many_records_with_their_events_and_numbers(mill_database: Database) -> None:
    async with mill_database.transaction() as transaction:
        sacks = [filled(weight=weight) for weight in range(1, 101)]
        for sack in sacks:
            sack.version = 0
            transaction.record(sack, [SackFilled(grain="rye", weight=sack.weight)], cause())
            transaction.record(sack, [SackNoted(note="a"), SackNoted(note="b")], cause())
        await transaction.flush()
    numbers = [int(sack.number.removeprefix("SCK-")) for sack in sacks]
    assert numbers == sorted(set(numbers))
    assert await counts(mill_database) == (100, 300, 0)
    found = await mill_database.load(Sack, sacks[7].id)
    assert found is not None
    assert (found.weight, found.version, found.number, found.notes) == (8, 3, sacks[7].number, [])
    async with mill_database.transaction() as transaction:
        loaded = await transaction.load_many(Sack, [sack.id for sack in sacks[:3]])
        assert {sack.version for sack in loaded.values()} == {3}
