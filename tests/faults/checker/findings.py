"""What the checker is given, and what it says: one sentence for each fault, with the invariant that it breaks.

| | |
| --- | --- |
| I1 | what was acknowledged is there, what was refused is not, what nobody knows is there or not but never half |
| I2 | each event took effect exactly once at each of its followers |
| I3 | no effect without a committed event |
| I4 | each record's sequence is 1, 2, 3 … in the log, in the topic and at each follower |
| I5 | a row is what its events say |
| I6 | the clocks are what the facts make of them |
| I7 | the hash chain holds and covers every write |
| I8 | everything comes back by itself, in time |
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal
from uuid import UUID

from contracts.envelope import Message

Row = Mapping[str, Any]
Key = tuple[object, ...]
Fold = Callable[[Iterable[Message]], Row]
Kind = Literal["lost", "doubled", "inverted", "amiss"]


@dataclass(frozen=True)
class Copy:
    """What one service keeps of another's record, beside what that record is; `kept` is None where it keeps nothing."""

    what: str
    kept: Row | None
    original: Row

    @classmethod
    def of(cls, what: str, kept: Row | None, original: Row) -> "Copy":
        """Compared in what the original says."""
        return cls(what, kept and {name: kept[name] for name in original}, original)


@dataclass(frozen=True)
class Taken:
    """An event that a handler has taken in, as its inbox remembers it."""

    handler: str
    event: UUID
    at: datetime


@dataclass(frozen=True)
class Chain:
    """What a service says of its own hash chain: how many events fit, and the first position that does not."""

    verified: int
    broken_at: int | None


@dataclass
class Evidence:
    """What was found after healing and draining. Everything is by service.

    `logs` in the order of positions, `topics` as each partition has them (none on the in-process bus); `records` by
    table and id. `follows`: which services take in which topic; `marks`: the last sequence taken in of each record of
    such a topic; `handled`: the types of event that each handler is for; `taken`: the inbox. `kept` are the tables of
    the projections, `rebuilt` the same tables derived once more from the topics, in peace (none where that was not
    done). `copies` of other services' records. `parked`: what could not be taken in. `chains` as each service verified
    it; `different`: clocks that do not verify. `late`: what did not come back, or not in time.
    """

    logs: dict[str, list[Message]] = field(default_factory=dict)
    topics: dict[str, list[list[Message]]] = field(default_factory=dict)
    records: dict[str, dict[str, dict[UUID, Row]]] = field(default_factory=dict)
    marks: dict[str, dict[tuple[str, UUID], int]] = field(default_factory=dict)
    follows: dict[str, tuple[str, ...]] = field(default_factory=dict)
    handled: dict[str, dict[str, frozenset[str]]] = field(default_factory=dict)
    taken: dict[str, list[Taken]] = field(default_factory=dict)
    kept: dict[str, dict[str, dict[Key, Row]]] = field(default_factory=dict)
    rebuilt: dict[str, dict[str, dict[Key, Row]]] = field(default_factory=dict)
    copies: list[Copy] = field(default_factory=list)
    parked: list[str] = field(default_factory=list)
    chains: dict[str, Chain] = field(default_factory=dict)
    different: list[str] = field(default_factory=list)
    late: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Effect:
    """Each event of type `cause` leads to exactly so many events of type `effect` in the log of `service`."""

    cause: str
    service: str
    effect: str
    count: int


@dataclass(frozen=True)
class Finding:
    """One fault."""

    kind: Kind
    invariant: str
    what: str

    def __str__(self) -> str:
        return f"{self.kind} {self.invariant} {self.what}"


@dataclass
class Findings:
    """All faults of a run."""

    all: list[Finding] = field(default_factory=list)

    def add(self, kind: Kind, invariant: str, what: str) -> None:
        self.all.append(Finding(kind, invariant, what))

    def compare(self, invariant: str, what: str, found: int, expected: int) -> None:
        if found < expected:
            self.add("lost", invariant, f"{what}: {found} of {expected}")
        elif found > expected:
            self.add("doubled", invariant, f"{what}: {found} instead of {expected}")

    def count(self, kind: Kind) -> int:
        return sum(each.kind == kind for each in self.all)
