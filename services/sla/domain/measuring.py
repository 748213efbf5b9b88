"""What a promise about a month comes to, as a record, an event, or an answer while the month goes on."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from fractions import Fraction
from math import ceil, floor
from typing import Any

from contracts.envelope import Event
from contracts.measurement import MeasurementFinalised, MeasurementReplaced
from services.sla.lifecycle import MeasurementState, Outcome
from services.sla.rules.agreements import Book
from services.sla.rules.availability import Outage, usable
from services.sla.rules.level_spec import Availability, Throughput
from services.sla.rules.periods import Measured, stretches
from services.sla.rules.throughput import Closed, Closing, within
from services.sla.tables import Measurement
from shared.database.records import new

SHARED = (
    "agreement", "agreement_version", "level", "measure", "service", "period", "begins_at", "ends_at", "outcome",
    "at_least", "value", "records", "counted",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Found:
    """What a level is measured from: outages or closings in its time, and a digest of the rows they are."""

    digest: str
    outages: Sequence[Outage] = ()
    closings: Sequence[Closing] = field(default=())


def figures(measured: Measured, book: Book, found: Found, until: datetime) -> dict[str, Any]:
    """The columns of a measurement that say what it came to by `until`. Lost time is rounded up and the budget down to
    whole microseconds; whether the promise is met is decided before that."""
    level = measured.level
    hours = stretches(book, level.calendar, measured.begins, measured.ends)
    if isinstance(level, Availability):
        least = level.at_least / 100
        result = usable(level, hours, found.outages, until)
        return {
            "value": _percent(result.share),
            "outcome": _outcome(result.budget(least) >= 0),
            "agreed": result.agreed,
            "lost": ceil(result.lost),
            "budget": floor(result.budget(least)),
        }
    if isinstance(level, Throughput):
        number = len(found.closings)
        return {"value": float(number), "outcome": _outcome(number >= level.at_least), "records": number,
                "counted": number}  # fmt: skip
    opened = min((each.opened_at for each in found.closings), default=measured.begins)
    hours = stretches(book, level.calendar, min(opened, measured.begins), measured.ends)
    closed = within(level, hours, found.closings)
    return {
        "value": _percent(closed.share),
        "outcome": _outcome(_enough(closed, level.at_least / 100)),
        "records": closed.records,
        "counted": closed.counted,
    }


def described(measured: Measured) -> dict[str, Any]:
    """The columns of a measurement that say what is measured."""
    level, spec = measured.level, measured.agreement.spec
    return {
        "organisation": spec.customers[0] if len(spec.customers) == 1 else None,
        "agreement": measured.agreement.name,
        "agreement_version": measured.agreement.version,
        "level": level.name,
        "measure": level.measure,
        "service": level.service if isinstance(level, Availability) else None,
        "period": measured.month,
        "begins_at": measured.begins,
        "ends_at": measured.ends,
        "at_least": float(level.at_least),
    }


def finalise(measured: Measured, book: Book, found: Found, now: datetime) -> tuple[Measurement, list[Event]]:
    """The measurement of a month that is over."""
    known = described(measured) | figures(measured, book, found, measured.ends)
    row = new(Measurement, **known, state=MeasurementState.FINAL, measured_at=now, made_from=found.digest)
    return row, [MeasurementFinalised(**facts(row))]


def restate(
    row: Measurement, measured: Measured, book: Book, found: Found, now: datetime
) -> tuple[Measurement, list[Event], list[Event]] | None:
    """The measurement that counts in place of this one, and the events of both; None where the correction of what it
    was made from leaves its figures as they are. It is judged by the version that this one was judged by."""
    row.made_from = found.digest
    after = figures(measured, book, found, measured.ends)
    if all(getattr(row, name) == value for name, value in after.items()):
        return None
    known = described(measured) | after
    other = new(Measurement, **known, state=MeasurementState.FINAL, measured_at=now, made_from=found.digest,
                replaces=row.id)  # fmt: skip
    row.state, row.replaced_by = MeasurementState.REPLACED, other.id
    finalised = MeasurementFinalised(**facts(other), replaces=row.id, replaces_number=row.number)
    return other, [finalised], [MeasurementReplaced(**facts(row), by=other.id)]


def facts(row: Measurement) -> dict[str, Any]:
    """What each event of a measurement repeats."""
    return {
        **{name: getattr(row, name) for name in SHARED},
        "agreed_microseconds": row.agreed,
        "lost_microseconds": row.lost,
        "budget_microseconds": row.budget,
    }


def _outcome(met: bool) -> Outcome:
    return Outcome.MET if met else Outcome.MISSED


def _enough(closed: Closed, least: Fraction) -> bool:
    return closed.share is None or closed.share >= least


def _percent(share: Fraction | None) -> float | None:
    return None if share is None else float(share * 100)
