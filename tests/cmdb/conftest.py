"""The configuration service alone: what others tell it is handed to its inbox by the tests themselves."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from services.cmdb.app import service
from shared.service import Service
from tests.builders import applied
from tests.cmdb.samples import TYPES, an_item
from tests.system import SetClock, Steward, steward_of

Make = Callable[[Service], Awaitable[str]]


@pytest.fixture(scope="session")
async def steward(service_database: Make, workplace: Path) -> AsyncIterator[Steward]:
    """The service that all of these tests share, with some types in force; its time stands still."""
    async with steward_of([service], service_database, workplace / "cmdb", SetClock()) as steward:
        await applied(steward, "cmdb", TYPES)
        yield steward


@pytest.fixture
async def fresh_steward(service_database: Make, workplace: Path) -> AsyncIterator[Steward]:
    """The service for one test alone, with the types and nothing else in it."""
    async with steward_of([service], service_database, workplace / "cmdb", SetClock()) as steward:
        await applied(steward, "cmdb", TYPES)
        yield steward


@pytest.fixture(scope="session")
async def three(service_database: Make, workplace: Path) -> AsyncIterator[Steward]:
    """The service with three items and nothing else: what lists are tried on."""
    async with steward_of([service], service_database, workplace / "three", SetClock()) as steward:
        await applied(steward, "cmdb", TYPES)
        await an_item(steward, name="a", owner="Ops")
        await an_item(steward, name="b", status="planned", location="Berlin", supplier="ACME", source="elsewhere")
        await an_item(steward, "application", name="c", owner="Ops", criticality=1, title="The quick brown fox")
        yield steward


@pytest.fixture(scope="session")
async def travelled(service_database: Make, workplace: Path) -> AsyncIterator[Steward]:
    """The service in whose time tests go on, each from where the one before stopped."""
    async with steward_of([service], service_database, workplace / "travelled", SetClock()) as steward:
        await applied(steward, "cmdb", TYPES)
        yield steward
