"""A real estate of a thousand hosts, imported by the command line as its users do, and judged against networkx."""

import csv
import gzip
import itertools
import json
import re
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import httpx
import networkx
import pytest

from cli.tokens import issued
from shared.local.system import ROOT
from tests.journeys.embedded import Embedded, steward

FOLDER = ROOT.parent / "shared" / "data"
MAP = ROOT / "examples" / "estate" / "wikimedia.yaml"
TYPES = ROOT / "examples" / "policies" / "estate.yaml"
FILES = {name: FOLDER / f"wikimedia_{name}.csv.gz" for name in (
    "service_catalog", "host_service", "node_role", "role_team")}  # fmt: skip
pytestmark = [
    pytest.mark.skipif(
        not all(path.exists() for path in FILES.values()),
        reason="the tables of the real estate are not beside the project: ../shared/data",
    ),
    pytest.mark.capability("CFG-10"),
]
SAMPLE = 100
"""Every so many-th item is asked about through HTTP."""


@pytest.fixture(scope="module")
async def system(workplace: Path, free_port: Callable[[], int]) -> AsyncIterator[Embedded]:
    made = Embedded(workplace / "estate", free_port())
    await made.start()
    yield made
    await made.stop()


async def said(system: Embedded, *arguments: str | Path) -> tuple[int, str, str]:
    process = await steward(*arguments, data=system.data, url=system.url)
    output, errors = await process.communicate()
    assert process.returncode is not None
    return process.returncode, output.decode(), errors.decode()


async def imported(system: Embedded, *options: str) -> dict[str, Any]:
    code, output, errors = await said(system, "import", "estate", FOLDER, "--map", MAP, *options)
    assert code == 0, errors
    outcome: dict[str, Any] = json.loads(output.splitlines()[-1])
    return outcome


def rows(name: str) -> list[dict[str, str]]:
    with gzip.open(FILES[name], "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def oracle() -> "networkx.DiGraph[str]":
    """Whose failure is felt by whom, straight from the tables and by Python's own expressions."""
    graph: networkx.DiGraph[str] = networkx.DiGraph()
    placed = rows("host_service")
    hosts = sorted({row["host"] for row in placed})
    graph.add_nodes_from(hosts)
    for row in rows("service_catalog"):
        graph.add_node(row["service"])
        graph.add_edges_from(
            (each["host"], row["service"]) for each in placed
            if (each["cluster"], each["service"]) == (row["conftool_cluster"], row["conftool_service"])
        )  # fmt: skip
    for row in rows("node_role"):
        roles = [f"role::{role}" for role in row["roles"].split(";") if role]
        graph.add_nodes_from(roles)
        if row["node"].startswith("/") and row["node"].endswith("/"):
            pattern = re.compile(row["node"][1:-1])
            graph.add_edges_from((host, role) for host in hosts if pattern.search(host) for role in roles)
    for row in rows("role_team"):
        graph.add_node(f"role::{row['role']}")
        graph.add_edges_from((f"role::{row['role']}", team) for team in row["team"].split(";") if team)
    return graph


async def test_a_real_estate_is_imported_and_every_impact_is_what_networkx_says(system: Embedded) -> None:
    assert (await said(system, "apply", "-f", TYPES))[0] == 0
    graph = oracle()
    code, output, errors = await said(system, "import", "estate", FOLDER, "--map", MAP)
    assert (code, output) == (1, "")
    broken = [row["node"] for row in rows("node_role") if row["node"].startswith("/") and not row["node"].endswith("/")]
    assert [line for line in errors.splitlines() if "without its end" in line and broken]
    assert errors.count("without its end") == len(broken)

    rehearsed = await imported(system, "--partial", "--dry-run")
    done = await imported(system, "--partial")
    for outcome in (rehearsed, done):
        assert (outcome["items"], outcome["relationships"]) == (len(graph), graph.number_of_edges())
        assert (outcome["added"], outcome["rejected"]) == (len(graph) + graph.number_of_edges(), len(broken))
    again = await imported(system, "--partial")
    assert (again["added"], again["changed"], again["ended"]) == (0, 0, 0)
    assert again["unchanged"] == done["added"]
    code, _, errors = await said(system, "import", "estate", FOLDER, "--map", MAP, "--partial", "--prune")
    assert (code, "--prune would retire" in errors) == (1, True)

    headers = {"Authorization": f"Bearer {issued('alice', system.data)}"}
    async with httpx.AsyncClient(base_url=system.url, headers=headers, trust_env=False, timeout=30) as client:
        await count(client, graph)
        for name in sorted(graph)[::SAMPLE]:
            for direction, seen in (("down", graph), ("up", graph.reverse(copy=False))):
                query: dict[str, Any] = {"item": name, "direction": direction, "limit": 5000}
                found = (await client.get("/cmdb/impact", params=query)).json()
                distances = networkx.single_source_shortest_path_length(seen, name)
                assert found["complete"] is True
                assert {each["name"]: each["distance"] for each in found["affected"]} == {
                    other: far for other, far in distances.items() if far}  # fmt: skip
                for each in found["affected"]:
                    way = [step["item"] for step in each["path"]]
                    assert (way[0], way[-1], len(way)) == (name, each["name"], each["distance"] + 1)
                    assert all(seen.has_edge(*step) for step in itertools.pairwise(way))


async def count(client: httpx.AsyncClient, graph: "networkx.DiGraph[str]") -> None:
    """The services and hosts of the tables are there, as many as there are."""
    services, hosts = len(rows("service_catalog")), len({row["host"] for row in rows("host_service")})
    for type, expected in (("catalogue-service", services), ("host", hosts)):
        names: set[str] = set()
        query: dict[str, Any] = {"type": type, "limit": 200}
        while True:
            page = (await client.get("/cmdb/items", params=query)).json()
            names |= {each["name"] for each in page["items"]}
            if page["next"] is None:
                break
            query["cursor"] = page["next"]
        assert len(names) == expected
        assert names <= set(graph)
