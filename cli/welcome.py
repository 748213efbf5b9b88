"""What the embedded system does once it answers: seed a first start, then tell in one box where everything is."""

import asyncio

import httpx
from rich.console import Console
from rich.panel import Panel

from shared.local.people import PEOPLE
from shared.settings import Settings


async def announce(settings: Settings) -> None:
    """Wait until it is ready, then print the box."""
    url = f"http://{settings.host}:{settings.port}"
    async with httpx.AsyncClient(base_url=url, timeout=5) as client:
        while True:
            try:
                if (await client.get("/readyz")).status_code == 200:
                    break
            except httpx.TransportError:
                pass
            await asyncio.sleep(0.05)
    data = "" if str(settings.data) == "var" else f" --data {settings.data}"
    people = "\n".join(
        f"  {person.subject:<7}{', '.join(person.roles)}{f' of {person.organisation}' if person.organisation else ''}"
        for person in PEOPLE.values()
    )
    Console().print(
        Panel(
            f"API       {url}/docs\nOpenAPI   {url}/openapi.json\nAsyncAPI  {url}/asyncapi.json\n"
            f"Metrics   {url}/metrics\nReady     {url}/readyz\n\nPeople\n{people}\n\n"
            f"A token   TOKEN=$(.venv/bin/steward token alice{data})\n"
            f'Try it    curl -H "Authorization: Bearer $TOKEN" {url}/incident/incidents\n'
            f"Stop      Ctrl-C; data stays in {settings.data}/",
            title="Steward is ready",
            expand=False,
        )
    )
