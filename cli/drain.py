"""Waiting until every service has taken in what the others published."""

import asyncio
import time
from collections.abc import Callable

from cli.api import Api, Failed

PAUSE = 0.1
PATIENCE = 120.0
"""Seconds in which the backlog must shrink at least once; else something has stopped and waiting will not help."""


async def drained(api: Api, tell: Callable[[int], None], patience: float = PATIENCE) -> None:
    """Returns once all services are drained. Raises Failed when nothing has moved for `patience` seconds.

    Two rounds in a row must find everything drained, for a service asked early may have been sent something by one
    that was asked later.
    """
    services = sorted(await api.services())
    quiet, least, moved = 0, None, time.monotonic()
    while quiet < 2:
        states = [await api.get(f"/{service}/consumption") for service in services]
        left = sum(state["lag"] + state["unsequenced"] + state["unpublished"] for state in states)
        quiet = quiet + 1 if all(state["drained"] for state in states) else 0
        tell(left)
        if least is None or left < least or quiet:
            least, moved = left, time.monotonic()
        if time.monotonic() - moved > patience:
            behind = [service for service, state in zip(services, states, strict=True) if not state["drained"]]
            raise Failed(f"{', '.join(behind)} took in nothing for {patience:.0f} s; `steward doctor` may say why")
        await asyncio.sleep(PAUSE)
