"""Gathers what the checker looks at, from every database and every topic."""

from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Any
from uuid import UUID, uuid4

import asyncpg
import msgspec

from contracts.envelope import Message
from services.incident.domain import fold as incidents
from services.problem.domain import fold as problems
from shared.events.log import message
from shared.kafka import KafkaBus, KafkaSettings
from shared.service import discovered
from tests.faults.checker import Copy, Effect, Evidence, Fold

Connect = Callable[[str], Awaitable[asyncpg.Connection]]
RECORDS = {"incident": "incident", "problem": "problem", "sla": "clock"}
KEPT = {
    "incident": "SELECT id, state, workaround FROM known_problem",
    "problem": "SELECT id, state, closings FROM known_incident",
    "sla": "SELECT id, state, sequence FROM tracked",
}
CLOSED = "steward.incident.closed.v1"
# The agreement of `tests.journeys.documents`: one clock for closing, one for resolving that pauses for the user.
EFFECTS = tuple(
    Effect(f"steward.incident.{cause}.v1", service, f"steward.{effect}.v1", count)
    for cause, service, effect, count in (
        ("opened", "sla", "clock.started", 2),
        ("waiting", "sla", "clock.paused", 1),
        ("resumed", "sla", "clock.resumed", 1),
        ("resolved", "sla", "clock.stopped", 1),
        ("reopened", "sla", "clock.reopened", 2),
        ("closed", "sla", "clock.stopped", 1),
        ("closed", "problem", "problem.recurred", 1),
        ("linked", "problem", "problem.incident_linked", 1),
    )
)


def clock(messages: Iterable[Message]) -> Mapping[str, Any]:
    """What the last event of a clock says of its row."""
    last = list(messages)[-1]
    body = msgspec.json.decode(last.data)
    said = {name: body[name] for name in ("state", "measure", "agreement", "agreement_version", "target", "priority")}
    if body["state"] == "stopped":
        said |= {"outcome": body["outcome"], "elapsed": body["elapsed_microseconds"]}
    return said | {"number": last.subject, "version": last.sequence, "limit": body["limit_microseconds"]}


FOLDS: dict[str, Fold] = {"incident": incidents.fold, "problem": problems.fold, "sla": clock}


async def gathered(connect: Connect, bootstrap: str | None) -> Evidence:
    """Everything there is, once all is drained. `connect` opens a service's database; without a broker there are no
    topics to look at."""
    found = Evidence()
    kept: dict[str, dict[UUID, dict[str, Any]]] = {}
    for name, load in discovered().items():
        for topic in load().consumes:
            found.follows[topic] = (*found.follows.get(topic, ()), name)
        connection = await connect(f"steward_{name}")
        try:
            log = await connection.fetch("SELECT * FROM event ORDER BY position, serial")
            rows = await connection.fetch(f"SELECT * FROM {RECORDS[name]}")
            marks = await connection.fetch("SELECT * FROM stream")
            copied = await connection.fetch(KEPT[name])
            parked = await connection.fetch("SELECT reason, fault FROM parked WHERE settled_at IS NULL")
        finally:
            await connection.close()
        found.logs[name] = [message(name, row) for row in log]
        found.rows[name] = {row["id"]: dict(row) for row in rows}
        found.marks[name] = {(row["topic"], row["aggregate_id"]): row["sequence"] for row in marks}
        kept[name] = {row["id"]: {column: value for column, value in row.items() if column != "id"} for row in copied}
        found.parked += [f"{name}: {row['reason']}: {row['fault']}" for row in parked]
    found.copies = copies(found, kept)
    if bootstrap is not None:
        for name in found.logs:
            found.topics[name] = await partitions(bootstrap, f"steward.{name}", len(found.logs[name]))
    return found


def copies(found: Evidence, kept: Mapping[str, Mapping[UUID, Mapping[str, Any]]]) -> list[Copy]:
    """What each service keeps of others' records, in the words of the originals."""
    incidents, problems = found.rows["incident"], found.rows["problem"]
    closings = Counter(each.aggregate_id for each in found.logs["incident"] if each.type == CLOSED)
    originals: dict[str, dict[UUID, dict[str, Any]]] = {
        "incident": {id: {"state": row["state"], "workaround": row["workaround"]} for id, row in problems.items()},
        "problem": {id: {"state": row["state"], "closings": closings[id]} for id, row in incidents.items()},
        "sla": {id: {"state": row["state"], "sequence": row["version"]} for id, row in incidents.items()},
    }
    return [
        Copy(f"{id} at {service}", kept[service].get(id), original)
        for service, records in originals.items()
        for id, original in records.items()
    ]


async def partitions(bootstrap: str, topic: str, expected: int) -> list[list[Message]]:
    """A topic's messages from the first one on, by partition; read on for as long as fewer came than `expected`."""
    bus = KafkaBus(KafkaSettings(bootstrap=bootstrap))
    read: dict[int, list[Message]] = {}
    try:
        subscription = await bus.subscribe(f"checker-{uuid4().hex}", [topic], from_start=True)
        count, silences = 0, 0
        while silences < (1 if count >= expected else 20):
            arrivals = await subscription.batch(5000, 0.5)
            silences = 0 if arrivals else silences + 1
            count += len(arrivals)
            for each in arrivals:
                assert each.message is not None, f"{topic} {each.partition} {each.offset}: {each.fault}"
                read.setdefault(each.partition, []).append(each.message)
    finally:
        await bus.close()
    return list(read.values())
