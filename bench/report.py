"""The figures for a person: one table of loads, one of everything else."""

from collections.abc import Mapping, Sequence

from rich.console import Console
from rich.table import Table

from bench.contest import Standing

P99_GOAL = 3.0
QUIET = 1.5


def loads(console: Console, standings: Sequence[Standing]) -> None:
    """Rates per second of the middle round, latencies in milliseconds."""
    table = Table(title="Requests per second, in the round whose ratio is the middle one")
    for heading in (
        "",
        "steward",
        "bare",
        "pgbench",
        "steward/bare",
        "goal",
        "p50 ms",
        "p99 ms",
        "p99 ratio",
        "spread",
    ):
        table.add_column(heading, justify="left" if not heading else "right")
    for standing in standings:
        spread = standing.spread()
        ratio, p99, goal = standing.ratio(), standing.p99_ratio(), standing.scenario.goal
        table.add_row(
            standing.scenario.name,
            *(number(standing.rate(name)) for name in ("steward", "bare", "pgbench")),
            judged(ratio, goal is None or ratio is None or ratio >= goal),
            number(goal, 1),
            both(standing, "p50_ms"),
            both(standing, "p99_ms"),
            judged(p99, p99 is None or p99 <= P99_GOAL),
            judged(spread, spread is None or spread <= QUIET),
        )
    console.print(table)
    console.print(
        "p50 and p99: steward / bare. spread: the reference's best round by its worst; "
        f"above {QUIET} the machine had other things to do, and the figures are worth as little."
    )


def others(console: Console, figures: Mapping[str, object]) -> None:
    """Everything that is not a load, a line each."""
    table = Table("what", "value", title="Besides")
    for name, value in figures.items():
        if isinstance(value, Mapping):
            for part, figure in value.items():
                table.add_row(f"{name} {part}", text(figure))
        else:
            table.add_row(name, text(value))
    console.print(table)


def text(value: object) -> str:
    return f"{value:,.1f}" if isinstance(value, float) else "–" if value is None else str(value)


def number(value: float | None, digits: int = 0) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def both(standing: Standing, which: str) -> str:
    return " / ".join(number(standing.latency(name, which), 1) for name in ("steward", "bare"))


def judged(value: float | None, good: bool) -> str:
    shown = number(value, 2)
    return shown if good else f"[bold red]{shown}[/]"
