"""The mill and the bakery, running or only their databases."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from types import MappingProxyType
from uuid import uuid4

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.asyncapi import document
from contracts.envelope import registry
from shared import front
from shared.database import Database
from shared.events import reading
from shared.events.tables import APPEND_ONLY, METADATA
from shared.local.postgres import LocalPostgres
from shared.service import Service
from tests.platform import bakery as baking
from tests.system import SetClock, Steward, steward_of


@pytest.fixture(scope="session", autouse=True)
def known_events() -> Iterator[None]:
    """The inbox reads the tests' own event classes too; `contracts`, and its page of topics, do not have them."""
    every = MappingProxyType({**registry(), **baking.EVENTS})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading, "registry", lambda: every)
        known = {event.topic for event in registry().values()}
        patch.setattr(
            front,
            "document",
            lambda consumed, version: document(
                {name: [topic for topic in topics if topic in known] for name, topics in consumed.items()}, version
            ),
        )
        yield


@pytest.fixture(autouse=True)
def mended_oven() -> Iterator[None]:
    """No fault outlasts the test that wanted it."""
    whole = baking.Oven.fault
    yield
    baking.Oven.fault = staticmethod(whole)


@pytest.fixture(scope="session")
def database_url(postgres: LocalPostgres) -> Callable[[Service], Awaitable[str]]:
    """Makes a database of the mill or the bakery at each call and gives its URL."""
    models: dict[str, str] = {}

    async def make(service: Service) -> str:
        if service.name not in models:
            model = f"model_{service.name}_{uuid4().hex}"
            await postgres.ensure_database(model)
            engine = create_async_engine(postgres.url(model))
            async with engine.begin() as connection:
                await connection.run_sync(METADATA.create_all)
                await connection.run_sync(service.rows.create_all)
                for statement in APPEND_ONLY:
                    await connection.execute(text(statement))
            await engine.dispose()
            models[service.name] = model
        name = f"{service.name}_{uuid4().hex}"
        connection = await postgres.connect()
        try:
            await connection.execute(f"CREATE DATABASE {name} TEMPLATE {models[service.name]}")
        finally:
            await connection.close()
        return postgres.url(name)

    return make


@pytest.fixture
async def mill_database(database_url: Callable[[Service], Awaitable[str]]) -> AsyncIterator[Database]:
    """A mill's database, empty; no background work."""
    database = Database(await database_url(baking.mill), 24)
    yield database
    await database.close()


@pytest.fixture
async def bakery_database(database_url: Callable[[Service], Awaitable[str]]) -> AsyncIterator[Database]:
    """A bakery's database, empty; no background work."""
    database = Database(await database_url(baking.bakery), 10)
    yield database
    await database.close()


@pytest.fixture(scope="session")
async def village(database_url: Callable[[Service], Awaitable[str]], workplace: Path) -> AsyncIterator[Steward]:
    """Mill and bakery, running, shared by the tests of a run."""
    async with steward_of([baking.mill, baking.bakery], database_url, workplace / "village", SetClock()) as running:
        yield running


@pytest.fixture
async def fresh_village(database_url: Callable[[Service], Awaitable[str]], workplace: Path) -> AsyncIterator[Steward]:
    """Mill and bakery, running, for one test alone."""
    async with steward_of([baking.mill, baking.bakery], database_url, workplace / "village", SetClock()) as running:
        yield running
