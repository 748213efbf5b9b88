"""The incident service alone: what is proven here needs no other one."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from pathlib import Path

import pytest

from services.incident.app import service
from shared.service import Service
from tests.system import SetClock, Steward, steward_of

Make = Callable[[Service], Awaitable[str]]
# Nobody else is there to be followed; what is done with others' events is proven on the inbox itself.
ALONE = replace(service, handlers=())


@pytest.fixture(scope="session")
async def steward(service_database: Make, workplace: Path) -> AsyncIterator[Steward]:
    """The incident service that all of these tests share; its time stands still."""
    async with steward_of([ALONE], service_database, workplace / "incident", SetClock()) as steward:
        yield steward


@pytest.fixture
async def fresh_steward(service_database: Make, workplace: Path) -> AsyncIterator[Steward]:
    """The incident service for one test alone, with nothing in it."""
    async with steward_of([ALONE], service_database, workplace / "incident", SetClock()) as steward:
        yield steward
