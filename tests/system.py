"""The whole system in the test's own process: every service, a real PostgreSQL, no ports; and everybody who uses it."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from shared.local.issuer import Signed
from shared.local.people import PEOPLE, Person
from shared.local.rehearsal import ISSUER, MONDAY, SetClock, Steward, rehearsal
from shared.service import Service

__all__ = ["EVERYBODY", "ISSUER", "MONDAY", "SetClock", "Signed", "Steward", "steward_of"]

# People of roles that the embedded system has nobody for.
STRANGERS = (
    Person("manager", "Mara", ("problem_manager",)),
    Person("keeper", "Kim", ("service_level_manager",)),
    Person("chief", "Chris", ("incident_manager",)),
    Person("nobody", "Noa", ("visitor",)),
)
EVERYBODY = {**PEOPLE, **{person.subject: person for person in STRANGERS if person.subject not in PEOPLE}}


@asynccontextmanager
async def steward_of(
    services: Sequence[Service], database: Callable[[Service], Awaitable[str]], folder: Path, clock: SetClock
) -> AsyncIterator[Steward]:
    """These services on databases of their own, which `database` makes with their newest schema."""
    async with rehearsal(services, database, folder, clock, EVERYBODY) as steward:
        yield steward
