"""Keepers who bring boxes into service and take them out again, all of them related to the same few, and a survey
that brings whole estates."""

import asyncio
import itertools
from collections.abc import Iterable
from uuid import uuid4

from services.cmdb.domain.fold import fold
from tests.faults.checker.findings import Copy, Evidence
from tests.faults.people import Client
from tests.faults.work import Life, Work
from tests.journeys.documents import SINCE

SHARED = 3
KEEPER = "frank"
FLAGGED = "ci.unauthorised_change"
"""Nobody's change covers what the keepers do to live boxes, so each alteration of one is told once more."""


async def prepare(client: Client) -> None:
    """A type whose items are under change control, and the boxes that all others depend on."""
    box = {
        "kind": "cmdb/ItemType",
        "name": "box",
        "effective_from": SINCE,
        "spec": {"nature": "component", "control": "flag"},
    }
    await client.send(KEEPER, "/cmdb/policies", {"documents": [box]}, "ci_type.versioned")
    # Another replica has the type at hand two seconds later.
    await asyncio.sleep(3)
    for number in range(SHARED):
        order = {"name": f"shared-{number}", "type": "box", "status": "live"}
        client.people.stock["item"].append(await client.send(KEEPER, "/cmdb/items", order, "ci.registered"))


async def life(client: Client) -> None:
    """Registered, live, related to a box that others are related to at the same time, and retired."""
    name = f"box-{uuid4().hex[:12]}"
    item = await client.send(KEEPER, "/cmdb/items", {"name": name, "type": "box"}, "ci.registered")
    path, shared = f"/cmdb/items/{item['id']}", client.chance.choice(client.people.stock["item"])["name"]
    await client.send(KEEPER, f"{path}/go-live", {}, "ci.status_changed")
    held = await client.send(
        KEEPER, "/cmdb/relationships", {"source": name, "kind": "depends-on", "target": shared},
        "relationship.added", FLAGGED, FLAGGED,
    )  # fmt: skip
    await client.send(KEEPER, f"{path}/maintain", {}, "ci.status_changed", FLAGGED)
    # Nothing depends on itself: a refusal, which must leave no trace.
    await client.send(KEEPER, "/cmdb/relationships", {"source": name, "kind": "runs-on", "target": name})
    await client.send(KEEPER, f"{path}/return", {}, "ci.status_changed", FLAGGED)
    if client.chance.random() < 0.5:
        removed = ("relationship.removed", FLAGGED, FLAGGED)
        await client.send(KEEPER, f"/cmdb/relationships/{held['id']}/remove", {}, *removed)
        await client.send(KEEPER, f"{path}/retire", {}, "ci.status_changed", FLAGGED)
    else:
        await client.send(KEEPER, f"{path}/retire", {}, "ci.status_changed", FLAGGED, "relationship.removed")


async def survey(client: Client) -> None:
    """An estate of a source of its own: there, named otherwise, gone."""
    mark = uuid4().hex[:12]
    names = [f"host-{mark}-{number}" for number in range(4)]

    async def sent(title: str | None, *expects: str, **more: object) -> None:
        items = [{"name": name, "type": "box", "title": title} for name in names if title]
        edges = [{"source": one, "kind": "runs-on", "target": other} for one, other in itertools.pairwise(names)]
        estate = {"source": f"survey-{mark}", "items": items, "relationships": edges if title else [], **more}
        await client.send(KEEPER, "/cmdb/estate", estate, *expects)

    await sent("Racked", *["ci.registered"] * 4, *["relationship.added"] * 3)
    await sent("Cabled", *["ci.changed"] * 4, *[FLAGGED] * 4)
    gone = (*["ci.status_changed"] * 4, *[FLAGGED] * 4, *["relationship.removed"] * 3)
    await sent(None, *gone, prune=True, force="The hall was given up")
    await asyncio.sleep(client.chance.uniform(1, 3))


def copies(found: Evidence) -> Iterable[Copy]:
    """The state of every record that may name an item is known to configuration management."""
    known = found.kept["cmdb"]["known_record"]
    for kind in ("incident", "problem", "change"):
        for id, row in found.records[kind][kind].items():
            told = {"kind": kind, "number": row["number"], "state": row["state"]}
            yield Copy.of(f"{row['number']} at configuration management", known.get((id,)), told)


WORK = Work(
    prepare=prepare,
    lives=(Life(life, hands=2), Life(survey, hands=1)),
    folds={"configuration_item": fold, "relationship": fold},
    copies=copies,
)
