"""One run: start everything, let people work, deal the blows, let it heal, send everything a second time, and judge.

On the parts of production: PostgreSQL, Kafka, a process per service, and one of the services in two processes.
"""

import asyncio
import json
import random
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from contracts.envelope import Message
from shared.bus import BusDown
from shared.local import issuer as local_issuer
from shared.local.processes import CannotStart
from shared.local.system import AUDIENCE, ISSUER, System, found_services
from tests.faults.checker import check
from tests.faults.checker.findings import Evidence, Findings
from tests.faults.evidence import gathered, partitions, proven, rebuilt_once_more
from tests.faults.ledger import Ledger
from tests.faults.people import People
from tests.faults.schedule import doubled, schedule
from tests.faults.strikes import BOUND, Blow, Striker
from tests.faults.work import Work, everybody, found

GOES_HOME = 0.1
ASKED_AGAIN = 100
"""How many of the acknowledged commands are sent once more in the end."""


@dataclass
class Outcome:
    """What a run has found. `kills` are processes that were killed with SIGKILL under load."""

    seed: int
    ledger: Ledger
    findings: Findings = field(default_factory=Findings)
    blows: Sequence[Blow] = ()
    kills: int = 0
    drained: float = 0.0
    evidence: Evidence = field(default_factory=Evidence)

    @property
    def clean(self) -> bool:
        return not self.findings.all

    def line(self) -> str:
        """The last line of a run."""
        count = self.findings.count
        return (
            f"lost={count('lost')} doubled={count('doubled')} inverted={count('inverted')} kills={self.kills} "
            f"acknowledged={len(self.ledger.of('acknowledged'))}"
        )


class Campaign:
    """A run in a folder: `ledger/` and `report.json` are kept there, the system's own data only where it went wrong."""

    def __init__(self, seed: int, kills: int, folder: Path, base_port: int, tell: Callable[[str], None]) -> None:
        names = found_services()
        self.seed = seed
        self.folder = folder
        self.base_port = base_port
        self.tell = tell
        self.twice = doubled(seed, names)
        self.works: Mapping[str, Work] = found()
        self.strikes = schedule(seed, names, kills)
        self.idle = [name for name in names if name not in self.works]
        self.system = System(twice=[self.twice])
        self.outcome = Outcome(seed, Ledger(folder / "ledger"))
        self.late: list[str] = []
        self._began = time.monotonic()
        self._topics: dict[str, list[list[Message]]] = {}

    def announce(self) -> None:
        self.tell(f"SEED={self.seed}: {sum(each.kills for each in self.strikes)} kills of {len(self.strikes)} blows")
        self.tell(f"{self.twice} runs in two processes")
        for name in self.idle:
            self.tell(f"nobody works at {name}: there is no tests/faults/work/{name}.py")
        for strike in self.strikes:
            self.tell(f"  {strike}")

    def phase(self, what: str) -> None:
        self.tell(f"{time.monotonic() - self._began:6.1f} s {what}")

    async def run(self) -> Outcome:
        """Returns what was found; raises CannotStart where the system does not even start."""
        data = self.folder / "system"
        self._began = time.monotonic()
        self.phase("starting PostgreSQL, Kafka and the services")
        async with AsyncExitStack() as stack:
            stack.push_async_callback(self.system.stop)
            await self.system.start(data, self.base_port)
            issuer = local_issuer.load(data, ISSUER, AUDIENCE)
            ports = {
                name: [each.port for each in self.system.processes.values() if each.service == name]
                for name in self.system.services
            }
            people = People(ports, issuer, self.outcome.ledger, self.seed, GOES_HOME)
            await stack.enter_async_context(aclosing(people))
            await self._work(people)
            await self._heal(people)
            await self._judge(people)
        self._report()
        return self.outcome

    async def _work(self, people: People) -> None:
        """Everybody works while the blows fall."""
        for name, work in self.works.items():
            if work.prepare is not None:
                await work.prepare(people.first(name))
        await self._drained(people)
        self.phase("people work, and the blows fall")
        striker = Striker(self.system, lambda: people.acknowledged, self.tell)
        async with asyncio.TaskGroup() as group:
            everybody(self.works, people, group)
            try:
                await striker.all(self.strikes)
            finally:
                people.stop.set()
        self.outcome.blows, self.outcome.kills = striker.blows, striker.kills
        self.late += striker.late + people.stuck

    async def _heal(self, people: People) -> None:
        """Wait until all has come back and been taken in; send every log a second time, and wait again."""
        self.phase("people go home; it heals")
        await self._back()
        began = time.monotonic()
        await self._drained(people)
        self.outcome.drained = round(time.monotonic() - began, 1)
        self.phase("some commands are sent once more, then every log a second time")
        self._topics = await self._read_topics()
        acknowledged = list(self.outcome.ledger.of("acknowledged"))
        doubted = [each for each in acknowledged if each.doubts]
        chance = random.Random(f"{self.seed} again")
        sample = {id(each): each for each in (*doubted[-ASKED_AGAIN:], *chance.sample(
            acknowledged, min(ASKED_AGAIN, len(acknowledged))))}  # fmt: skip
        again = people.client("again")
        for command in sample.values():
            try:
                await again.asks_again(command)
            except httpx.HTTPError as error:
                self.late.append(f"{command} asked again: {error!r}")
        await self._sent_again()
        await self._back()
        await self._drained(people)

    async def _read_topics(self) -> dict[str, list[list[Message]]]:
        """Every topic as it is now; read on where there is less than in the log."""
        found = {}
        for name in self.system.services:
            connection = await self.system.postgres.connect(f"steward_{name}")
            try:
                count = await connection.fetchval("SELECT count(*) FROM event")
            finally:
                await connection.close()
            found[name] = await partitions(self.system.kafka.bootstrap, f"steward.{name}", count)
        return found

    async def _back(self) -> None:
        try:
            await self.system.ready(BOUND)
        except CannotStart as reason:
            self.late.append(str(reason))

    async def _drained(self, people: People) -> None:
        """Wait until every process has sequenced, published and taken in all there is, twice in a row."""
        deadline, quiet, left = time.monotonic() + BOUND, 0, "nothing was heard"
        headers = {"Authorization": f"Bearer {people.token('root')}"}
        async with httpx.AsyncClient(headers=headers, trust_env=False, timeout=10) as client:
            while quiet < 2 and time.monotonic() < deadline:
                said = {}
                for name, process in self.system.processes.items():
                    try:
                        said[name] = (
                            (await client.get(f"{process.url}/{process.service}/consumption")).raise_for_status().json()
                        )
                    except httpx.HTTPError as error:
                        said[name] = {"drained": False, "error": repr(error)}
                waiting = {name: each for name, each in said.items() if not each["drained"]}
                quiet, left = (0, str(waiting)) if waiting else (quiet + 1, "")
                await asyncio.sleep(0.2)
        if quiet < 2:
            self.late.append(f"not drained in {BOUND:.0f} s: {left}")

    async def _sent_again(self) -> None:
        """Have every service publish its whole log a second time, as after a loss of the broker's disks."""
        for process in self.system.processes.values():
            process.kill()
        for name in self.system.services:
            connection = await self.system.postgres.connect(f"steward_{name}")
            try:
                await connection.execute("UPDATE log_head SET published = 0")
            finally:
                await connection.close()

    async def _judge(self, people: People) -> None:
        system = self.system
        self.phase("gathering the evidence")
        evidence = await gathered(system.postgres.connect, self.works)
        # As they were before everything was sent a second time, which would have put right what was left out.
        evidence.topics = self._topics
        await proven(evidence, people.session("root"), system.services, self.works)
        self.phase("deriving every projection once more")
        await system.stop_services()
        try:
            await rebuilt_once_more(evidence, system.postgres, system.kafka.bootstrap)
        except BusDown as error:
            self.late.append(f"nothing could be derived once more: {error}")
        for name, twice in (await self._read_topics()).items():
            if sum(map(len, twice)) < 2 * len(evidence.logs[name]):
                self.late.append(f"the log of {name} was not sent again")
        for command in self.outcome.ledger.of("refused"):
            if command.expects:
                self.late.append(f"{command}: {command.answer}")
        evidence.late += self.late
        effects = [each for work in self.works.values() for each in work.effects]
        folds = {name: work.folds for name, work in self.works.items()}
        self.outcome.evidence = evidence
        self.outcome.findings = check(self.outcome.ledger.commands, evidence, effects, folds)

    def _report(self) -> None:
        """Everything a reader of a failure wants to know first."""
        outcome, evidence = self.outcome, self.outcome.evidence
        report = {
            "line": outcome.line(),
            "seed": self.seed,
            "two processes": self.twice,
            "without work": self.idle,
            "schedule": [str(each) for each in self.strikes],
            "blows": [
                {"at": each.at, "kind": each.strike.kind, "target": each.strike.target, "process": each.pid,
                 "back": each.back} for each in outcome.blows
            ],
            "seconds until all answered": _by_kind(outcome.blows),
            "seconds until drained": outcome.drained,
            "commands": Counter(each.outcome for each in outcome.ledger.commands),
            "attempts without an answer": sum(each.doubts for each in outcome.ledger.commands),
            "events": {name: len(log) for name, log in evidence.logs.items()},
            "handled": {name: len(taken) for name, taken in evidence.taken.items()},
            "findings": [str(each) for each in outcome.findings.all],
        }  # fmt: skip
        (self.folder / "report.json").write_text(json.dumps(report, indent=2) + "\n")


def _by_kind(blows: Sequence[Blow]) -> dict[str, list[float | None]]:
    kinds = sorted({each.strike.kind for each in blows})
    return {kind: [each.back for each in blows if each.strike.kind == kind] for kind in kinds}
