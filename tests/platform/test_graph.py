"""Following edges: what is reached, by which way, as of when, and that bounds are told; networkx is the oracle."""

import itertools
from collections.abc import Awaitable, Callable
from datetime import timedelta
from uuid import UUID

import networkx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import text

from shared.database import Database
from shared.database.graph import Edges, Reached, reached
from tests.system import MONDAY

PIPES = Edges("pipe", "upper", "lower")
TABLE = text(
    "CREATE TABLE pipe (id uuid PRIMARY KEY, upper uuid, lower uuid, metal text, valid_from timestamptz, "
    "valid_to timestamptz)"
)
FILL = text(
    "INSERT INTO pipe SELECT * FROM unnest(CAST(:id AS uuid[]), CAST(:upper AS uuid[]), CAST(:lower AS uuid[]), "
    "CAST(:metal AS text[]), CAST(:valid_from AS timestamptz[]), CAST(:valid_to AS timestamptz[]))"
)
Pipe = tuple[int, int, int, int | None]
"""(upper, lower, begins, ends), nodes and hours as numbers; parallel pipes and pipes to themselves are fine."""
NODES = st.integers(0, 9)
PIPE = st.tuples(NODES, NODES, st.integers(0, 4), st.none() | st.integers(0, 5))
without_limits = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


def node(number: int) -> UUID:
    return UUID(int=number + 1)


@pytest.fixture(scope="module")
async def pipes(fresh_database: Callable[[], Awaitable[str]]) -> Database:
    database = Database(await fresh_database(), 2)
    await database.rows(TABLE, {})
    return database


async def laid(database: Database, pipes: list[Pipe], metal: str = "lead") -> None:
    await database.rows(text("TRUNCATE pipe"), {})
    await database.rows(FILL, {
        "id": [UUID(int=1000 + place) for place, _ in enumerate(pipes)],
        "upper": [node(each[0]) for each in pipes], "lower": [node(each[1]) for each in pipes],
        "metal": [metal for _ in pipes], "valid_from": [MONDAY + timedelta(hours=each[2]) for each in pipes],
        "valid_to": [None if each[3] is None else MONDAY + timedelta(hours=each[3]) for each in pipes],
    })  # fmt: skip


async def follow(
    database: Database, starts: list[int], hour: int = 0, depth: int = 99, most: int = 99, edges: Edges = PIPES
) -> Reached:
    at = MONDAY + timedelta(hours=hour)
    return await reached(database, edges, map(node, starts), at, depth=depth, most=most)


def oracle(pipes: list[Pipe], hour: int, *, back: bool) -> "networkx.DiGraph[int]":
    """The pipes that there are at that hour, half open."""
    graph: networkx.DiGraph[int] = networkx.DiGraph()
    graph.add_nodes_from(range(10))
    graph.add_edges_from(
        (lower, upper) if back else (upper, lower)
        for upper, lower, begins, ends in pipes if begins <= hour and (ends is None or ends > hour)
    )  # fmt: skip
    return graph


@without_limits
@given(st.lists(PIPE, max_size=25), st.lists(NODES, min_size=1, max_size=3), st.integers(0, 5), st.booleans(),
       st.integers(1, 4), st.integers(1, 12))  # fmt: skip
async def test_what_is_reached_is_what_the_oracle_reaches_by_ways_as_short(
    pipes: Database, laying: list[Pipe], starts: list[int], hour: int, back: bool, depth: int, most: int
) -> None:
    await laid(pipes, laying)
    graph, edges = oracle(laying, hour, back=back), PIPES.back if back else PIPES
    distances = {each: int(far) for each, far in networkx.multi_source_dijkstra_path_length(graph, set(starts)).items()}
    within = {node(each): far for each, far in distances.items() if far and far <= depth}
    found = await follow(pipes, starts, hour, depth, most, edges)
    assert found.complete == (len(within) <= most and all(far <= depth for far in distances.values()))
    if len(within) <= most:
        assert {each: step.distance for each, step in found.steps.items()} == within
    else:
        assert len(found.steps) == most
        nearest = sorted(within.values())[:most]
        assert sorted(step.distance for step in found.steps.values()) == nearest
    for each, step in found.steps.items():
        way = found.path(each)
        assert (way[0] in found.starts, way[-1], len(way)) == (True, each, step.distance + 1)
        assert all(graph.has_edge(one.int - 1, other.int - 1) for one, other in itertools.pairwise(way))
        for edge, one, other in zip(found.edges(each), way, way[1:], strict=False):
            upper, lower, begins, ends = laying[edge.int - 1000]
            assert ((node(lower), node(upper)) if back else (node(upper), node(lower))) == (one, other)
            assert begins <= hour and (ends is None or ends > hour)


async def test_a_bound_is_met_only_where_there_is_more(pipes: Database) -> None:
    await laid(pipes, [(0, 1, 0, None), (1, 2, 0, None), (2, 0, 0, None)])
    assert (await follow(pipes, [0], depth=2, most=2)).complete
    assert not (await follow(pipes, [0], depth=1)).complete
    assert not (await follow(pipes, [0], most=1)).complete


async def test_only_some_rows_of_a_table_are_followed(pipes: Database) -> None:
    await laid(pipes, [(0, 1, 0, None)])
    for metal, count in (("lead", 1), ("gold", 0)):
        edges = Edges("pipe", "upper", "lower", f"metal = '{metal}'")
        assert len((await follow(pipes, [0], edges=edges)).steps) == count
        assert len((await follow(pipes, [1], edges=edges.back)).steps) == count


async def test_an_instant_is_half_open(pipes: Database) -> None:
    await laid(pipes, [(0, 1, 1, 3)])
    assert [len((await follow(pipes, [0], hour)).steps) for hour in range(5)] == [0, 1, 1, 0, 0]


async def test_what_was_not_reached_has_no_way(pipes: Database) -> None:
    await laid(pipes, [])
    found = await follow(pipes, [0])
    assert found.path(node(0)) == [node(0)]
    with pytest.raises(KeyError):
        found.path(node(1))
