"""Kinds of relationships as one table: who feels whose failure, and which kinds may not run in a circle (CFG-2)."""

from collections.abc import Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

Kind = Literal["runs-on", "depends-on", "part-of", "supports", "owned-by"]
End = Literal["source", "target"]
N = TypeVar("N", bound=Hashable)


@dataclass(frozen=True, slots=True)
class Terms:
    """`provider`: the end whose failure the other end feels. `acyclic`: an item is never, over others of the kind, in
    this relationship to itself. `to_team`: its target is a team, and only this kind's is."""

    provider: End
    acyclic: bool = False
    to_team: bool = False


KINDS: Mapping[Kind, Terms] = {
    "runs-on": Terms("target", acyclic=True),
    # Two services may well need each other.
    "depends-on": Terms("target"),
    # A whole feels the failure of its part, not the part that of the whole.
    "part-of": Terms("source", acyclic=True),
    "supports": Terms("source"),
    # A team is struck by the failure of what it owns: it has to act.
    "owned-by": Terms("source", to_team=True),
}
ACYCLIC = tuple(kind for kind, terms in KINDS.items() if terms.acyclic)


def ends(kind: Kind, source: N, target: N) -> tuple[N, N]:
    """(provider, dependent) of a relationship of this kind."""
    return (source, target) if KINDS[kind].provider == "source" else (target, source)


def circle(edges: Iterable[tuple[N, N]]) -> Sequence[N] | None:
    """A circle among directed edges: its nodes in order, the first one again at the end; None where there is none.

    Depth first with a stack of its own, so that long chains need no recursion; linear in nodes and edges.
    """
    following: dict[N, list[N]] = {}
    for start, end in edges:
        following.setdefault(start, []).append(end)
    done: set[N] = set()
    for root in following:
        if root in done:
            continue
        way: dict[N, None] = {root: None}
        stack = [(root, iter(following[root]))]
        while stack:
            node, rest = stack[-1]
            for each in rest:
                if each in way:
                    nodes = list(way)
                    return [*nodes[nodes.index(each) :], each]
                if each not in done:
                    way[each] = None
                    stack.append((each, iter(following.get(each, ()))))
                    break
            else:
                stack.pop()
                del way[node]
                done.add(node)
    return None
