"""An agreement on the service that incidents are about, and a keeper who signs others all the while."""

import asyncio
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import uuid4

import msgspec

from contracts.envelope import Message, instant_text
from shared.clock import Clock
from tests.faults.checker.findings import Copy, Evidence
from tests.faults.people import Client
from tests.faults.work import Life, Work, leads
from tests.faults.work.incident import SERVICE
from tests.journeys.documents import agreement, always


async def prepare(client: Client) -> None:
    """One clock for closing, one for resolving that pauses for the user."""
    documents = [always("always"), agreement(SERVICE, "always")]
    await client.send("root", "/sla/policies", {"documents": documents}, "calendar.versioned", "agreement.activated")


async def sign(client: Client) -> None:
    """An agreement on a service of its own, from now on: every live clock is judged again, and none changes."""
    document = agreement(f"service-{uuid4().hex[:12]}", "always") | {"effective_from": instant_text(Clock().now())}
    await client.send("root", "/sla/policies", {"documents": [document]}, "agreement.activated")
    await asyncio.sleep(client.chance.uniform(1, 3))


def clock(messages: Iterable[Message]) -> Mapping[str, Any]:
    """What the last event of a clock says of its row."""
    last = list(messages)[-1]
    body = msgspec.json.decode(last.data)
    said = {name: body[name] for name in ("state", "measure", "agreement", "agreement_version", "target", "priority")}
    if body["state"] == "stopped":
        said |= {"outcome": body["outcome"], "elapsed": body["elapsed_microseconds"]}
    return said | {"number": last.subject, "version": last.sequence, "limit": body["limit_microseconds"]}


def copies(found: Evidence) -> Iterable[Copy]:
    """Every incident's state is known where it is measured, after all of its events."""
    known = found.kept["sla"]["tracked"]
    for id, row in found.records["incident"]["incident"].items():
        yield Copy.of(
            f"{row['number']} at service levels", known.get((id,)), {"state": row["state"], "sequence": row["version"]}
        )


WORK = Work(
    prepare=prepare,
    lives=(Life(sign, hands=1),),
    folds={"clock": clock},
    effects=leads(
        {
            "opened": ("clock.started", 2),
            "waiting": ("clock.paused", 1),
            "resumed": ("clock.resumed", 1),
            "resolved": ("clock.stopped", 1),
            "reopened": ("clock.reopened", 2),
            "closed": ("clock.stopped", 1),
        },
        "incident",
        "sla",
    ),
    copies=copies,
    proof="/sla/verification",
)
