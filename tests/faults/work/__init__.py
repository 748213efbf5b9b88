"""What people do at each service while everything is killed, and what must have become of it: a module each.

`tests/faults/work/<service>.py` ends in a `WORK`. It is found by its name; a service without one is still checked in
all that is common to services, and the run says that nobody works there.
"""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import cast

from shared.service import discovered
from tests.faults.checker.findings import Copy, Effect, Evidence, Fold
from tests.faults.people import Client, People


def nothing(evidence: Evidence) -> Iterable[Copy]:
    """A service that keeps nothing of others."""
    return ()


@dataclass(frozen=True)
class Life:
    """What one client does over and over again, and how many of them there are."""

    run: Callable[[Client], Awaitable[None]]
    hands: int


@dataclass(frozen=True)
class Work:
    """One service's. `prepare` makes what the lives need, once, before anything is killed. `folds` say what a row of
    a table is from its events (I5); `effects` what follows from events of others; `copies` compare what the service
    keeps of others' records with those (I2). `proof` is the path of a verification by pages (I6)."""

    lives: tuple[Life, ...]
    prepare: Callable[[Client], Awaitable[None]] | None = None
    folds: Mapping[str, Fold] = field(default_factory=dict)
    effects: tuple[Effect, ...] = ()
    copies: Callable[[Evidence], Iterable[Copy]] = nothing
    proof: str | None = None


def found() -> Mapping[str, Work]:
    """The work at each service that has some."""
    names = [name for name in discovered() if find_spec(f"{__name__}.{name}")]
    return {name: cast("Work", importlib.import_module(f"{__name__}.{name}").WORK) for name in names}


def everybody(works: Mapping[str, Work], people: People, group: asyncio.TaskGroup) -> None:
    """Have all of them begin; they go on until `people.stop` is set."""
    for name, work in works.items():
        for life in work.lives:
            for hand in range(life.hands):
                client = people.client(f"{name}-{life.run.__name__}-{hand}")
                group.create_task(client.lives(life.run))


def leads(causes: Mapping[str, tuple[str, int]], producer: str, service: str) -> tuple[Effect, ...]:
    """Effects in short: what each event of the producer leads to at the service, and how often."""
    return tuple(
        Effect(f"steward.{producer}.{cause}.v1", service, f"steward.{effect}.v1", count)
        for cause, (effect, count) in causes.items()
    )
