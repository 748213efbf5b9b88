"""`steward doctor` says what is wrong and what mends it; `steward verify` proves that no log was tampered with."""

import asyncio
import os
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import httpx
import typer

from cli.api import Api, Failed, Refused, connected
from cli.tokens import DEFAULT_DATA, DEFAULT_URL, Data, Token, Url, bearer

MOST_SKEW = 5.0
"""Seconds that this machine's clock and the server's may differ; tokens and deadlines suffer from more."""
PARTS = ("database", "migrations", "topics", "broker", "consumer", "relay")
FIXES = {
    "database": "start PostgreSQL, or correct STEWARD_{SERVICE}_DATABASE_URL",
    "migrations": "python -m shared.run {service} --migrate",
    "topics": "start the broker, then restart {service}: it makes its topics when it starts",
    "broker": "start Kafka, or correct STEWARD_KAFKA",
    "consumer": "look at {service}'s log and at GET /{service}/dead-letters; a restart continues where it stopped",
    "relay": "start Kafka; what waits is published when it answers",
}


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the doctor's report; `fix` only where something is wrong."""

    part: str
    fine: bool
    words: str
    fix: str = ""

    def __str__(self) -> str:
        mark = "ok   " if self.fine else "WRONG"
        return f"{mark} {self.part:<11} {self.words}{f'; to mend it: {self.fix}' if self.fix else ''}"


def doctor(url: Url = DEFAULT_URL, data: Data = DEFAULT_DATA, token: Token = None) -> None:
    """Say what is wrong with a running Steward, each with what mends it.

    Exit code 1 when anything is wrong.
    """
    found = asyncio.run(_examine(url, data, token))
    for finding in found:
        print(finding)
    if not all(finding.fine for finding in found):
        raise typer.Exit(1)


def verify(url: Url = DEFAULT_URL, data: Data = DEFAULT_DATA, token: Token = None) -> None:
    """Recompute every service's event log from its first event on.

    One line per service. Exit code 1 when an event was changed, removed or put in since it was recorded.
    """
    if not asyncio.run(_verify(url, bearer(token, data))):
        raise typer.Exit(1)


async def _verify(url: str, token: str) -> bool:
    whole = True
    async with connected(url, token) as api:
        for service in sorted(await api.services()):
            found = await api.get(f"/{service}/log/verification")
            if found["broken_at"] is None:
                print(f"ok    {service}: {found['verified']:,} events, head {found['head']}")
            else:
                whole = False
                print(f"WRONG {service}: broken at position {found['broken_at']:,}, whole before it")
    return whole


async def _examine(url: str, data: Path, token: str | None) -> list[Finding]:
    found = [] if token else list(folder(data))
    async with connected(url, None, tries=1) as api:
        try:
            services = await api.services()
        except Failed as error:
            return [*found, Finding("server", False, str(error), "start it, or name its place with --url")]
        found += [Finding("server", True, ", ".join(sorted(services))), *parts(services), await _clock(api)]
    try:
        held = bearer(token, data)
    except Failed as error:
        return [*found, Finding("lag", False, str(error), "give a token with --token or STEWARD_TOKEN")]
    async with connected(url, held, tries=1) as api:
        return [*found, *[await _lag(api, service) for service in sorted(services)]]


def parts(services: dict[str, dict[str, dict[str, Any]]]) -> Iterator[Finding]:
    """One line per part where all services are well with it, else one per service that is not."""
    seen = {part for each in services.values() for part in each}
    for part in [*PARTS, *sorted(seen - set(PARTS))]:
        holders = {service: each[part] for service, each in services.items() if part in each}
        wrong = {service: state for service, state in holders.items() if not state["ok"]}
        for service, state in wrong.items():
            fix = FIXES.get(part, "look at {service}'s log").format(service=service, SERVICE=service.upper())
            yield Finding(part, False, f"{service}: {state.get('detail', 'not well')}", fix)
        if holders and not wrong:
            yield Finding(part, True, "; ".join(f"{name}: {state.get('detail')}" for name, state in holders.items()))


def folder(data: Path) -> Iterator[Finding]:
    """Whether the embedded system's folder can be worked in."""
    if not data.is_dir():
        yield Finding("data", False, f"there is no folder {data}", "start the embedded system, or name it with --data")
    elif not os.access(data, os.R_OK | os.W_OK | os.X_OK):
        yield Finding("data", False, f"{data} cannot be written by this account", f"chown it, or run as {data.owner()}")
    else:
        yield Finding("data", True, str(data))


async def _clock(api: Api) -> Finding:
    place = api.places.all()[0]
    try:
        answer = await api.client.get(f"{place}/livez")
        theirs = parsedate_to_datetime(answer.headers["date"])
    except (httpx.TransportError, KeyError, ValueError) as error:
        return Finding("clock", False, f"{place}/livez does not tell the time ({error!r})", "look at the server's log")
    skew = abs((datetime.now(UTC) - theirs).total_seconds())
    if skew > MOST_SKEW:
        fix = "let NTP set both clocks"
        return Finding("clock", False, f"the server's clock and this one differ by {skew:.0f} s", fix)
    return Finding("clock", True, "the server's clock agrees with this one")


async def _lag(api: Api, service: str) -> Finding:
    try:
        state = await api.get(f"/{service}/consumption")
    except Refused as error:
        fix = "use the token of an administrator" if error.status in (401, 403) else f"look at {service}'s log"
        return Finding("lag", False, f"{service}: {error}", fix)
    except Failed as error:
        return Finding("lag", False, f"{service}: {error}", f"look at {service}'s log")
    waiting = f"{state['lag']:,} to take in, {state['unsequenced']:,} to number, {state['unpublished']:,} to publish"
    return Finding("lag", True, f"{service}: {waiting}")
