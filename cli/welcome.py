"""What the embedded system does once it answers: seed a first start, then tell in one box where everything is."""

import asyncio
import os
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path

import httpx
from rich.console import Console
from rich.panel import Panel

from cli.seed import seed
from cli.simulate import Company
from shared.local import issuer
from shared.local.issuer import Signed
from shared.local.people import PEOPLE
from shared.settings import Settings

MOVING, SEEDED = "moving-in", "seeded"


async def announce(settings: Settings) -> None:
    """Wait until it is ready, seed it if it never was, then print the box."""
    console = Console(highlight=False)
    url = f"http://{settings.host}:{settings.port}"
    started = time.monotonic()
    async with httpx.AsyncClient(base_url=url, timeout=30) as client:
        await _ready(client)
        mark = settings.data / SEEDED
        if not mark.exists() and os.environ.get("STEWARD_SEED", "1") != "0":
            token = issuer.load(settings.data, settings.oidc_issuer, settings.oidc_audience).issue(PEOPLE["root"])
            client.headers["Authorization"] = f"Bearer {token}"
            count = await seed(client, _moving_day(settings.data / MOVING))
            mark.touch()
            console.print(
                f"A small company moved in: what it has, its rules, its plans, {count} incidents of the last weeks."
            )
    console.print(Panel(_box(settings, url), title="Steward is ready", expand=False))
    console.print(f"Ready {time.monotonic() - started:.1f} s after the services began to start.")
    if os.environ.get("STEWARD_SIMULATE") == "1":
        console.print("The company goes on working: every list moves until you stop it.")
        await _simulated(settings, url)


async def _simulated(settings: Settings, url: str) -> None:
    """People of the demo at work, each with tokens of their own, until this is cancelled."""
    issued = issuer.load(settings.data, settings.oidc_issuer, settings.oidc_audience)
    async with AsyncExitStack() as stack:
        clients: dict[str, httpx.AsyncClient] = {}
        for name, person in PEOPLE.items():
            client = httpx.AsyncClient(base_url=url, auth=Signed(issued, person), timeout=30)
            clients[name] = await stack.enter_async_context(client)
        await Company(clients.__getitem__).live()


def _moving_day(mark: Path) -> datetime:
    """When the company began to move in: a seeding that was broken off goes on with the same times, so that what it had
    sent is known again by its key."""
    if not mark.exists():
        mark.write_text(datetime.now(UTC).isoformat())
    return datetime.fromisoformat(mark.read_text())


async def _ready(client: httpx.AsyncClient) -> None:
    while True:
        try:
            if (await client.get("/readyz")).status_code == 200:
                return
        except httpx.TransportError:
            # The server does not listen yet.
            pass
        await asyncio.sleep(0.05)


def _box(settings: Settings, url: str) -> str:
    data = "" if str(settings.data) == "var" else f" --data {settings.data}"
    people = "\n".join(
        f"  {each.subject:<7}{', '.join(each.roles)}{f' of {each.organisation}' if each.organisation else ''}"
        for each in PEOPLE.values()
    )
    return (
        f"API       {url}/docs\n"
        f"OpenAPI   {url}/openapi.json\n"
        f"AsyncAPI  {url}/asyncapi.json\n"
        f"Metrics   {url}/metrics\n"
        f"Ready     {url}/readyz\n\n"
        f"People\n{people}\n\n"
        f"A token   TOKEN=$(.venv/bin/steward token alice{data})\n"
        f'Look      curl -H "Authorization: Bearer $TOKEN" \\\n'
        f'            "{url}/incident/incidents?open=true"\n'
        f"Stop      Ctrl-C; the data stays in {settings.data}/"
    )
