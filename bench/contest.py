"""The rounds: every load, each contestant in turn, several times, so that what else the machine does hits all alike."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from statistics import median

from bench.contestants import Contestant, Figure, Invalid
from bench.scenarios import PAGE, Scenario


@dataclass
class Standing:
    """One scenario's figures, by contestant, a figure a round.

    What a machine does besides changes from second to second, so contestants are compared within a round, never
    across. The round whose ratio of Steward to the reference is the middle one counts; all rates are of that round.
    """

    scenario: Scenario
    figures: dict[str, list[Figure]] = field(default_factory=dict)

    def counting(self) -> int:
        """Which round counts, from 0."""
        judged = self.figures.get("bare", [])
        ratios = [figure.rate for figure in self.figures.get("steward", judged)]
        if "steward" in self.figures:
            ratios = [ratio / figure.rate for ratio, figure in zip(ratios, judged, strict=True)]
        return sorted(range(len(ratios)), key=ratios.__getitem__)[(len(ratios) - 1) // 2]

    def rate(self, name: str) -> float | None:
        figures = self.figures.get(name)
        return round(figures[self.counting()].rate, 1) if figures else None

    def ratio(self) -> float | None:
        return divided(self.rate("steward"), self.rate("bare"))

    def latency(self, name: str, which: str) -> float | None:
        """The median over the rounds."""
        return middle([getattr(figure, which) for figure in self.figures.get(name, [])])

    def p99_ratio(self) -> float | None:
        """The median over the rounds of each round's ratio."""
        pairs = zip(self.figures.get("steward", []), self.figures.get("bare", []), strict=False)
        return middle([divided(ours.p99_ms, theirs.p99_ms) for ours, theirs in pairs])

    def spread(self) -> float | None:
        """The reference's best round by its worst: how far the machine was from quiet."""
        rates = [figure.rate for figure in self.figures.get("bare", [])]
        return divided(max(rates), min(rates)) if rates else None

    def as_json(self) -> dict[str, object]:
        names = list(self.figures)
        return {
            **{name: self.rate(name) for name in ("steward", "bare", "pgbench")},
            "ratio": self.ratio(),
            "p99_ratio": self.p99_ratio(),
            "spread": self.spread(),
            **{which: {name: self.latency(name, which) for name in names} for which in ("p50_ms", "p99_ms")},
            "rounds": {name: [round(figure.rate, 1) for figure in self.figures[name]] for name in names},
            **{which: {name: self.latency(name, which) for name in names} for which in ("bytes", "client_us")},
        }


def middle(values: Sequence[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return round(median(known), 3) if known else None


def divided(above: float | None, below: float | None) -> float | None:
    return round(above / below, 3) if above is not None and below else None


async def rounds(
    scenarios: Sequence[Scenario],
    contestants: Sequence[Contestant],
    seconds: float,
    count: int,
    tell: Callable[[str], None],
) -> list[Standing]:
    """Measure everything. Scenarios on skewed data come last in `scenarios`. Raises Invalid for any wrong answer."""
    standings = [Standing(scenario) for scenario in scenarios]
    skewed = False
    for standing in standings:
        scenario = standing.scenario
        if scenario.skewed and not skewed:
            tell("closing the old incidents")
            for contestant in contestants:
                await contestant.skew()
            skewed = True
        for turn in range(count):
            for contestant in contestants:
                tell(f"{scenario.name}, round {turn + 1} of {count}: {contestant.name}")
                figure = await contestant.measure(scenario, seconds, f"{scenario.name}-{turn}")
                if figure is not None:
                    standing.figures.setdefault(contestant.name, []).append(figure)
        same_page(standing)
    return standings


def same_page(standing: Standing) -> None:
    """Every server must have listed the same incidents, or one of them did less work. Raises Invalid."""
    if not standing.scenario.kind.startswith("list"):
        return
    pages = {
        name: [item["id"] for item in json.loads(figures[0].sample)["items"]]
        for name, figures in standing.figures.items()
        if figures[0].sample
    }
    for name, page in pages.items():
        if len(page) != PAGE or page != next(iter(pages.values())):
            raise Invalid(f"{standing.scenario.name}: {name} lists {len(page)} incidents, not those of the others")


async def held(contestants: Sequence[Contestant]) -> list[str]:
    """What the databases hold against what was acknowledged; empty is right."""
    return [each for contestant in contestants for each in await contestant.differences()]
