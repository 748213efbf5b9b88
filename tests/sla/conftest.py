"""One running system for the tests of this service, whose time moves; each test has a customer of its own in it."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from shared.service import Service
from tests.sla.desk import Desk, next_monday
from tests.system import SetClock, Steward, steward_of


@pytest.fixture(scope="session")
async def moving_steward(
    services: list[Service], service_database: Callable[[Service], Awaitable[str]], workplace: Path
) -> AsyncIterator[Steward]:
    async with steward_of(services, service_database, workplace / "system", SetClock()) as steward:
        yield steward


@pytest.fixture
def desk(moving_steward: Steward) -> Desk:
    """It is Monday, 09:00 UTC, some of the month's working days are over, and nobody has promised this test's customer
    anything."""
    monday = next_monday(moving_steward.clock.instant)
    if monday.day <= 3:
        monday = next_monday(monday)
    moving_steward.clock.set(monday)
    return Desk(moving_steward)
