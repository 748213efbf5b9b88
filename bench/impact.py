"""How long it takes to say what would be struck, on an estate of 100,000 items and 300,000 relationships (CFG-10).

Asked through HTTP by one client after another, each time about another item drawn from all of them, with the way to
each item as proof. How much is struck is told beside it: an answer of nothing is quick.
"""

import statistics
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

import httpx

from bench import estate
from bench.contestants import Invalid
from bench.databases import server
from bench.load import Plan, fire, request, seeded_id
from bench.processes import free_port, started
from bench.systems import numbered, output_of_python, signed_in

SAMPLES = 400
STRIDE = 7919
"""A prime, so that every place of the estate comes before any comes again."""
P99_GOAL = 100.0
Tell = Callable[[str], None]


@asynccontextmanager
async def serving(folder: Path) -> AsyncIterator[tuple[int, dict[str, str]]]:
    """The configuration service on the seeded estate: its port, and the headers of who asks."""
    async with server(folder / "impact") as postgres:
        await postgres.ensure_database("steward_cmdb")
        url, port = postgres.url("steward_cmdb"), free_port()
        settings, token = signed_in(folder, "frank")
        environment = {**settings, "STEWARD_CMDB_DATABASE_URL": url, "STEWARD_PORT": str(port), "STEWARD_BUS": "memory"}
        await output_of_python("-m", "shared.run", "cmdb", "--migrate", environment=environment)
        await estate.seed(url)
        log = folder / "cmdb.log"
        async with started("-m", "shared.run", "cmdb", port=port, log=log, environment=environment):
            await numbered(url)
            yield port, {"authorization": f"Bearer {token}"}


async def figures(folder: Path, seconds: float, tell: Tell) -> Mapping[str, Mapping[str, float | None]]:
    """Milliseconds for each direction, now and as of a past instant; and how many items were reached."""
    tell(f"seeding an estate of {estate.ITEMS:,} items and {estate.RELATIONSHIPS:,} relationships")
    found: dict[str, dict[str, float | None]] = {}
    async with serving(folder) as (port, headers):
        past = f"&at={datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}"
        for name, query in (("impact_ms", ""), ("impact_up_ms", "&direction=up"), ("impact_past_ms", past)):
            tell(f"{name}: one item after the other for {3 * seconds:.0f} s")
            asked = request("GET", f"/cmdb/impact?item=<id>{query}", headers=headers)
            plan = Plan(port=port, request=asked, expect=200, connections=1, seconds=3 * seconds, ids=estate.ITEMS)
            outcome = await fire(plan)
            if outcome.faults(200):
                raise Invalid(f"{name}: answered were {outcome.answered}, {outcome.lost} lost; {outcome.refusal[:500]}")
            found[name] = {
                "p50": round(outcome.p50_ms, 3),
                "p99": round(outcome.p99_ms, 3),
                "answers": outcome.measured,
                "bytes": round(outcome.bytes),
            }
        found["impact_reached"] = await reached(port, headers)
    return found


async def reached(port: int, headers: Mapping[str, str]) -> dict[str, float | None]:
    """How many items were reached from items all over the estate, and the share of answers that a bound ended."""
    counts, cut = [], 0
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", headers=headers, trust_env=False) as client:
        for number in range(SAMPLES):
            place = 1 + number * STRIDE % estate.ITEMS
            answer = (await client.get("/cmdb/impact", params={"item": seeded_id(place)}, timeout=60)).json()
            counts.append(answer["summary"]["reached"])
            cut += not answer["complete"]
    cuts = statistics.quantiles(counts, n=100, method="inclusive")
    return {
        "p50": cuts[49],
        "p90": cuts[89],
        "p99": cuts[98],
        "most": max(counts),
        "cut_share": round(cut / SAMPLES, 3),
    }
