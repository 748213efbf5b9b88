"""Investigators who write on a few problems, whose rows recurrences change at the same time."""

from collections import Counter
from collections.abc import Iterable
from uuid import uuid4

from services.problem.domain.fold import fold
from tests.faults.checker.findings import Copy, Evidence
from tests.faults.people import Client
from tests.faults.work import Life, Work, leads

PROBLEMS = 3
CLOSED = "steward.incident.closed.v1"


async def prepare(client: Client) -> None:
    for number in range(PROBLEMS):
        order = {"title": f"Printers catch fire {number}"}
        client.people.stock["problem"].append(
            await client.send("manager", "/problem/problems", order, "problem.opened")
        )


async def investigate(client: Client) -> None:
    path = f"/problem/problems/{client.chance.choice(client.people.stock['problem'])['id']}"
    await client.send("manager", f"{path}/comment", {"text": "Still looking"}, "problem.commented")
    text = {"text": f"Number {uuid4()}"}
    await client.send("manager", f"{path}/workaround", text, "workaround.recorded", "problem.status_changed")


async def life(client: Client) -> None:
    """A problem of its own: opened, started, commented, and waiting for the change that it asks for."""
    problem = await client.send("manager", "/problem/problems", {"title": "It smells"}, "problem.opened")
    path = f"/problem/problems/{problem['id']}"
    await client.send("manager", f"{path}/start", {}, "problem.started", "problem.status_changed")
    await client.send("manager", f"{path}/comment", {"text": "Nothing burns"}, "problem.commented")
    wish = {"title": "Another filter", "reason": "It smells"}
    told = ("problem.change_requested", "problem.waiting", "problem.status_changed")
    await client.send("manager", f"{path}/request-change", wish, *told)


def copies(found: Evidence) -> Iterable[Copy]:
    """Every incident's state is known to problem management, and how often it was closed; and of every change that a
    problem asked for how it stands."""
    closings = Counter(each.aggregate_id for each in found.logs["incident"] if each.type == CLOSED)
    known = found.kept["problem"]["known_incident"]
    for id, row in found.records["incident"]["incident"].items():
        yield Copy.of(
            f"{row['number']} at problem management",
            known.get((id,)),
            {"state": row["state"], "closings": closings[id]},
        )
    for id, row in found.records["change"]["change"].items():
        if row["request"] is not None:
            problem = found.records["problem"]["problem"][row["problem"]]
            followed = {"change": problem["change"], "state": problem["change_state"]}
            yield Copy(f"{row['number']} at {problem['number']}", followed, {"change": id, "state": row["state"]})


WORK = Work(
    prepare=prepare,
    lives=(Life(investigate, hands=3), Life(life, hands=2)),
    folds={"problem": fold},
    effects=(
        *leads({"closed": ("problem.recurred", 1), "linked": ("problem.incident_linked", 1)}, "incident", "problem"),
        *leads({"change_requested": ("change.submitted", 1)}, "problem", "change"),
    ),
    copies=copies,
)
