"""Stored clocks beside recomputed ones: the second implementation folds the stored facts and nothing else."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from services.sla.domain.clocks import measured, shown
from services.sla.domain.docket import Docket, Entry
from services.sla.rules.agreements import Book, Held
from services.sla.rules.clock import Clock as Measured
from services.sla.rules.clock import judge
from services.sla.rules.durations import MICROSECOND
from services.sla.rules.verification import Verdict, differences, verify
from services.sla.tables import Clock


class Difference(NamedTuple):
    """One field of one clock in which what is stored is not what the facts give."""

    clock: UUID | None
    number: str
    field: str
    stored: object
    recomputed: object


def unequal(docket: Docket, id: UUID, entries: Sequence[Entry]) -> list[Difference]:
    """Every difference in the clocks of one record, judged now, or at their last fact while they are history. The
    columns that lists and metrics read are compared too."""
    record, case = docket.records[id], docket.cases[id]
    now = None if record.historical else docket.now
    rows = {f"{key}#{ordinal}": row for (of, key, ordinal), row in docket.rows.items() if of == id}
    found = []
    for name, attribute, stored, recomputed in differences(case, [each.fact for each in entries], docket.book, now):
        row = rows.get(name)
        number = row.number if row else f"{record.number} {name}"
        found.append(Difference(row.id if row else None, number, attribute, plain(stored), plain(recomputed)))
    for row in rows.values():
        if row.next_tick_at is not None and row.next_tick_at < docket.now:
            # A tick is about to write down what time brought; until then it is judged when it is read.
            continue
        view = shown(measured(row), docket.book, docket.now, historical=row.historical)
        expected = {"state": view.state, "outcome": view.outcome, "limit": view.limit, "elapsed": view.elapsed,
                    "since": view.since, "started_at": view.started_at, "due_at": view.due_at,
                    "late_from": view.late_from, "stopped_at": view.stopped_at}  # fmt: skip
        for name, value in expected.items():
            if getattr(row, name) != plain(value):
                found.append(Difference(row.id, row.number, f"row.{name}", getattr(row, name), plain(value)))
    return found


def both(
    row: Clock, entries: Sequence[Entry], book: Book, now: datetime | None
) -> tuple[dict[str, Any], dict[str, Any] | None]:
    """One clock as it is stored and as its record's facts give it; None where they give none."""
    stored = measured(row)
    verdicts = verify([each.fact for each in entries], book, now)
    verdict = next((each for each in verdicts if (each.key, each.ordinal) == (stored.key, stored.ordinal)), None)
    return fields(stored if now is None else judge(stored, book, now)), fields(verdict) if verdict else None


def fields(of: Measured | Verdict) -> dict[str, Any]:
    """What is compared of a clock, in the words of the API."""
    held, rest = of.held, {name: plain(getattr(of, name)) for name in Verdict.__slots__ if name not in RENAMED}
    return {
        "agreement": held.agreement,
        "agreement_version": held.agreement_version,
        "target": held.target,
        "calendar": held.calendar,
        "calendar_version": held.calendar_version,
        "judged_priority": held.priority,
        "elapsed_microseconds": plain(of.elapsed),
        **rest,
    }


RENAMED = frozenset({"held", "elapsed"})


def plain(value: Any) -> Any:
    """Lengths in microseconds, versions as a mapping; everything else as it is."""
    if isinstance(value, Held):
        return value._asdict()
    return value // MICROSECOND if hasattr(value, "total_seconds") else value


def facts_shown(entries: Sequence[Entry]) -> list[Mapping[str, Any]]:
    """The facts as people read them."""
    return [
        {
            "sequence": each.fact.sequence,
            "at": each.fact.at,
            "kind": each.fact.kind,
            "reason": each.fact.reason,
            "priority": each.fact.subject.priority,
            "service": each.fact.subject.service,
            "organisation": each.fact.subject.organisation,
            "historical": each.fact.historical,
            "event": each.event,
        }
        for each in entries
    ]
