"""Gathers what the checker looks at, from every database, every topic and what services prove of themselves."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping
from dataclasses import replace
from typing import Any, cast
from uuid import UUID, uuid4

import asyncpg
import httpx
from sqlalchemy import Table

from contracts.envelope import Message
from shared.clock import Clock
from shared.database import Database
from shared.database.records import QUOTE
from shared.events.handling import Projection
from shared.events.handling import name as handler_name
from shared.events.log import message
from shared.events.rebuild import rebuilt
from shared.kafka import KafkaBus, KafkaSettings
from shared.local.postgres import LocalPostgres
from shared.service import Service, discovered
from tests.faults.checker.findings import Chain, Evidence, Key, Row, Taken
from tests.faults.work import Work

Connect = Callable[[str], Awaitable[asyncpg.Connection]]
RECORD = {"id", "number", "version", "organisation"}


async def gathered(connect: Connect, works: Mapping[str, Work]) -> Evidence:
    """Everything in the databases, once all is drained. `connect` opens the one of a service."""
    found = Evidence()
    for name, load in discovered().items():
        service = load()
        for topic in service.consumes:
            found.follows[topic] = (*found.follows.get(topic, ()), name)
        found.handled[name] = {
            handler_name(each): frozenset(event.wire_type() for event in each.events) for each in service.handlers
        }
        connection = await connect(f"steward_{name}")
        try:
            await _database(connection, service, found)
        finally:
            await connection.close()
    for work in works.values():
        found.copies += work.copies(found)
    return found


async def _database(connection: asyncpg.Connection, service: Service, found: Evidence) -> None:
    name = service.name
    await _json(connection)
    log = await connection.fetch("SELECT * FROM event ORDER BY position, serial")
    marks = await connection.fetch("SELECT * FROM stream")
    inbox = await connection.fetch("SELECT handler, event_id, processed_at FROM inbox")
    parked = await connection.fetch("SELECT reason, fault FROM parked WHERE settled_at IS NULL")
    found.logs[name] = [message(name, row) for row in log]
    found.marks[name] = {(row["topic"], row["aggregate_id"]): row["sequence"] for row in marks}
    found.taken[name] = [Taken(row["handler"], row["event_id"], row["processed_at"]) for row in inbox]
    found.parked += [f"{name}: {row['reason']}: {row['fault']}" for row in parked]
    records = [each for each in service.rows.tables.values() if {column.name for column in each.columns} >= RECORD]
    found.records[name] = {
        each.name: {cast("UUID", key[0]): row for key, row in rows.items()}
        for each, rows in [(each, await _rows(connection, each)) for each in records]
    }
    found.kept[name] = await _projections(connection, service)


async def _json(connection: asyncpg.Connection) -> None:
    """Have JSON columns come as what they say: that is what counts, and what records' events fold to."""
    for name in ("json", "jsonb"):
        await connection.set_type_codec(name, encoder=json.dumps, decoder=json.loads, schema="pg_catalog")


async def _projections(connection: asyncpg.Connection, service: Service) -> dict[str, dict[Key, Row]]:
    projections = [each for each in service.handlers if isinstance(each, Projection)]
    tables = {cast("Table", table) for each in projections for table in each.tables}
    return {each.name: await _rows(connection, each) for each in tables}


async def _rows(connection: asyncpg.Connection, table: Table) -> dict[Key, Row]:
    key = [column.name for column in table.primary_key.columns]
    rows = await connection.fetch(f"SELECT * FROM {QUOTE(table.name)}")
    return {tuple(row[name] for name in key): dict(row) for row in rows}


async def proven(
    evidence: Evidence, client: httpx.AsyncClient, names: Iterable[str], works: Mapping[str, Work]
) -> None:
    """What the services prove of themselves: their hash chains, and the clocks."""
    for name in names:
        try:
            said = (await client.get(f"/{name}/log/verification", timeout=60)).raise_for_status().json()
            evidence.chains[name] = Chain(said["verified"], said["broken_at"])
            if name in works and (path := works[name].proof):
                evidence.different += [f"{name}: {each}" async for each in _different(client, path)]
        except httpx.HTTPError as error:
            evidence.late.append(f"{name} proves nothing: {error!r}")


async def _different(client: httpx.AsyncClient, path: str) -> AsyncIterator[object]:
    """What differs, from all pages of a verification."""
    page: dict[str, Any] = {"limit": 100}
    while True:
        said = (await client.get(path, params=page, timeout=60)).raise_for_status().json()
        for each in said["different"]:
            yield each
        if said["next"] is None:
            return
        page["cursor"] = said["next"]


async def rebuilt_once_more(evidence: Evidence, postgres: LocalPostgres, bootstrap: str) -> None:
    """Derive every projection again from the topics. The services must not run any more."""
    for name, load in discovered().items():
        # A group of its own need not wait until the service's members have timed out.
        service = replace(load(), name=f"{name}-once-more")
        database, bus = Database(postgres.url(f"steward_{name}")), KafkaBus(KafkaSettings(bootstrap=bootstrap))
        try:
            await bus.start()
            await rebuilt(service, database, bus, Clock())
        finally:
            await bus.close()
            await database.close()
        connection = await postgres.connect(f"steward_{name}")
        try:
            await _json(connection)
            evidence.rebuilt[name] = await _projections(connection, service)
        finally:
            await connection.close()


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
