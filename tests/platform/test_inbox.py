"""Whatever the bus does, each message has its effect once and in its record's order; what cannot be taken in waits."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from shared.bus import Arrival
from shared.clock import Clock
from shared.database import Database, Transaction
from shared.events.handling import Delivery
from shared.events.inbox import Inbox
from tests.platform.bakery import HANDLERS, Oven, RecipePublished, SackGround
from tests.platform.letters import NOBODY, arrivals, effects, inbox, life, message, once, reasons, sacks, waiting
from tests.system import MONDAY


def broken_by(words: str) -> None:
    """The handler fails at this note."""

    def fault(delivery: Delivery[Any]) -> None:
        if getattr(delivery.event, "note", None) == words:
            raise ValueError(f"cannot read {words}")

    Oven.fault = staticmethod(fault)


def mended() -> None:
    Oven.fault = staticmethod(lambda delivery: None)


async def test_messages_that_come_many_times_have_their_effect_once(bakery_database: Database) -> None:
    lives = sacks(5)
    taken = inbox(bakery_database)
    for found in lives:
        await taken.receive(arrivals([*found, *found]))
        for _ in range(3):
            await taken.receive(arrivals(found))
    await taken.receive(arrivals([each for found in lives for each in found]))
    await once(bakery_database, 5)


async def test_two_who_take_in_the_same_at_once_have_one_effect_together(bakery_database: Database) -> None:
    lives = sacks(12)
    one, other = inbox(bakery_database), inbox(bakery_database)

    async def all_of(taken: Any, seed: int) -> None:
        order = list(lives)
        random.Random(seed).shuffle(order)
        for found in order:
            for start in range(0, len(found), 2):
                while True:
                    try:
                        await taken.receive(arrivals(found[start : start + 2]))
                        break
                    except Exception as error:
                        if "deadlock" not in str(error):
                            raise

    await asyncio.gather(all_of(one, 1), all_of(other, 2))
    await once(bakery_database, 12)


class Slow(Inbox):
    """An intake that hangs between reading what was taken in and taking in, as a member does that lost its partition
    and does not know it."""

    def __init__(self, database: Database) -> None:
        super().__init__("bakery", database, HANDLERS, Clock(lambda: MONDAY))
        self.reading, self.go_on = asyncio.Event(), asyncio.Event()

    async def marks(self, transaction: Transaction, topic: str, ids: Sequence[UUID]) -> dict[UUID, int]:
        seen = await super().marks(transaction, topic, ids)
        self.reading.set()
        await self.go_on.wait()
        return seen


async def test_a_slow_second_intake_does_not_take_the_mark_back(bakery_database: Database) -> None:
    found = life(uuid4())
    zombie = Slow(bakery_database)
    late = asyncio.create_task(zombie.receive(arrivals(found[:2])))
    await zombie.reading.wait()
    await inbox(bakery_database).receive(arrivals(found[:4]))
    zombie.go_on.set()
    await late
    await inbox(bakery_database).receive(arrivals(found[4:]))
    await once(bakery_database, 1)


async def test_a_slow_second_intake_has_no_second_effect(bakery_database: Database) -> None:
    """Nothing but the inbox stands between them: the record has no mark yet, and a loaf can be baked twice."""
    found = [message(uuid4(), 1, SackGround())]
    zombie = Slow(bakery_database)
    late = asyncio.create_task(zombie.receive(arrivals(found)))
    await zombie.reading.wait()
    await inbox(bakery_database).receive(arrivals(found))
    zombie.go_on.set()
    await late
    assert (await bakery_database.rows(text("SELECT count(*) AS n FROM loaf"), {}))[0].n == 1


async def test_messages_that_come_again_after_the_inbox_forgot_them_have_no_effect(bakery_database: Database) -> None:
    lives = sacks(3)
    for found in lives:
        await inbox(bakery_database).receive(arrivals(found))
    await bakery_database.rows(text("DELETE FROM inbox"), {})
    for found in lives:
        await inbox(bakery_database).receive(arrivals(found))
    await once(bakery_database, 3)


async def test_what_comes_too_early_waits_for_what_is_missing(bakery_database: Database) -> None:
    found = life(uuid4())
    taken = inbox(bakery_database)
    await taken.receive(arrivals([found[0], found[2], found[3]]))
    assert [effect[0] for effect in (await effects(bakery_database)).values()] == [""]
    assert await reasons(bakery_database) == [(3, "gap"), (4, "gap")]
    await taken.receive(arrivals([found[4]]))
    await taken.receive(arrivals([found[1]]))
    await once(bakery_database, 1)


@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(order=st.permutations(range(15)), cuts=st.lists(st.integers(1, 7), min_size=1, max_size=4), again=st.booleans())
async def test_any_order_in_any_batches_has_each_effect_once(
    bakery_database: Database, order: list[int], cuts: list[int], again: bool
) -> None:
    async with bakery_database.transaction() as transaction:
        for name in ("flour", "label", "loaf", "inbox", "stream", "parked"):
            await transaction.execute(text(f"TRUNCATE {name}"))
    before = (await bakery_database.rows(text("SELECT count(*) AS n FROM event"), {}))[0].n
    messages = [each for found in sacks(3) for each in found]
    shuffled = [messages[place] for place in order]
    taken, start, turn = inbox(bakery_database), 0, 0
    while start < len(shuffled):
        size = cuts[turn % len(cuts)]
        await taken.receive(arrivals(shuffled[start : start + size]))
        if again:
            await taken.receive(arrivals(shuffled[max(0, start - 1) : start + size]))
        start, turn = start + size, turn + 1
    assert sorted((await effects(bakery_database)).values()) == [("1;2;3;", True, 1)] * 3
    assert await waiting(bakery_database) == []
    after = (await bakery_database.rows(text("SELECT count(*) AS n FROM event"), {}))[0].n
    assert after - before == 6


async def test_a_message_its_handler_fails_at_is_parked_with_what_follows_and_the_others_go_on(
    bakery_database: Database,
) -> None:
    ill, *well = sacks(4)
    broken_by("2")
    for found in well:
        found[2:3] = [replace(found[2], data='{"note": "two"}')]
    taken = inbox(bakery_database)
    mixed = [each for row in zip(ill, *well, strict=True) for each in row]
    await taken.receive(arrivals(mixed))
    shown = await effects(bakery_database)
    assert shown.pop(ill[0].aggregate_id) == ("1;", False, 0)
    assert list(shown.values()) == [("1;two;3;", True, 1)] * 3
    assert await reasons(bakery_database) == [(3, "poison"), (4, "behind"), (5, "behind")]
    (poison, *_) = await waiting(bakery_database)
    assert poison.tries == 3
    assert "cannot read 2" in poison.fault
    assert poison.message() == ill[2]


async def test_after_its_handler_is_mended_a_replay_takes_in_what_was_parked_and_what_waits_behind(
    bakery_database: Database,
) -> None:
    found = life(uuid4())
    broken_by("2")
    taken = inbox(bakery_database)
    await taken.receive(arrivals(found))
    (poison, *_) = await waiting(bakery_database)
    with pytest.raises(ValueError, match="cannot read 2"):
        await taken.replay(poison, "root")
    mended()
    await taken.replay(poison, "root")
    await once(bakery_database, 1)
    settled = await taken.parking.list(settled=True, after=NOBODY, limit=10)
    assert {(each.sequence, each.outcome, each.settled_by) for each in settled} == {
        (3, "replayed", "root"),
        (4, "taken in", "steward"),
        (5, "taken in", "steward"),
    }


async def test_a_discarded_message_has_no_effect_and_what_waits_behind_goes_on(bakery_database: Database) -> None:
    found = life(uuid4())
    broken_by("2")
    taken = inbox(bakery_database)
    await taken.receive(arrivals(found))
    await taken.discard((await waiting(bakery_database))[0], "root")
    assert list((await effects(bakery_database)).values()) == [("1;3;", True, 1)]
    assert await waiting(bakery_database) == []
    await taken.receive(arrivals(found))
    assert list((await effects(bakery_database)).values()) == [("1;3;", True, 1)]


async def test_a_fault_in_what_waited_is_its_own_and_not_that_of_the_message_it_waited_for(
    bakery_database: Database,
) -> None:
    found = life(uuid4())
    broken_by("2")
    taken = inbox(bakery_database)
    await taken.receive(arrivals([found[0], found[2], found[3]]))
    await taken.receive(arrivals([found[1]]))
    assert list((await effects(bakery_database)).values()) == [("1;", False, 0)]
    assert await reasons(bakery_database) == [(3, "poison"), (4, "gap")]
    await taken.receive(arrivals([found[4]]))
    mended()
    await taken.replay((await waiting(bakery_database))[0], "root")
    await once(bakery_database, 1)


async def test_a_replay_that_meets_another_fault_behind_it_counts_all_the_same(bakery_database: Database) -> None:
    found = life(uuid4())
    broken_by("1")
    taken = inbox(bakery_database)
    await taken.receive(arrivals(found))
    broken_by("3")
    await taken.replay((await waiting(bakery_database))[0], "root")
    assert list((await effects(bakery_database)).values()) == [("1;2;", False, 0)]
    assert await reasons(bakery_database) == [(4, "poison"), (5, "behind")]


async def test_only_the_first_that_waits_of_a_record_can_be_discarded(bakery_database: Database) -> None:
    found = life(uuid4())
    broken_by("1")
    taken = inbox(bakery_database)
    await taken.receive(arrivals(found))
    _, second, *_ = await waiting(bakery_database)
    with pytest.raises(Exception, match=r"sequence 2 .* waits before it"):
        await taken.discard(second, "root")
    mended()
    await taken.replay((await waiting(bakery_database))[0], "root")
    await once(bakery_database, 1)


async def test_discarding_what_waits_for_a_lost_message_gives_both_up(bakery_database: Database) -> None:
    """There must be a way on when a message is gone for good."""
    found = life(uuid4())
    taken = inbox(bakery_database)
    await taken.receive(arrivals([found[0], found[2], found[3]]))
    await taken.discard((await waiting(bakery_database))[0], "root")
    assert list((await effects(bakery_database)).values()) == [("3;", False, 0)]
    await taken.receive(arrivals([found[4], found[1], found[2]]))
    assert list((await effects(bakery_database)).values()) == [("3;", True, 1)]
    assert await waiting(bakery_database) == []


UNKNOWN = {"type": "steward.sack.burnt.v1"}
INVALID = {"data": '{"note": 7}'}


@pytest.mark.parametrize(
    ("change", "reason"), [(UNKNOWN, "unknown-type"), (INVALID, "invalid"), ({"data": "{"}, "invalid")]
)
async def test_what_cannot_be_read_is_parked_and_holds_its_record_back(
    bakery_database: Database, change: dict[str, str], reason: str
) -> None:
    found = life(uuid4())
    found[2] = replace(found[2], **change)  # type: ignore[arg-type]  # one text field or another
    other = life(uuid4())
    await inbox(bakery_database).receive(arrivals([*found, *other]))
    assert await reasons(bakery_database) == [(3, reason), (4, "behind"), (5, "behind")]
    assert sorted((await effects(bakery_database)).values()) == [("1;", False, 0), ("1;2;3;", True, 1)]


async def test_what_is_no_event_at_all_is_parked_as_it_came(bakery_database: Database) -> None:
    raw = Arrival("steward.mill", 3, 99, None, "no attribute 'id'", b"key", (("ce_type", b"\xff"),), b"\x00{")
    other = life(uuid4())
    await inbox(bakery_database).receive([raw, *arrivals(other)])
    (parked,) = await waiting(bakery_database)
    assert (parked.reason, parked.key, parked.value, parked.fault) == ("unreadable", b"key", b"\x00{", raw.fault)
    assert len(await effects(bakery_database)) == 1


async def test_types_that_are_known_and_not_wanted_are_passed_over_in_order(bakery_database: Database) -> None:
    wanted = life(uuid4(), notes=0)
    known = message(wanted[0].aggregate_id, 2, RecipePublished(recipe="rye bread"))
    await inbox(bakery_database).receive(arrivals([wanted[0], known, replace(wanted[1], sequence=3)]))
    assert list((await effects(bakery_database)).values()) == [("", True, 1)]
    assert await waiting(bakery_database) == []


async def test_a_handlers_own_violation_of_a_constraint_is_a_fault_and_no_duplicate(
    bakery_database: Database,
) -> None:
    found = life(uuid4())
    # The row that the projection is about to insert is there already: a unique violation, though not the inbox's.
    await bakery_database.rows(
        text("INSERT INTO flour (id, number, weight, notes, ground) VALUES (:id, 'x', 1, '', false)"),
        {"id": found[0].aggregate_id},
    )
    await inbox(bakery_database).receive(arrivals(found[:1]))
    assert await reasons(bakery_database) == [(1, "poison")]
    (parked,) = await waiting(bakery_database)
    assert "pk_flour" in parked.fault
    assert (await bakery_database.rows(text("SELECT count(*) AS n FROM inbox"), {}))[0].n == 0


def test_two_handlers_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="keep_flour"):
        Inbox("bakery", None, (*HANDLERS, HANDLERS[0]), Clock())  # type: ignore[arg-type]  # never asked
