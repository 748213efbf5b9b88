"""Messages of the mill as a bus would hand them to the bakery, and what the bakery made of them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import text
from uuid_utils.compat import uuid7

from contracts.envelope import Event, Message
from shared.bus import Arrival
from shared.clock import Clock
from shared.database import Database
from shared.events.inbox import Inbox
from shared.events.parking import Parked
from shared.memory import arrival
from tests.platform.bakery import HANDLERS, SackFilled, SackGround, SackNoted
from tests.system import MONDAY

NOBODY = UUID(int=0)


def message(id: UUID, sequence: int, event: Event, **changed: Any) -> Message:
    """The event `sequence` of a sack."""
    content: dict[str, Any] = {
        "id": uuid7(),
        "source": "/steward/mill",
        "type": event.wire_type(),
        "subject": f"SCK-{id.int % 10_000}",
        "aggregate_id": id,
        "sequence": sequence,
        "occurred": MONDAY,
        "recorded": MONDAY,
        "actor": "miller",
        "correlation": uuid7(),
        "causation": None,
        "traceparent": None,
        "organisation": "northwind",
        "historical": False,
        "position": sequence,
        "data": event.model_dump_json(),
    }
    return Message(**(content | changed))


def life(id: UUID, notes: int = 3) -> list[Message]:
    """A sack is filled, written on (1, 2, 3, …) and ground."""
    events: list[Event] = [SackFilled(grain="rye", weight=25)]
    events += [SackNoted(note=str(number)) for number in range(1, notes + 1)]
    events.append(SackGround())
    return [message(id, sequence, event) for sequence, event in enumerate(events, 1)]


def sacks(count: int, notes: int = 3) -> list[list[Message]]:
    return [life(uuid4(), notes) for _ in range(count)]


def arrivals(messages: Sequence[Message]) -> list[Arrival]:
    return [arrival("steward.mill", each) for each in messages]


def inbox(database: Database) -> Inbox:
    """The bakery's, without a bus."""
    return Inbox("bakery", database, HANDLERS, Clock(lambda: MONDAY))


EFFECTS = text("SELECT flour.id, notes, ground, (SELECT count(*) FROM loaf WHERE sack = flour.id) AS loaves FROM flour")
OWN = text(
    "SELECT (SELECT count(*) FROM label) AS labels, (SELECT count(*) FROM loaf) AS loaves, "
    "(SELECT count(*) FROM event) AS events"
)


async def effects(database: Database) -> dict[UUID, tuple[str, bool, int]]:
    """Of each sack: what is written on it, whether the bakery knows it as ground, and its loaves."""
    return {row.id: (row.notes, row.ground, row.loaves) for row in await database.rows(EFFECTS, {})}


async def once(database: Database, sacks: int) -> None:
    """Everything happened exactly once for so many sacks of three notes."""
    assert list((await effects(database)).values()) == [("1;2;3;", True, 1)] * sacks
    own = (await database.rows(OWN, {}))[0]
    assert (own.labels, own.loaves, own.events) == (sacks, sacks, 2 * sacks)
    assert await waiting(database) == []


async def waiting(database: Database) -> list[Parked]:
    """What is parked, by record and sequence."""
    found = await inbox(database).parking.list(settled=False, after=NOBODY, limit=1000)
    return sorted(found, key=lambda each: (str(each.aggregate_id), each.sequence or 0))


async def reasons(database: Database) -> list[tuple[int | None, str]]:
    return [(each.sequence, each.reason) for each in await waiting(database)]
