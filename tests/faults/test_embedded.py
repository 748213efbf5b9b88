"""kill -9 of the embedded system with its PostgreSQL while people work: what was acknowledged is there afterwards."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path

import httpx
import pytest

from cli.tokens import issued
from shared.local import issuer as local_issuer
from shared.service import discovered
from shared.settings import Settings
from tests.builders import read
from tests.faults.checker import check
from tests.faults.evidence import gathered
from tests.faults.ledger import Ledger
from tests.faults.people import People
from tests.faults.work import everybody, found
from tests.journeys.embedded import Embedded
from tests.journeys.probes import eventually

SERVICES = tuple(discovered())


@pytest.fixture
async def system(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[Embedded]:
    system = Embedded(workplace / "faults-embedded", free_port())
    yield system
    if system.process is not None and system.process.poll() is None:
        await system.stop()


async def test_the_embedded_system_starts_again_with_everything_it_has_acknowledged(
    system: Embedded, workplace: Path
) -> None:
    await system.start()
    ledger, settings = Ledger(workplace / "ledger-embedded"), Settings()
    issuer = local_issuer.load(system.data, settings.oidc_issuer, settings.oidc_audience)
    people, works = People({name: [system.port] for name in SERVICES}, issuer, ledger, seed=1), found()
    headers = {"Authorization": f"Bearer {issued('root', system.data)}"}
    root = httpx.AsyncClient(base_url=system.url, headers=headers, trust_env=False, timeout=30)

    async def acknowledged() -> int:
        return people.acknowledged

    async def drained() -> list[object]:
        return [(await read(root, f"/{name}/consumption"))["drained"] for name in SERVICES * 2]

    async with root, aclosing(people):
        for name, work in works.items():
            if work.prepare is not None:
                await work.prepare(people.first(name))
        async with asyncio.TaskGroup() as group:
            everybody(works, people, group)
            for awaited in (30, 60):
                await eventually(f"{awaited} acknowledged commands", acknowledged, awaited.__le__, 60)
                system.kill()
                await system.start()
            people.stop.set()
        await eventually("everything taken in", drained, all)
        for name in SERVICES:
            assert (await read(root, f"/{name}/log/verification"))["broken_at"] is None
    evidence = await gathered(lambda database: system.connect(database.removeprefix("steward_")), works)
    effects = [each for work in works.values() for each in work.effects]
    assert check(ledger.commands, evidence, effects, {name: work.folds for name, work in works.items()}).all == []
    assert (people.stuck, ledger.of("unknown")) == ([], [])
