"""Changes from their request to their end, on boxes that everybody works on, in windows of their own; and pairs that
are in each other's way."""

import asyncio
import itertools
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import timedelta

from contracts.envelope import instant_text
from services.change.domain.fold import fold
from shared.clock import Clock
from tests.faults.checker.findings import Copy, Evidence
from tests.faults.people import Client, together
from tests.faults.work import Life, Work
from tests.journeys.documents import SINCE

FOUND = "steward.collision.found.v1"
WIDTH = timedelta(minutes=20)
SLOTS = itertools.count(1)
"""No window is given twice, so that only those collide that are meant to."""
RISK = {
    "kind": "change/RiskRule",
    "name": "risk",
    "effective_from": SINCE,
    "spec": {
        "questions": {"reach": {"text": "Who would notice?", "options": {"nobody": 0, "everybody": 9}}},
        "medium_from": 3,
        "high_from": 6,
    },
}
APPROVAL = {
    "kind": "change/ApprovalPolicy",
    "name": "approvals",
    "effective_from": SINCE,
    "spec": {
        "classes": {
            "standard": [],
            "normal": [{"step": "manager", "role": "change_manager"}, {"step": "board", "role": "approver"}],
            "major": [{"step": "board", "role": "approver"}],
        },
        "paperwork_hours": 48,
    },
}


async def prepare(client: Client) -> None:
    documents = {"documents": [RISK, APPROVAL]}
    await client.send("root", "/change/policies", documents, "risk_rule.published", "approval_policy.published")


def window() -> Mapping[str, str]:
    begins = Clock().now() + timedelta(days=1) + WIDTH * next(SLOTS)
    return {"planned_start": instant_text(begins), "planned_end": instant_text(begins + WIDTH / 2)}


async def request(client: Client, who: str, when: Mapping[str, str]) -> str:
    """The path of a new change that is classified and has this window."""
    order = {
        "title": "Another fan",
        "reason": "It is too warm",
        "items": [client.people.stock["item"][0]["name"]],
        "answers": {"reach": "nobody"},
        "plan": "Open it, change it, close it",
        "backout": "The old one goes in again",
        "backout_minutes": 10,
        "backout_tested": True,
        **when,
    }
    told = ("change.submitted", "change.classified", "change.scheduled")
    change = await client.send(who, "/change/changes", order, *told)
    return f"/change/changes/{change['id']}"


async def carried_out(client: Client) -> None:
    """Asked for, approved in two steps while somebody else comments, done or undone, and closed."""
    path = await request(client, "alice", window())
    # Who asks does not approve: a refusal, which must leave no trace.
    await client.send("alice", f"{path}/approve", {})
    await client.send("bob", f"{path}/approve", {}, "change.approval_given")
    await together(
        client.send("erin", f"{path}/approve", {}, "change.approval_given", "change.approved"),
        client.send("heidi", f"{path}/comment", {"text": "I shall be there"}, "change.commented"),
    )
    await client.send("alice", f"{path}/start", {"reason": "It cannot wait"}, "change.started")
    if client.chance.random() < 0.3:
        undone = {"restored": True, "note": "It does not fit"}
        await client.send("alice", f"{path}/back-out", undone, "change.backed_out")
    else:
        await client.send("alice", f"{path}/complete", {}, "change.implemented")
    await client.send("bob", f"{path}/close", {}, "change.closed")


async def clash(client: Client) -> None:
    """Two on the same box at the same time. They stay as they are, so that it is found by whoever looks last."""
    when = window()
    await asyncio.gather(*(request(client, "alice", when) for _ in range(2)))
    await asyncio.sleep(client.chance.uniform(3, 6))


def copies(found: Evidence) -> Iterable[Copy]:
    """Every item and what depends on it is known to change management; a collision is told once."""
    items, edges = found.kept["change"]["known_item"], found.kept["change"]["known_relationship"]
    for id, row in found.records["cmdb"]["configuration_item"].items():
        told = {name: row[name] for name in ("name", "status")}
        yield Copy.of(f"{row['number']} at change management", items.get((id,)), told)
    for id, row in found.records["cmdb"]["relationship"].items():
        told = {name: row[name] for name in ("provider", "dependent", "valid_to")}
        yield Copy.of(f"{row['number']} at change management", edges.get((id,)), told)
    for collision, times in Counter(
        json.loads(each.data)["collision"] for each in found.logs["change"] if each.type == FOUND
    ).items():
        yield Copy(f"the collision {collision}", {"told": times}, {"told": 1})


WORK = Work(
    prepare=prepare,
    lives=(Life(carried_out, hands=3), Life(clash, hands=1)),
    folds={"change": fold},
    copies=copies,
)
