"""The first start's company: its policies, what it has, and what its people did in the last weeks, through the API."""

import asyncio
import re
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import yaml

EXAMPLES = Path(__file__).parent.parent / "examples"
POLICIES = ("office", "items", "change")
ORIGIN = "demo"
DURATION = re.compile(r"(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?")


class SeedRefused(Exception):
    """The API refused a part of the company."""


def ago(text: str) -> timedelta:
    """`3d4h` as a duration. Raises ValueError for anything else."""
    found = DURATION.fullmatch(text)
    if not text or found is None:
        raise ValueError(f"{text!r} is no duration such as 3d4h or 25m")
    days, hours, minutes = (int(each or 0) for each in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes)


async def seed(client: httpx.AsyncClient, now: datetime) -> int:
    """Bring the company in; the number of its incidents. Safe to repeat: what is there already is left as it is."""
    company = yaml.safe_load((EXAMPLES / "company" / "company.yaml").read_text())
    await policies(client)
    await estate(client)
    await _heard(client, "change")
    problems = {each["key"]: await _once(client, "/problem/problems", each) for each in company["problems"]}
    for known in company["known_errors"]:
        await _once(client, "/problem/known-errors", _placed(known, problems, now))
    for change in company["changes"]:
        await _once(client, "/change/changes", _placed(change, problems, now))
    records = [_past(incident, problems, now) for incident in company["incidents"]]
    answer = await _post(client, "/incident/history", {"origin": ORIGIN, "records": records})
    for record in answer["records"]:
        if record["rejected"]:
            raise SeedRefused(f"{record['reference']}: {record['rejected']}")
    await _post(client, "/incident/history/complete", {"origin": ORIGIN})
    return len(records)


async def policies(client: httpx.AsyncClient) -> None:
    """The company's rules. Its documents are in force since long before what it did."""
    by_service: dict[str, list[Any]] = {}
    for name in POLICIES:
        for document in yaml.load_all((EXAMPLES / "policies" / f"{name}.yaml").read_text(), Loader=_TextLoader):
            by_service.setdefault(document["kind"].split("/")[0], []).append(document)
    for service, documents in by_service.items():
        await _post(client, f"/{service}/policies", {"documents": documents})


async def estate(client: httpx.AsyncClient) -> None:
    """What the company has, and what depends on what."""
    await _post(client, "/cmdb/estate", yaml.safe_load((EXAMPLES / "company" / "estate.yaml").read_text()))


async def _heard(client: httpx.AsyncClient, service: str) -> None:
    """Wait until a service has taken in the estate: what it does not know yet, it refuses. Raises TimeoutError."""
    rounds = 0
    async with asyncio.timeout(60):
        while rounds < 2:
            states = [(await client.get(f"/{each}/consumption")).json() for each in ("cmdb", service)]
            rounds = rounds + 1 if all(each["drained"] for each in states) else 0
            await asyncio.sleep(0.05)


async def _once(client: httpx.AsyncClient, path: str, thing: dict[str, Any]) -> str:
    """Make a record under its key, or find the one that was made before: its id."""
    body = {name: value for name, value in thing.items() if name != "key"}
    answer = await _post(client, path, body, {"Idempotency-Key": f"{ORIGIN}/{thing['key']}"})
    return str(answer["id"])


def _placed(thing: dict[str, Any], problems: dict[str, str], now: datetime) -> dict[str, Any]:
    """A record's body with the id of its problem, and durations from now on as instants."""
    placed = {**thing, "problem": problems[thing["problem"]]} if "problem" in thing else dict(thing)
    for name in ("planned_start", "planned_end", "review_at"):
        if name in placed:
            placed[name] = (now + ago(placed[name])).isoformat()
    return placed


class _TextLoader(yaml.SafeLoader):
    """Leaves dates as the text they are: the API reads them."""

    yaml_implicit_resolvers = {  # noqa: RUF012 - PyYAML's own form
        first: [(tag, pattern) for tag, pattern in resolvers if tag != "tag:yaml.org,2002:timestamp"]
        for first, resolvers in yaml.SafeLoader.yaml_implicit_resolvers.items()
    }


def _past(incident: dict[str, Any], problems: dict[str, str], now: datetime) -> dict[str, Any]:
    steps = []
    for row, step in enumerate(incident["steps"], start=1):
        body = {name: value for name, value in step.items() if name not in {"at", "do", "actor"}}
        if step["do"] == "open":
            body = incident["open"]
        elif "problem" in body:
            body["problem"] = problems[body["problem"]]
        at = (now - ago(step["at"])).isoformat()
        steps.append({"row": row, "at": at, "actor": step.get("actor", "alice"), "action": step["do"], "body": body})
    return {"reference": incident["reference"], "steps": steps}


async def _post(
    client: httpx.AsyncClient, path: str, body: dict[str, Any], headers: dict[str, str] | None = None
) -> dict[str, Any]:
    answer = await client.post(path, json=body, headers=headers)
    if answer.is_error:
        raise SeedRefused(f"{path}: {answer.json().get('detail', answer.text)}")
    found: dict[str, Any] = answer.json()
    return found
