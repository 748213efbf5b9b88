"""Waiting for what another service will make of something: a probe that tells what was awaited and what was there."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

T = TypeVar("T")
PAUSE = 0.05


async def eventually(
    awaited: str, look: Callable[[], Awaitable[T]], holds: Callable[[T], bool], seconds: float = 30
) -> T:
    """What `look` gives as soon as `holds` is true of it. Fails after these seconds with what was seen last."""
    began = time.monotonic()
    while True:
        seen = await look()
        if holds(seen):
            return seen
        if time.monotonic() - began > seconds:
            raise AssertionError(f"awaited for {seconds:.0f} s: {awaited}; there was: {seen!r}")
        await asyncio.sleep(PAUSE)
