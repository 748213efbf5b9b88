"""What is done to which part, and when: a function of the seed, so that a run can be repeated."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

Kind = Literal["service", "leader", "postgres", "postmaster", "backend", "kafka", "pause", "zombie", "pause kafka"]
KILLS: tuple[Kind, ...] = ("service", "leader", "postgres", "postmaster", "backend", "kafka")
WEIGHTS = (5, 5, 2, 1, 2, 2)
PAUSES: tuple[Kind, ...] = ("zombie", "pause kafka", "pause")
OF_SERVICES = frozenset({"service", "leader", "backend", "pause", "zombie"})


@dataclass(frozen=True)
class Strike:
    """One blow.

    service: kill -9 of one process of a service. leader: of the process that numbers and publishes its log.
    postgres: of all processes of the server at once; postmaster: of the first one alone; backend: of one that serves
    `target`, which has PostgreSQL throw out everybody and recover. kafka: of the broker.
    pause: SIGSTOP of a process for `length` seconds. zombie: the same of the leader, whose lead somebody else takes
    meanwhile, and which goes on as if it still had it.

    It comes `after` seconds of work, counted from when the one before has healed; at once with it if `together`.
    """

    kind: Kind
    target: str
    after: float
    length: float = 0.0
    together: bool = False

    @property
    def kills(self) -> bool:
        return self.kind in KILLS

    @property
    def what(self) -> str:
        target = f" of {self.target}" if self.kind in OF_SERVICES else ""
        return f"{self.kind}{target}{f' for {self.length:.1f} s' if self.length else ''}"

    def __str__(self) -> str:
        when = f"together, {self.after:.1f} s after" if self.together else f"after {self.after:.1f} s"
        return f"{when}: {self.what}"


def schedule(seed: int, services: Sequence[str], kills: int) -> list[Strike]:
    """So many kills, and a pause for every four of them. The first ones drawn hit every part, then chance decides;
    a part of them come together with the one before."""
    chance = random.Random(f"{seed} schedule")
    drawn: list[tuple[Kind, str]] = [("postgres", ""), ("kafka", ""), ("backend", chance.choice(services))]
    by_halves = [(name, chance.sample(("service", "leader"), k=2)) for name in services]
    drawn += [(kinds[0], name) for name, kinds in by_halves]  # type: ignore[misc]  # sample widens the literals
    drawn += [("postmaster", "")]
    drawn += [(kinds[1], name) for name, kinds in by_halves]  # type: ignore[misc]
    while len(drawn) < kills:
        drawn.append((chance.choices(KILLS, WEIGHTS)[0], chance.choice(services)))
    drawn = drawn[:kills]
    for number in range(max(1, kills // 4)):
        kind = PAUSES[number % len(PAUSES)]
        # Only where there is a second process can somebody take the lead of the one that is stopped.
        drawn.append((kind, doubled(seed, services) if kind == "zombie" else chance.choice(services)))
    chance.shuffle(drawn)
    found: list[Strike] = []
    for kind, service in drawn:
        target = service if kind in OF_SERVICES else "kafka" if "kafka" in kind else "postgres"
        other = bool(found) and found[-1].target != target and not found[-1].together
        together = other and chance.random() < 0.25
        after = chance.uniform(0.1, 0.7) if together else chance.uniform(0.2, 1.5)
        length = 0.0 if kind in KILLS else chance.uniform(3, 10)
        found.append(Strike(kind, target, round(after, 2), round(length, 1), together))
    return found


def doubled(seed: int, services: Sequence[str]) -> str:
    """The service that runs in two processes."""
    return random.Random(f"{seed} doubled").choice(services)
