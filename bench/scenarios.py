"""What is measured, by the name it has in the figures, and the requests that do it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from zlib import crc32

from bench import statements
from bench.load import Plan, request

Kind = Literal["create", "update", "list", "list_oldest"]
EXPECTED: dict[Kind, int] = {"create": 201, "update": 200, "list": 200, "list_oldest": 200}
INCIDENTS = "/incident/incidents"
PAGE = 50

OPENING: dict[str, object] = {
    "title": "The intranet answers with an error since this morning",
    "description": "Everybody on the third floor sees a blank page after signing in. Other sites open as they should.",
    "kind": "incident",
    "impact": 2,
    "urgency": 2,
    "organisation": "northwind",
    "service": "intranet",
    "ci": "web-12",
    "category": "network",
    "subcategory": "web",
    "symptom": "error page",
    "caller": "carol",
    "channel": "phone",
}


@dataclass(frozen=True)
class Scenario:
    """One load. `rate` is commands per second for a paced one, None where each connection asks as fast as it can.
    `goal` is the share of the reference's rate that Steward must reach."""

    name: str
    kind: Kind
    connections: int
    goal: float | None = None
    skewed: bool = False
    rate: float | None = None
    opening: Mapping[str, object] = field(default_factory=lambda: OPENING)

    def plan(self, port: int, headers: dict[str, str], seconds: float, tag: str, seeded: int, open: int) -> Plan:
        """The load for one server. `tag` makes keys and values of this load differ from those of all others: an
        update that changed nothing would be no event. Updates go to the newest `open` of the `seeded` incidents."""
        keyed = {**headers, "idempotency-key": f"{tag}-<n>"}
        match self.kind:
            case "create":
                message = request("POST", INCIDENTS, json.dumps(dict(self.opening)).encode(), keyed)
            case "update":
                body = json.dumps({"category": f"network-{tag}-<n>"}).encode()
                message = request("POST", f"{INCIDENTS}/<id>/classify", body, keyed)
            case "list" | "list_oldest":
                states = "&".join(f"state={state}" for state in statements.STATES_OPEN)
                sort = "opened_at" if self.kind == "list_oldest" else "-opened_at"
                message = request("GET", f"{INCIDENTS}?{states}&limit={PAGE}&sort={sort}", headers=headers)
        return Plan(
            port=port,
            request=message,
            expect=EXPECTED[self.kind],
            connections=self.connections,
            seconds=seconds,
            rate=self.rate,
            first=seeded - open + 1,
            ids=open,
            chance=crc32(tag.encode()),
        )


CREATE, UPDATE, LIST = 0.7, 0.6, 0.9

# Lists first, while the tables are as they were seeded; then the commands, which make them grow.
SCENARIOS = (
    Scenario("list_c1", "list", 1, LIST),
    Scenario("list_c8", "list", 8, LIST),
    Scenario("list_skewed_c1", "list", 1, LIST, skewed=True),
    Scenario("list_skewed_c8", "list", 8, LIST, skewed=True),
    Scenario("list_skewed_oldest_c8", "list_oldest", 8, LIST, skewed=True),
    Scenario("create_c1", "create", 1, CREATE, skewed=True),
    Scenario("create_c8", "create", 8, CREATE, skewed=True),
    Scenario("update_c1", "update", 1, UPDATE, skewed=True),
    Scenario("update_c8", "update", 8, UPDATE, skewed=True),
    Scenario("create_paced", "create", 8, skewed=True, rate=200.0),
    Scenario("update_paced", "update", 8, skewed=True, rate=200.0),
)
