"""The story of `make demo`, on the bus in this process and on a real Kafka: how it ends, and that the topics tell it.

Played on Kafka, its topics hold a bit of everything; so what every service keeps of the others is then derived again
from them, and has to be the same.
"""

import io
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest
from rich.console import Console
from sqlalchemy import Table, text

from cli.demo.__main__ import of_logs, of_topics, played
from cli.demo.stage import Stage
from cli.demo.telling import Fact, commands
from contracts.envelope import Message
from shared.database import Database
from shared.database.records import QUOTE
from shared.events.handling import Projection
from shared.events.rebuild import rebuilt
from shared.kafka import KafkaBus, KafkaSettings
from shared.local import kafka as local_kafka
from shared.local.processes import CannotStart
from shared.local.rehearsal import SetClock, Steward, rehearsal
from shared.service import Service
from tests.conftest import not_available

Make = Callable[[Service], Awaitable[str]]


@dataclass
class Played:
    """The story, played; `urls` are the services' databases, `bootstrap` the broker where there is one."""

    stage: Stage
    said: str
    services: list[Service]
    urls: dict[str, str]
    bootstrap: str | None
    stop: Callable[[], Awaitable[None]]

    @property
    def steward(self) -> Steward:
        return self.stage.steward

    async def one(self, path: str, **query: str) -> dict[str, Any]:
        [found] = (await self.stage.get("root", path, **query))["items"]
        return cast("dict[str, Any]", found)


@pytest.fixture(
    scope="module", params=["in-process", pytest.param("kafka", marks=pytest.mark.kafka)], ids=["in-process", "kafka"]
)
async def demo(
    request: pytest.FixtureRequest,
    services: list[Service],
    service_database: Make,
    workplace: Path,
    free_port: Callable[[], int],
) -> AsyncIterator[Played]:
    urls = {each.name: await service_database(each) for each in services}

    async def database(service: Service) -> str:
        return urls[service.name]

    async with AsyncExitStack() as around, AsyncExitStack() as running:
        bootstrap: str | None = None
        settings: dict[str, Any] = {}
        if request.param == "kafka":
            try:
                broker = await local_kafka.start(workplace / "demo", free_port(), free_port())
            except CannotStart as reason:
                not_available(reason)
            around.push_async_callback(broker.stop)
            bootstrap = broker.bootstrap
            settings = {"bus": "kafka", "kafka": bootstrap}
        system = rehearsal(services, database, workplace / f"demo-{request.param}", SetClock(), **settings)
        steward = await running.enter_async_context(system)
        console = Console(file=io.StringIO(), width=200)
        if bootstrap is None:
            stage = await played(steward, of_logs(steward), console)
        else:
            async with of_topics(steward.services, bootstrap) as heard:
                stage = await played(steward, heard, console)
        yield Played(stage, cast("io.StringIO", console.file).getvalue(), services, urls, bootstrap, running.aclose)


@pytest.mark.capability("INC-6")
@pytest.mark.capability("INC-8")
@pytest.mark.capability("CHG-8")
@pytest.mark.capability("CHG-9")
@pytest.mark.capability("PRB-5")
@pytest.mark.capability("PRB-9")
@pytest.mark.capability("SLM-5")
async def test_the_story_ends_with_everything_closed_and_proved(demo: Played) -> None:
    incident = await demo.one("/incident/incidents", q="prices")
    assert (incident["state"], incident["confirmed_by"], incident["cause_code"]) == ("closed", "user", "change")
    assert (await demo.one("/incident/major-incidents"))["state"] == "reviewed"
    problem = await demo.one("/problem/problems")
    assert (problem["state"], problem["recurrences"], problem["closure_code"]) == ("closed", 4, "Proved")
    changes = (await demo.stage.get("root", "/change/changes", sort="number"))["items"]
    assert [(each["state"], each["change_class"]) for each in changes] == [
        ("implemented", "normal"),
        ("closed", "emergency"),
    ]
    assert changes[1]["problem"] == problem["id"]
    clocks = (await demo.stage.get("root", "/sla/clocks", record=incident["id"]))["items"]
    assert {(each["measure"], each["state"], each["outcome"]) for each in clocks} == {
        ("respond", "stopped", "met"),
        ("resolve", "stopped", "met"),
    }


@pytest.mark.capability("INC-3")
@pytest.mark.capability("INC-4")
@pytest.mark.capability("INC-12")
@pytest.mark.capability("CFG-10")
async def test_the_desk_is_told_what_is_struck_and_known_before_it_asks(demo: Played) -> None:
    assert "struck: Order portal, by orders-db-2 → orders-web → Order portal" in demo.said
    assert "known: KE-1001 Old figures in the order portal" in demo.said
    assert "changed lately: CHG-1001 New disk driver on db-host-8, by db-host-8 → orders-db-2" in demo.said


def whole(demo: Played) -> list[list[Fact]]:
    return [chain for _, chain in commands(demo.stage.told)]


def names(chain: list[Fact]) -> list[str]:
    return [each.message.type.removeprefix("steward.").removesuffix(".v1") for fact in chain for each in fact.all()]


async def test_the_topics_alone_tell_what_led_to_what(demo: Played) -> None:
    told = {each.id: each for each in demo.stage.told}
    assert len(told) == len(demo.stage.told) > 150
    for each in demo.stage.told:
        cause = told.get(each.causation) if each.causation else None
        assert each.causation is None or cause is not None, f"{each.type} names a cause that no topic has"
        assert cause is None or cause.correlation == each.correlation
    chains = whole(demo)
    assert sum(len(names(chain)) for chain in chains) == len(told)

    def following(first: str) -> list[str]:
        return next(names(chain) for chain in reversed(chains) if names(chain)[0] == first)

    # Closing an incident moves the problem; its resolution stops the clock; a wish becomes a change and comes back.
    assert "problem.recurred" in following("incident.confirmed")
    assert "clock.stopped" in following("incident.resolved")
    assert {"change.submitted", "problem.change_followed"} <= set(following("problem.change_requested"))
    assert {"problem.resolved", "problem.status_changed"} <= set(following("change.implemented"))


async def test_each_record_counts_its_events_without_a_gap(demo: Played) -> None:
    records: dict[tuple[str, Any], list[Message]] = {}
    for each in demo.stage.told:
        records.setdefault((each.source, each.aggregate_id), []).append(each)
    assert all([each.sequence for each in found] == list(range(1, len(found) + 1)) for found in records.values())
    assert Counter(len(found) for found in records.values())[1] > 20


async def projections(service: Service, url: str) -> Mapping[str, list[str]]:
    """The rows of every table that this service derives from topics, as text."""
    tables = dict.fromkeys(
        QUOTE(cast("Table", table).name)
        for handler in service.handlers
        if isinstance(handler, Projection)
        for table in handler.tables
    )
    database = Database(url)
    try:
        whole = {name: text(f"SELECT {name}::text AS one FROM {name} ORDER BY 1") for name in tables}
        return {name: [row.one for row in await database.rows(sql, {})] for name, sql in whole.items()}
    finally:
        await database.close()


@pytest.mark.parametrize("demo", [pytest.param("kafka", marks=pytest.mark.kafka)], indirect=True)
async def test_what_services_keep_of_each_other_is_rebuilt_from_the_topics_the_same(demo: Played) -> None:
    """The last test of the story: it ends the system, because nobody may follow a topic while it is replayed."""
    assert demo.bootstrap is not None
    await demo.stop()
    clock, kept = demo.steward.clock, 0
    for service in demo.services:
        before = await projections(service, demo.urls[service.name])
        database, bus = Database(demo.urls[service.name]), KafkaBus(KafkaSettings(bootstrap=demo.bootstrap))
        await bus.start()
        try:
            await rebuilt(service, database, bus, clock)
        finally:
            await bus.close()
            await database.close()
        assert await projections(service, demo.urls[service.name]) == before, service.name
        kept += sum(map(len, before.values()))
    assert kept > 50
