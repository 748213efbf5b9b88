"""The desk: incidents from their opening to their second closing, each behind one of a few problems."""

from collections.abc import Iterable

from services.incident.domain.fold import fold
from tests.faults.checker.findings import Copy, Evidence
from tests.faults.people import Client, together
from tests.faults.work import Life, Work

SERVICE = "printing"
"""What the incidents are about; the work at service levels agrees on it."""


async def life(client: Client) -> None:
    """Opened, linked, waiting while somebody else comments, resolved, closed, reopened and closed once more."""
    order = {"title": "The printer is on fire", "organisation": "northwind", "service": SERVICE}
    incident = await client.send("alice", "/incident/incidents", order, "incident.opened")

    async def verb(name: str, *expects: str, who: str = "alice", **body: object) -> None:
        await client.send(who, f"/incident/incidents/{incident['id']}/{name}", body, *expects)

    if problems := client.people.stock["problem"]:
        await verb("link", "incident.linked", problem=client.chance.choice(problems)["id"])
    await verb("start", "incident.started")
    await together(
        verb("wait", "incident.waiting", reason="user"),
        verb("comment", "incident.commented", who="root", text="I have seen it too"),
    )
    await verb("resume", "incident.resumed")
    # There is nothing to resume any more: a refusal, which must leave no trace.
    await verb("resume")
    for again in (False, True):
        await verb("resolve", "incident.resolved", resolution_code="fixed")
        await verb("close", "incident.closed")
        if not again:
            await verb("reopen", "incident.reopened", reason="it burns again")


def copies(found: Evidence) -> Iterable[Copy]:
    """Every problem's state and workaround, every change's state and every item's status are known at the desk."""
    known = found.kept["incident"]["known_problem"]
    for id, row in found.records["problem"]["problem"].items():
        told = {name: row[name] for name in ("state", "workaround")}
        yield Copy.of(f"{row['number']} at the desk", known.get((id,)), told)
    for service, table, copy, name in (
        ("change", "change", "recent_change", "state"),
        ("cmdb", "configuration_item", "known_item", "status"),
    ):
        for id, row in found.records[service][table].items():
            kept = found.kept["incident"][copy].get((id,))
            yield Copy.of(f"{row['number']} at the desk", kept, {name: row[name]})


WORK = Work(lives=(Life(life, hands=8),), folds={"incident": fold}, copies=copies)
