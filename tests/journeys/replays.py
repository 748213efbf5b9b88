"""A year of a real desk in a system: the log it comes from, the state it ended in, and a network that breaks."""

import asyncio
import contextlib
import csv
import gzip
import hashlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from shared.local.system import ROOT
from tests.journeys.embedded import Embedded

FILE = ROOT.parent / "shared" / "data" / "uci_incident_event_log.dev.csv.gz"
POLICY = ROOT / "examples" / "policies" / "servicenow-log.yaml"
# Names that differ from run to run, for numbers and ids are drawn as requests come.
NAMES = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}|\b(?:INC|PRB)-[0-9]+")
OWN = {"id", "aggregate_id", "correlation", "causation", "recorded", "position", "hash", "serial", "traceparent",
       "search", "applied_at", "event"}  # fmt: skip
Row = Mapping[str, Any]


@dataclass(frozen=True)
class Ending:
    """An incident's last row in the log."""

    reference: str
    priority: int
    reopen_count: int
    made_sla: bool


def first_rows(file: Path, count: int, target: Path) -> int:
    """Write the header and the incidents of the first rows, at least `count`, to `target`; how many rows."""
    written, last = 0, ""
    with gzip.open(file, "rt", encoding="utf-8") as source, gzip.open(target, "wt", encoding="utf-8") as copy:
        copy.write(next(source))
        for line in source:
            number = line.split(",", 1)[0]
            if written >= count and number != last:
                break
            copy.write(line)
            written, last = written + 1, number
    return written


def endings(file: Path) -> dict[str, Ending]:
    """By reference. The log's five rows without a state are never an incident's last."""
    found: dict[str, Ending] = {}
    with gzip.open(file, "rt", encoding="utf-8") as source:
        for row in csv.DictReader(source):
            found[row["number"]] = Ending(
                row["number"], int(row["priority"][0]), int(row["reopen_count"]), row["made_sla"] == "true"
            )
    return found


@dataclass
class State:
    """What an import has left: a hash for each incident, over its row, its events, and its clocks with theirs."""

    incidents: dict[str, str]
    problems: dict[str, object]
    counts: dict[str, int]
    directory: list[str]


async def rows(system: Embedded, service: str, statement: str) -> list[Row]:
    connection = await system.connect(service)
    try:
        return [dict(each) for each in await connection.fetch(statement)]
    finally:
        await connection.close()


async def state(system: Embedded) -> State:
    """The state by names that are the same in every run: references and titles in place of ids and numbers."""
    incidents = await rows(system, "incident", "SELECT * FROM incident ORDER BY reference")
    told = await rows(system, "incident", "SELECT * FROM event ORDER BY aggregate_id, sequence")
    problems = await rows(system, "problem", "SELECT * FROM problem ORDER BY title")
    problem_events = await rows(system, "problem", "SELECT * FROM event")
    clocks = await rows(system, "sla", "SELECT * FROM clock ORDER BY record_number, measure")
    clock_events = await rows(system, "sla", "SELECT * FROM event ORDER BY aggregate_id, sequence")
    names: dict[str, str] = {}
    owners: dict[object, str] = {}
    for each in incidents:
        names[str(each["id"])] = names[each["number"]] = owners[each["id"]] = each["reference"]
    for each in problems:
        names[str(each["id"])] = names[each["number"]] = each["title"]
    for each in clocks:
        owners[each["id"]] = owners[each["record"]]
        names[str(each["id"])] = f"clock of {owners[each['record']]}"
    digests = {each["reference"]: hashlib.sha256() for each in incidents}
    for part in (incidents, told, clocks, clock_events):
        for each in part:
            owner = owners.get(each.get("aggregate_id") or each["id"])
            if owner is not None:
                digests[owner].update(canonical(each, names))
    counted = {"incidents": incidents, "incident events": told, "problems": problems, "clocks": clocks,
               "problem events": problem_events, "clock events": clock_events}  # fmt: skip
    groups = await rows(system, "incident", "SELECT name FROM support_group UNION ALL SELECT name FROM person")
    return State(
        incidents={reference: digest.hexdigest() for reference, digest in digests.items()},
        problems={each["title"]: summed_up(each, problem_events, names) for each in problems},
        counts={name: len(each) for name, each in counted.items()},
        directory=sorted(each["name"] for each in groups),
    )


def canonical(row: Row, names: Mapping[str, str]) -> bytes:
    kept = {name: value for name, value in sorted(row.items()) if name not in OWN}
    text = msgspec.json.encode(kept).decode()
    return NAMES.sub(lambda found: names.get(found[0], found[0]), text).encode()


def summed_up(problem: Row, events: Iterable[Row], names: Mapping[str, str]) -> object:
    """In no order: which of two incidents told its problem first is chance."""
    types = Counter(each["type"] for each in events if each["aggregate_id"] == problem["id"])
    linked = sorted(names[str(each)] for each in problem["incidents"])
    return problem["recurrences"], problem["version"], linked, dict(types)


@asynccontextmanager
async def breaking_network(port: int, *, after: int) -> AsyncIterator[tuple[str, asyncio.Event]]:
    """A URL that leads to `port` until `after` requests of history came: from then on answers are lost, though what
    was asked is done. The event is set when the first one is lost."""
    silent, seen, tasks = asyncio.Event(), 0, set()

    async def pass_on(source: asyncio.StreamReader, target: asyncio.StreamWriter, *, requests: bool) -> None:
        nonlocal seen
        with contextlib.suppress(ConnectionError):
            while chunk := await source.read(65_536):
                if requests and chunk.startswith(b"POST /incident/history "):
                    seen += 1
                if not requests and seen > after:
                    silent.set()
                    continue
                target.write(chunk)
                await target.drain()
        target.close()

    async def connected(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        upward, sender = await asyncio.open_connection("127.0.0.1", port)
        for each in (pass_on(reader, sender, requests=True), pass_on(upward, writer, requests=False)):
            task = asyncio.create_task(each)
            tasks.add(task)
            task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(connected, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", silent
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
