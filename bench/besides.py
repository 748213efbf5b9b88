"""What only Steward has: how soon an effect is there, how quick an import is, how long a start takes, how much memory.

Commit to effect is measured where both ends are known exactly: a command's event carries the instant at which it was
recorded, just before its commit; the consumer's inbox row, written in the transaction of the effect, has that
transaction's commit time from PostgreSQL. Both clocks are this machine's.
"""

import asyncio
import json
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import asyncpg

from bench.contestants import Invalid
from bench.databases import PATIENCE, count, plain
from bench.load import fire
from bench.processes import output_of
from bench.scenarios import EXPECTED, OPENING, Scenario
from bench.systems import Production, command_line, embedded, production

ROOT = Path(__file__).parents[1]
LOG = ROOT.parent / "shared" / "data" / "uci_incident_event_log.dev.csv.gz"
POLICY = ROOT / "examples" / "policies" / "servicenow-log.yaml"
# The customer and service that the policy has an agreement for: an incident there starts clocks.
AGREED = {"organisation": "servicenow", "service": "servicenow-log"}
RATE = 200.0
EFFECT = """
WITH effect AS (
    SELECT event_id, max(pg_xact_commit_timestamp(xmin)) - min(recorded) AS after, min(recorded) AS recorded
    FROM inbox GROUP BY event_id)
SELECT count(*) AS effects, percentile_cont(ARRAY[0.5, 0.99]) WITHIN GROUP (ORDER BY extract(epoch FROM after) * 1000)
FROM effect WHERE recorded > (SELECT min(recorded) + interval '1 second' FROM effect)
"""
TAKEN_IN = "SELECT count(DISTINCT event_id) FROM inbox"

Tell = Callable[[str], None]


class Besides:
    """Measures these one after the other; `figures` has what was found so far."""

    def __init__(self, folder: Path, seconds: float, tell: Tell, wanted: Callable[[str], bool]) -> None:
        self.folder = folder
        self.seconds = seconds
        self.tell = tell
        self.wanted = wanted
        self.figures: dict[str, dict[str, float | None]] = {}

    def note(self, figure: str, part: str, value: float | None) -> None:
        self.figures.setdefault(figure, {})[part] = None if value is None else round(value, 3)

    async def on_kafka(self) -> None:
        """Everything that needs a process per service, a broker and a database each."""
        self.tell("starting PostgreSQL, Kafka and a process per service")
        async with production(self.folder / "production") as system:
            for name, each in system.services.items():
                self.note("start_s", name, each.ready_after)
                self.note("rss_mb", name, each.memory_mb())
            if self.wanted("effect_ms"):
                await self.effects(system)
            if self.wanted("import_rows_per_s"):
                rate = await self.imported(("--url", system.places, "--token", system.administrator))
                self.note("import_rows_per_s", "kafka", rate)
                for name, each in system.services.items():
                    self.note("rss_after_import_mb", name, each.memory_mb())

    async def effects(self, system: Production) -> None:
        """Commands at a steady pace, and how long after its record each had its effect in the sla service."""
        seconds = max(10.0, 3 * self.seconds)
        self.tell(f"commit to effect over Kafka: {RATE:.0f} commands a second for {seconds:.0f} s")
        scenario = Scenario("effect", "create", 8, rate=RATE, opening=OPENING | AGREED)
        await self.apply(("--url", system.places, "--token", system.administrator))
        headers = {"authorization": f"Bearer {system.desk}"}
        before = await count(system.urls["sla"], TAKEN_IN)
        outcome = await fire(scenario.plan(system.services["incident"].port, headers, seconds, "effect", 1, 1))
        commands = outcome.answered.get(EXPECTED["create"], 0)
        if outcome.faults(EXPECTED["create"]):
            raise Invalid(f"effect: answered were {outcome.answered}, {outcome.lost} lost; {outcome.refusal[:500]}")
        await self.taken_in(system, before + commands)
        if await count(system.urls["sla"], "SELECT count(*) FROM clock") < commands:
            raise Invalid("effect: incidents have started no clocks, so there was no effect to wait for")
        connection = await asyncpg.connect(plain(system.urls["sla"]), command_timeout=PATIENCE)
        try:
            _, (median, worst) = await connection.fetchrow(EFFECT)
        finally:
            await connection.close()
        self.note("effect_ms", "p50", median)
        self.note("effect_ms", "p99", worst)
        self.note("effect_ms", "commands_per_s", outcome.rate)

    async def taken_in(self, system: Production, events: int) -> None:
        """Wait until the sla service has taken in this many. Raises Invalid where it does not, or takes in more."""
        until = time.monotonic() + 60
        while (found := await count(system.urls["sla"], TAKEN_IN)) != events:
            if found > events or time.monotonic() > until:
                raise Invalid(f"effect: {events} events were recorded, the sla service has taken in {found}")
            await asyncio.sleep(0.2)

    async def in_one_process(self) -> None:
        """The embedded system: first start, import, and a second start on the same data."""
        data = self.folder / "embedded"
        self.tell("starting the embedded system")
        async with embedded(data) as system:
            self.note("start_s", "embedded_first", system.ready_after)
            self.note("rss_mb", "embedded", system.memory_mb())
            if self.wanted("import_rows_per_s"):
                place = f"http://127.0.0.1:{system.port}"
                rate = await self.imported(("--url", place, "--data", str(data)))
                self.note("import_rows_per_s", "embedded", rate)
                self.note("rss_after_import_mb", "embedded", system.memory_mb())
        async with embedded(data) as system:
            self.note("start_s", "embedded", system.ready_after)

    async def apply(self, where: Sequence[str]) -> None:
        """Bring the calendar, the matrix and the agreement into force."""
        await output_of(*command_line("apply", "-f", str(POLICY), *where))

    async def imported(self, where: Sequence[str]) -> float | None:
        """Rows a second of a real desk's year, until every consumer is drained; None where the log is not here."""
        if not LOG.exists():
            self.tell(f"no import: {LOG.name} is not here")
            return None
        self.tell("importing a year of a real service desk")
        await self.apply(where)
        rejects = ("--rejects", str(self.folder / "rejects.csv"))
        out = await output_of(*command_line("import", "servicenow", str(LOG), *where, *rejects))
        outcome = json.loads(out.splitlines()[-1])
        return float(outcome["rows"] / outcome["seconds"])
