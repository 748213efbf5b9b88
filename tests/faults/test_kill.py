"""kill -9 of every process of `make up`, PostgreSQL and Kafka included, while people's commands are acknowledged; and
in the end everything is sent a second time. Nothing is lost, nothing is done twice, nothing is out of order, and all of
it comes back by itself."""

import asyncio
import os
import random
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import pytest

from shared.local import kafka as local_kafka
from shared.local.processes import CannotStart
from shared.local.system import System
from tests.builders import read, told
from tests.conftest import not_available
from tests.faults.checker import check
from tests.faults.evidence import EFFECTS, FOLDS, gathered
from tests.faults.ledger import Ledger
from tests.faults.people import People
from tests.journeys.desk import Desk, desk_of
from tests.journeys.documents import agreement, always
from tests.journeys.probes import eventually

pytestmark = pytest.mark.kafka

SERVICE = "printing"
DESKS, PROBLEMS, AT_LEAST = 4, 2, 10
"""How many work at the desk; how many problems they share; commands that must be acknowledged between two kills."""


@pytest.fixture(scope="module")
async def system(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[System]:
    """A system of its own, to be killed part by part."""
    try:
        local_kafka.jars(), local_kafka.java()
    except CannotStart as reason:
        not_available(reason)
    system = System()
    await system.start(workplace / "faults", free_port())
    yield system
    await system.stop()


@pytest.fixture(scope="module")
async def desk(system: System, workplace: Path) -> AsyncIterator[Desk]:
    desk = desk_of(system, workplace / "faults")
    documents = [always("always"), agreement(SERVICE, "always")]
    await told(desk.client("root"), "/sla/policies", {"documents": documents})
    yield desk
    await desk.close()


def process(system: System, part: str) -> tuple[int, bool]:
    """The part's process, and whether it serves."""
    if part == "postgres":
        return system.postgres.pid, system.postgres.alive
    if part == "kafka":
        return system.kafka.pid, system.kafka.alive and local_kafka.answers(system.kafka.port)
    return system.services[part].pid, system.services[part].alive


async def killed(system: System, people: People, part: str, moment: float) -> None:
    """Kill this part some seconds after people were seen at work, and wait until another process is in its place."""
    before = people.acknowledged

    async def progress() -> int:
        return people.acknowledged - before

    await eventually(f"{AT_LEAST} acknowledged commands before {part} is killed", progress, AT_LEAST.__le__, 60)
    await asyncio.sleep(moment)
    first, _ = process(system, part)
    system.kill(part)

    async def now() -> tuple[int, bool]:
        return process(system, part)

    await eventually(f"{part} in another process than {first}", now, lambda seen: seen[0] != first and seen[1], 60)


@pytest.mark.timeout(300)
async def sent_again(system: System, name: str) -> None:
    """Have the service publish its whole log a second time, as after a loss of the broker's disks."""
    connection = await system.postgres.connect(f"steward_{name}")
    try:
        await connection.execute("UPDATE log_head SET published = 0")
    finally:
        await connection.close()
    # Where it goes on is read when a process begins to lead.
    system.kill(name)


async def test_nothing_acknowledged_is_lost_doubled_or_inverted_by_any_kill(
    system: System, desk: Desk, workplace: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seed = int(os.environ.get("STEWARD_FAULTS_SEED") or random.randrange(1_000_000))
    sys.stdout.write(f"seed: STEWARD_FAULTS_SEED={seed}\n")
    chance = random.Random(seed)
    kills = [*system.services, "postgres", "kafka", *chance.choices([*system.services], k=2)]
    chance.shuffle(kills)
    moments = [chance.uniform(0, 1) for _ in kills]
    ledger = Ledger(workplace / "ledger.jsonl")
    ports = {name: service.port for name, service in system.services.items()}
    async with aclosing(People(ports, desk.issuer, ledger, chance)) as people, asyncio.TaskGroup() as work:
        problems = [await people.problem(f"Printers catch fire {number}") for number in range(PROBLEMS)]
        for number in range(DESKS):
            work.create_task(people.desk(SERVICE, problems[number % PROBLEMS]))
        for problem in problems:
            work.create_task(people.investigator(problem))
        for part, moment in zip(kills, moments, strict=True):
            await killed(system, people, part, moment)
        people.stop.set()
    await system.ready()
    await desk.drained(60)
    for name in system.services:
        await sent_again(system, name)
    await system.ready()
    await desk.drained(60)

    evidence = await gathered(system.postgres.connect, system.kafka.bootstrap)
    findings = check(ledger.commands, evidence, EFFECTS, FOLDS)
    assert findings.all() == [], f"{len(findings.all())} faults; the ledger is {ledger.file}"
    assert ledger.of("unknown") == []
    for name, partitions in evidence.topics.items():
        assert sum(map(len, partitions)) >= 2 * len(evidence.logs[name]), f"the log of {name} was not sent again"
    refused = [each for each in ledger.of("refused") if not each.path.endswith("/resume")]
    assert refused == [], "only a second resume is refused"
    for name in system.services:
        proof = await read(desk.client("root"), f"/{name}/log/verification")
        assert (proof["broken_at"], proof["verified"] > 0) == (None, True)
    doubts = sum(each.doubts for each in ledger.commands)
    said = (
        f"\nseed={seed} kills: {' '.join(kills)}; attempts without an answer, sent again: {doubts}\n"
        f"lost={len(findings.lost)} doubled={len(findings.doubled)} inverted={len(findings.inverted)} "
        f"kills={len(kills) + len(system.services)} acknowledged={len(ledger.of('acknowledged'))}\n"
    )
    with capsys.disabled():
        sys.stdout.write(said)
