"""What only the log knows of a clock: how many events it has had, which facts they follow from, what ticks told."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from typing import Any
from uuid import UUID

from contracts.sla import ClockBreached, ClockRetargeted, ClockWarned

BREACHED, RETARGETED, WARNED = (each.wire_type() for each in (ClockBreached, ClockRetargeted, ClockWarned))


@dataclass(slots=True)
class Memory:
    """`warned` maps each fraction to its instant, as in `rules.clock.Clock`; `breached` is the last instant of a breach
    that was told."""

    version: int = 0
    causations: set[UUID] = field(default_factory=set)
    warned: dict[str, datetime] = field(default_factory=dict)
    breached: datetime | None = None

    def tells(self, breach: datetime) -> bool:
        """Whether a breach at this instant was told, or a later one, after which none of the past is."""
        return self.breached is not None and breach <= self.breached


def remembered(ids: Iterable[UUID], events: Iterable[Any]) -> dict[UUID, Memory]:
    """The memory of each of these clocks. `events` are rows (aggregate_id, sequence, type, causation, occurred,
    fraction, rule) in the order of their sequence."""
    found = {id: Memory() for id in ids}
    for event in events:
        memory = found[event.aggregate_id]
        memory.version = event.sequence
        if event.causation is not None:
            memory.causations.add(event.causation)
        if event.type == WARNED:
            fraction = str(Fraction(event.fraction))
            memory.warned.pop(fraction, None)
            memory.warned[fraction] = event.occurred
        elif event.type == BREACHED:
            memory.breached = max(memory.breached or event.occurred, event.occurred)
        elif event.type == RETARGETED and event.rule == "restart":
            memory.warned.clear()
    return found
