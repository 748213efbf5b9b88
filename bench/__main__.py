"""`python -m bench [--json FILE] [--seconds N] [--rounds N] [--only NAME]`: Steward beside hand-written code.

One run measures Steward's incident service, the reference (`bench.bare`) and pgbench in turn, then what only Steward
has. It ends with 1 where a database does not hold exactly what was acknowledged: then no figure counts.
"""

import argparse
import asyncio
import json
import shutil
import signal
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

from rich.console import Console

from bench import contestants, impact, machine, report, systems
from bench.besides import Besides
from bench.contest import Standing, held, rounds
from bench.databases import server
from bench.processes import NotReady
from bench.scenarios import SCENARIOS
from shared.local.processes import CannotStart, Claim

FOLDER = Path("var/bench")


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="bench", description="Measure Steward beside hand-written code.")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures to this file")
    parser.add_argument("--seconds", type=float, default=2.0, help="time for one measurement (default: 2)")
    parser.add_argument(
        "--rounds", type=int, default=5, help="measurements of each, the middle one counts (default: 5)"
    )
    parser.add_argument("--only", metavar="NAME", default="", help="only figures whose name begins with NAME")
    return parser.parse_args()


def console() -> Console:
    """The terminal, or wide enough for the table where there is none."""
    terminal = Console(log_path=False)
    return terminal if terminal.is_terminal else Console(log_path=False, width=150)


class Run:
    """One run of the benchmark and what it found."""

    def __init__(self, chosen: argparse.Namespace, console: Console) -> None:
        self.chosen = chosen
        self.console = console
        self.folder = FOLDER.resolve()
        self.figures: dict[str, object] = {}
        self.standings: list[Standing] = []
        self.differences: list[str] = []
        self.caveats: list[str] = []

    def tell(self, what: str) -> None:
        self.console.log(what)

    def wanted(self, name: str) -> bool:
        return name.startswith(self.chosen.only)

    async def loads(self) -> None:
        """Everything that all three can do."""
        scenarios = [each for each in SCENARIOS if self.wanted(each.name)]
        if not scenarios:
            return
        async with AsyncExitStack() as stack:
            self.tell("starting PostgreSQL and seeding three databases")
            postgres = await stack.enter_async_context(server(self.folder / "loads"))
            reference = await stack.enter_async_context(contestants.bare(postgres, self.folder))
            steward = await stack.enter_async_context(systems.alone(postgres, self.folder))
            taking_part: list[contestants.Contestant] = [reference, steward]
            direct = await contestants.direct(postgres, self.folder)
            if direct is not None:
                direct.learn(await reference.sample())
                taking_part.append(direct)
            self.standings = await rounds(scenarios, taking_part, self.chosen.seconds, self.chosen.rounds, self.tell)
            self.tell("counting what the databases hold")
            self.differences = await held(taking_part)

    async def everything(self) -> None:
        # Two benchmarks at once would measure each other, and this one is about to remove the other's files.
        claim = Claim(self.folder.parent, "bench")
        try:
            await self.claimed()
        finally:
            claim.release()

    async def claimed(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.folder.mkdir()
        facts = machine.facts(self.folder)
        self.caveats = machine.caveats(facts)
        self.figures["machine"] = facts
        await self.loads()
        besides = Besides(self.folder, self.chosen.seconds, self.tell, self.wanted)
        try:
            if any(map(self.wanted, ("effect_ms", "import_rows_per_s", "start_s", "rss_mb"))):
                await besides.on_kafka()
            if any(map(self.wanted, ("import_rows_per_s", "start_s", "rss_mb"))):
                await besides.in_one_process()
        finally:
            self.figures |= besides.figures
        if self.wanted("impact"):
            self.figures |= await impact.figures(self.folder, self.chosen.seconds, self.tell)
        if not self.differences:
            shutil.rmtree(self.folder)

    def finish(self) -> int:
        if self.standings:
            report.loads(self.console, self.standings)
        report.others(self.console, self.figures)
        for caveat in self.caveats:
            self.console.print(f"[yellow]{caveat}[/]")
        for difference in self.differences:
            self.console.print(f"[bold red]{difference}[/]")
        if self.chosen.json:
            counted = {"counted": {"right": not self.differences, "differences": self.differences}}
            content = (
                {each.scenario.name: each.as_json() for each in self.standings}
                | self.figures
                | counted
                | {"caveats": self.caveats}
            )
            self.chosen.json.write_text(json.dumps(content, indent=2) + "\n")
        if self.differences:
            self.console.print(
                "[bold red]These figures do not count: what was acknowledged is not what was written.[/]"
            )
            return 1
        return 0


async def main(run: Run) -> None:
    # A terminated benchmark stops what it started, like an interrupted one.
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await run.everything()


if __name__ == "__main__":
    begin = time.perf_counter()
    run = Run(arguments(), console())
    try:
        asyncio.run(main(run))
    except (KeyboardInterrupt, asyncio.CancelledError):
        sys.exit("stopped; nothing was left running")
    except (contestants.Invalid, NotReady, CannotStart) as error:
        sys.exit(f"no figures: {error}")
    run.tell(f"done in {time.perf_counter() - begin:.0f} s")
    sys.exit(run.finish())
