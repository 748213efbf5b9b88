"""Following a table of directed edges from some nodes on, as the table was at an instant, with the way to each node.

Breadth first, one statement a level: each node is found once, by a shortest way, so cycles do no harm and the cost is
what is reached. Every level is asked for the same instant, so that edges which come or go meanwhile change nothing. A
bound that was met is told; nothing is left out in silence.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any, Protocol
from uuid import UUID

from sqlalchemy import TextClause, text

from shared.database.records import QUOTE


class Rows(Protocol):
    """Where the edges are read: a database, or an open transaction of it."""

    async def rows(self, sql: TextClause, parameters: dict[str, Any]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Edges:
    """A table with the columns id, valid_from, valid_to (half open; NULL: still) and the two ends of each edge.

    `back` is the same table followed against its direction. Both columns of ends should be indexed. `only` is a
    condition on the table's rows, SQL of the service's own.
    """

    table: str
    start: str
    end: str
    only: str = "TRUE"

    @property
    def back(self) -> "Edges":
        return Edges(self.table, self.end, self.start, self.only)


@dataclass(frozen=True, slots=True)
class Step:
    """How a node was reached: over which edge, from which node, after how many edges."""

    node: UUID
    previous: UUID
    edge: UUID
    distance: int


@dataclass(frozen=True, slots=True)
class Reached:
    """What was reached beside the starts, nearest first. `complete` is False where a bound ended the search."""

    starts: frozenset[UUID]
    steps: Mapping[UUID, Step]
    complete: bool

    def path(self, node: UUID) -> list[UUID]:
        """The nodes from a start to this one, both included. Raises KeyError for what was not reached."""
        return list(self._back(node))[::-1]

    def edges(self, node: UUID) -> list[UUID]:
        """The edges along `path`, in its order."""
        return [self.steps[each].edge for each in self.path(node) if each in self.steps]

    def _back(self, node: UUID) -> Iterator[UUID]:
        while node not in self.starts:
            yield node
            node = self.steps[node].previous
        yield node


@cache
def level(edges: Edges) -> TextClause:
    # Against an array of those seen already each row would be compared with all of it; as rows they are hashed once,
    # which halves what 5,000 nodes cost.
    table, start, end = (QUOTE(name) for name in (edges.table, edges.start, edges.end))
    return text(
        f"SELECT DISTINCT ON ({end}) {end} AS node, {start} AS previous, id AS edge FROM {table} "
        f"WHERE {start} = ANY(CAST(:frontier AS uuid[])) "
        f"AND NOT EXISTS (SELECT FROM unnest(CAST(:seen AS uuid[])) AS had (node) WHERE had.node = {table}.{end}) "
        f"AND valid_from <= :at AND (valid_to IS NULL OR valid_to > :at) AND {edges.only} "
        f"ORDER BY {end}, {start}, id LIMIT :room"
    )


async def reached(
    database: Rows, edges: Edges, starts: Iterable[UUID], at: datetime, *, depth: int, most: int
) -> Reached:
    """All nodes within `depth` edges of the starts, at most `most` of them."""
    first = frozenset(starts)
    steps: dict[UUID, Step] = {}
    frontier, distance = sorted(first), 0
    while frontier:
        room = most - len(steps)
        found = await database.rows(
            level(edges), {"frontier": frontier, "seen": [*first, *steps], "at": at, "room": room + 1}
        )
        if found and (distance == depth or len(found) > room):
            steps |= {row.node: Step(row.node, row.previous, row.edge, distance + 1) for row in found[:room]
                      if distance < depth}  # fmt: skip
            return Reached(first, steps, complete=False)
        distance += 1
        steps |= {row.node: Step(row.node, row.previous, row.edge, distance) for row in found}
        frontier = [row.node for row in found]
    return Reached(first, steps, complete=True)
