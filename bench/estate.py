"""An estate of 100,000 items and 300,000 relationships, the same in every run, straight into the tables.

In layers, as estates are: services need applications, which run on virtual machines on hosts in racks at sites, and
need databases. Applications belong to business domains and mostly need others of theirs, in circles as well; each
domain has a team. Items' ids are made of their place, as the load's are.
"""

import json
import random
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import asyncpg

from bench.databases import PATIENCE, plain
from bench.load import seeded_id

SINCE = datetime(2025, 1, 1, tzinfo=UTC)
# Type, nature, how many.
LAYERS = (
    ("site", "component", 20),
    ("rack", "component", 980),
    ("host", "component", 15_000),
    ("machine", "component", 40_000),
    ("database", "component", 6_000),
    ("application", "component", 34_700),
    ("service", "service", 3_000),
    ("team", "team", 300),
)
ITEMS = sum(count for *_, count in LAYERS)
RELATIONSHIPS = 300_000
DOMAINS = 300
ITEM = (
    "id", "version", "number", "name", "type", "type_version", "nature", "status", "title", "owner", "location",
    "criticality", "source", "links", "attributes", "registered_at", "changed_at",
)  # fmt: skip
RELATIONSHIP = (
    "id", "version", "number", "kind", "source", "source_ci", "target", "target_ci", "provider", "dependent",
    "valid_from",
)  # fmt: skip
EVENTS = """
INSERT INTO event (id, aggregate_id, sequence, subject, type, data, occurred, recorded, actor, correlation, historical)
SELECT gen_random_uuid(), id, 1, number, 'steward.ci.registered.v1',
 json_build_object('ci', name, 'type', type, 'type_version', 1, 'nature', nature, 'status', status, 'title', title,
  'owner', owner, 'supplier', NULL, 'location', location, 'item_version', NULL, 'criticality', criticality,
  'source', source, 'links', links, 'attributes', attributes)::text,
 registered_at, registered_at, 'frank', gen_random_uuid(), false FROM configuration_item ORDER BY id
"""
Edge = tuple[str, int, int]
"""(kind, source, target), by places."""


def places() -> dict[str, range]:
    """The places of the items of each type, counted from 1."""
    found, first = {}, 1
    for type, _, count in LAYERS:
        found[type] = range(first, first + count)
        first += count
    return found


def edges(seed: int = 1) -> list[Edge]:
    """The relationships, each once."""
    chance, of = random.Random(seed), places()
    found: dict[Edge, None] = {}

    def add(kind: str, source: int, target: int) -> None:
        if source != target and len(found) < RELATIONSHIPS:
            found[kind, source, target] = None

    def domain(type: str, number: int) -> range:
        """The items of a type that belong to a domain."""
        each = len(of[type]) // DOMAINS
        return of[type][number * each : (number + 1) * each]

    for above, below, each in (
        ("rack", "site", 1),
        ("host", "rack", 1),
        ("machine", "host", 1),
        ("database", "machine", 2),
    ):
        for place in of[above]:
            for other in chance.sample(of[below], each):
                add("runs-on", place, other)
    for number in range(DOMAINS):
        applications, databases, services = (domain(each, number) for each in ("application", "database", "service"))
        team = of["team"][number]
        for place in (*applications, *databases, *services):
            add("owned-by", place, team)
        for place in applications:
            for other in chance.sample(of["machine"], 2):
                add("runs-on", place, other)
            for other in chance.sample(databases, chance.choice((1, 1, 2))):
                add("depends-on", place, other)
            # Half of the time on an earlier one; the other half closes circles now and then.
            add("depends-on", place, chance.choice(applications))
        for place in services:
            for other in chance.sample(applications, 8):
                add("depends-on", place, other)
            add("depends-on", place, chance.choice(services if chance.random() < 0.9 else of["service"]))
    while len(found) < RELATIONSHIPS:
        add("runs-on", chance.choice(of["application"]), chance.choice(of["machine"]))
    return list(found)


def items() -> Iterator[tuple[object, ...]]:
    of = places()
    for type, nature, _ in LAYERS:
        for place in of[type]:
            name, site = f"{type}-{place:06d}", f"site-{1 + place % 20:06d}"
            yield (
                UUID(seeded_id(place)), 1, f"CI-{1000 + place}", name, type, 1, nature, "live", f"The {type} {name}",
                f"owner-{place % 500}", site, 1 + place % 3, "bench", [], json.dumps({}), SINCE, SINCE,
            )  # fmt: skip


def relationships() -> Iterator[tuple[object, ...]]:
    names = dict(enumerate((str(row[3]) for row in items()), start=1))
    for number, (kind, source, target) in enumerate(edges(), start=1):
        ends = (UUID(seeded_id(source)), UUID(seeded_id(target)))
        id = UUID(int=(7 << 76) | (9 << 60) | number)
        # All kinds here but one are felt by their source; a team feels what its items do.
        provider, dependent = ends if kind == "owned-by" else ends[::-1]
        yield (
            id, 1, f"REL-{1000 + number}", kind, ends[0], names[source], ends[1], names[target], provider, dependent,
            SINCE,
        )  # fmt: skip


async def seed(url: str) -> None:
    """Fill a database of the configuration service, the history of its items included."""
    connection = await asyncpg.connect(plain(url), command_timeout=PATIENCE)
    try:
        await connection.copy_records_to_table("configuration_item", records=items(), columns=ITEM)
        await connection.copy_records_to_table("relationship", records=relationships(), columns=RELATIONSHIP)
        await connection.execute(EVENTS)
        for table in ("configuration_item", "relationship", "event"):
            await connection.execute(f"VACUUM ANALYZE {table}")
    finally:
        await connection.close()
