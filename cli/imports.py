"""`steward import`: another system's history, played through the public API as if it happened again.

The server remembers how far each incident of the log has come, so an import may be killed anywhere and started again:
what was applied is skipped, and the end state is the same.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from datetime import tzinfo
from pathlib import Path
from typing import Annotated, Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import typer

from cli.api import Api, Failed, connected
from cli.drain import drained
from cli.progress import Progress
from cli.rejects import Rejects
from cli.servicenow.log import History, Log, NotALog, Reject, batches
from cli.servicenow.planner import Plan, Target, plan
from cli.servicenow.tally import Tally
from cli.tokens import DEFAULT_DATA, DEFAULT_URL, Data, Token, Url, bearer

ORIGIN = "servicenow"
IN_FLIGHT = 3
"""Requests on their way at a time: enough that the server never waits for this process."""
AT_FIRST = 3
ROWS_A_REQUEST = 1_000
"""A request is closed once it holds so many rows, whatever --batch says: its body stays well below a megabyte."""

app = typer.Typer(no_args_is_help=True, help="Bring another system's history into Steward.")


@app.callback()
def imports() -> None:
    """Keeps `servicenow` a subcommand, for other systems will come."""


@dataclass(frozen=True, slots=True)
class Options:
    file: Path
    target: Target
    rejects: Path
    batch: int
    limit: int | None


@app.command()
def servicenow(
    file: Annotated[Path, typer.Argument(exists=True, dir_okay=False, help="Incident event log, CSV or CSV.gz.")],
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    token: Token = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Read and plan everything, send nothing.")] = False,
    rejects: Annotated[Path, typer.Option(help="Where rows that cannot be imported go, with the reason.")] = Path(
        "rejects.csv"
    ),
    batch: Annotated[int, typer.Option(min=1, max=1000, help="Incidents a request.")] = 100,
    limit: Annotated[
        int | None, typer.Option(min=1, help="Stop after so many rows, at the end of an incident.")
    ] = None,
    organisation: Annotated[str, typer.Option(help="The customer organisation the incidents belong to.")] = ORIGIN,
    service: Annotated[str, typer.Option(help="The service they are about; agreements are found by it.")] = (
        "servicenow-log"
    ),
    zone: Annotated[str, typer.Option(help="Time zone of the log's dates, for instance Europe/Lisbon.")] = "UTC",
) -> None:
    """Import a ServiceNow incident event log as history.

    Each row goes through the same verbs as a person's work, with the row's own time as the time of what happened. It
    may be stopped and started again at any time. The last line of the output is the outcome as JSON.
    """
    options = Options(file, Target(organisation, service, _zone(zone)), rejects, batch, limit)
    try:
        outcome = _rehearse(options) if dry_run else asyncio.run(_import(options, url, bearer(token, data)))
    except (NotALog, OSError) as error:
        raise Failed(str(error)) from error
    print(json.dumps(outcome))


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError):
        raise typer.BadParameter(f'"{name}" is not a time zone such as UTC or Europe/Lisbon') from None


def _rehearse(options: Options) -> dict[str, Any]:
    started, tally, rejects = time.monotonic(), Tally(), Rejects(options.rejects)
    with Log(options.file) as log, Progress(log.size) as progress:
        try:
            for history in log.histories(options.limit):
                planned = plan(history, options.target)
                rejects.add(planned.rejects)
                tally.add(planned)
                progress.rows(planned.rows, log.position())
        finally:
            rejects.close()
    return {
        "rows": log.count,
        "rejected": rejects.count,
        "incidents": tally.incidents,
        "closed": tally.closed,
        "reopened": tally.reopened,
        "reassigned": tally.reassigned,
        "sla_met": None,
        "sla_missed": None,
        "seconds": round(time.monotonic() - started, 3),
    }


async def _import(options: Options, url: str, token: str) -> dict[str, Any]:
    started, rejects = time.monotonic(), Rejects(options.rejects)
    async with connected(url, token, tries=AT_FIRST) as api:
        # A wrong URL is told at once; only a Steward that was there before is waited for.
        await api.services()
    async with connected(url, token) as api:
        with Log(options.file) as log, Progress(log.size) as progress:
            try:
                await _send(api, log, options, rejects, progress)
            finally:
                rejects.close()
            if options.limit is None:
                await api.post("/incident/history/complete", {"origin": ORIGIN})
            await drained(api, progress.waiting)
        seconds = time.monotonic() - started
        summary = await api.get("/incident/history/summary", origin=ORIGIN)
        totals = await api.get("/sla/metrics/totals", origin=ORIGIN)
    if rejects.count:
        print(f"{rejects.count} rows were not imported; {rejects.path} says which and why", file=sys.stderr)
    return {
        "rows": log.count,
        "rejected": rejects.count,
        **{name: summary[name] for name in ("incidents", "closed", "reopened", "reassigned")},
        "sla_met": totals["met"],
        "sla_missed": totals["missed"],
        "seconds": round(seconds, 3),
    }


async def _send(api: Api, log: Log, options: Options, rejects: Rejects, progress: Progress) -> None:
    """Plans and sends batch after batch, at most IN_FLIGHT at a time, so that memory does not grow with the file."""
    free, problems = asyncio.Semaphore(IN_FLIGHT), Problems(api, options.target.organisation)

    async def send(histories: list[History], position: int) -> None:
        try:
            plans = [plan(history, options.target) for history in histories]
            await problems.resolve(plans)
            records = [{"reference": each.reference, "steps": each.steps} for each in plans if each.steps]
            answer = await api.post("/incident/history", {"origin": ORIGIN, "records": records}) if records else {}
            rejects.add(reject for each in plans for reject in each.rejects)
            rejects.add(_refused(answer, histories))
            progress.rows(sum(each.rows for each in plans), position)
        finally:
            free.release()

    try:
        async with asyncio.TaskGroup() as tasks:
            for histories in batches(log.histories(options.limit), options.batch, ROWS_A_REQUEST):
                await free.acquire()
                tasks.create_task(send(histories, log.position()))
    except BaseExceptionGroup as group:
        # The first one stopped the others; it is the one to tell.
        raise group.exceptions[0] from None


def _refused(answer: dict[str, Any], histories: list[History]) -> list[Reject]:
    refused = [(each["reference"], row) for each in answer.get("records", ()) for row in each["rejected"]]
    if not refused:
        return []
    lines = {row.row: row.line for history in histories for row in history.rows}
    return [Reject(row["row"], reference, row["reason"], lines.get(row["row"], "")) for reference, row in refused]


class Problems:
    """The problems that a log's incidents name: each becomes a problem record once, found again by its key."""

    def __init__(self, api: Api, organisation: str) -> None:
        self.api = api
        self.organisation = organisation
        self._ids: dict[str, str] = {}
        self._one_at_a_time = asyncio.Lock()

    async def resolve(self, plans: list[Plan]) -> None:
        """Puts the record's id in place of the log's name for it."""
        linking = [step["body"] for each in plans for step in each.steps if step["action"] == "link"]
        async with self._one_at_a_time:
            for body in linking:
                name = str(body["problem"])
                if name not in self._ids:
                    self._ids[name] = await self._create(name)
                body["problem"] = self._ids[name]

    async def _create(self, name: str) -> str:
        body = {
            "title": name,
            "description": f"Named by incidents imported from ServiceNow as {name}",
            "organisation": self.organisation,
        }
        key = f"{ORIGIN}/{self.organisation}/{name}"
        return str((await self.api.post("/problem/problems", body, key=key))["id"])
