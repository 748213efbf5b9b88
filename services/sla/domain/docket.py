"""Some records with their clocks in memory: facts are taken in one by one, then everything is written at once."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm.attributes import instance_dict

from contracts.envelope import Event, Message
from contracts.incident import IncidentFact, IncidentOpened
from services.sla.domain.clocks import clock_id, fresh, measured, owned, row_of, told_record, written
from services.sla.domain.facts import meaning
from services.sla.domain.telling import told
from services.sla.rules.agreements import Book, Subject
from services.sla.rules.clock import Clock as Measured
from services.sla.rules.clock import Happening
from services.sla.rules.facts import Fact as Taken
from services.sla.rules.fold import Case, advance
from services.sla.tables import Clock, Tracked
from shared.database import Cause

OURSELVES = "sla"


class Entry(NamedTuple):
    """A fact with the record and the event that it comes from: a row of `tables.Fact`."""

    record: UUID
    event: UUID
    fact: Taken


@dataclass(frozen=True, slots=True)
class Told:
    """One event of a clock, with its cause."""

    row: Clock
    event: Event
    cause: Cause


@dataclass(slots=True)
class Docket:
    """`take` facts, then write `facts`, `records`, the rows of `moved` and the events `said`, in this order."""

    book: Book
    now: datetime
    records: dict[UUID, Tracked]
    rows: dict[UUID, Clock]
    cases: dict[UUID, Case] = field(default_factory=dict)
    facts: list[Entry] = field(default_factory=list)
    moved: dict[UUID, tuple[Clock, Measured]] = field(default_factory=dict)
    said: list[Told] = field(default_factory=list)

    @classmethod
    def of(cls, book: Book, now: datetime, records: Sequence[Tracked], rows: Sequence[Clock]) -> "Docket":
        """Known records with all their clocks."""
        docket = cls(book, now, {each.id: each for each in records}, {each.id: each for each in rows})
        clocks: dict[UUID, list[Measured]] = {}
        for row in rows:
            clocks.setdefault(row.record, []).append(measured(row))
        for record in records:
            found = sorted(clocks.get(record.id, ()), key=lambda each: (each.started_at, each.key, each.ordinal))
            docket.cases[record.id] = Case(told_record(record), tuple(found))
        return docket

    def take(self, event: IncidentFact, message: Message, cause: Cause) -> None:
        """One more fact of a record; facts of one record come in the order of their sequence."""
        id = message.aggregate_id
        case = self.cases.get(id)
        if case is not None and message.sequence <= case.record.sequence:
            return
        kind, reason = meaning(event, case.record.standing if case is not None else frozenset())
        subject = Subject(event.kind, event.priority, event.organisation, event.service)
        fact = Taken(message.sequence, message.occurred, kind, subject, reason, message.historical)
        self.facts.append(Entry(id, message.id, fact))
        record = self._record(event, message)
        after, happened = advance(case, fact, self.book)
        # Written as JSON by msgspec, which `told_record` turns back.
        instance_dict(record)["folded"] = after.record
        self.cases[id] = after
        self._note(record, case, after)
        for each in happened:
            row = self.rows[clock_id(id, each.clock.key, each.clock.ordinal)]
            self.said.append(Told(row, told(row, each, self.book), because(cause, each)))

    def settle(self) -> None:
        """Bring the rows of the moved clocks to what the facts made of them."""
        for row, clock in self.moved.values():
            written(row, clock, self.book, self.now)

    def _record(self, event: IncidentFact, message: Message) -> Tracked:
        record = self.records.get(message.aggregate_id)
        if record is None:
            record = self.records[message.aggregate_id] = row_of(
                Tracked,
                {
                    "id": message.aggregate_id,
                    "number": message.subject,
                    "topic": type(event).topic,
                    "origin": event.origin if isinstance(event, IncidentOpened) else None,
                },
            )
        instance_dict(record).update(
            organisation=event.organisation,
            kind=event.kind,
            state=event.state,
            priority=event.priority,
            service=event.service,
            group=event.group,
            assignee=event.assignee,
            historical=message.historical,
            sequence=message.sequence,
            at=message.occurred,
        )
        return record

    def _note(self, record: Tracked, before: Case | None, after: Case) -> None:
        """Which rows have to be written: clocks that moved, and live ones whose owner or standing is another now."""
        known = {id(clock) for clock in before.clocks} if before is not None else set()
        for clock in after.clocks:
            unmoved = id(clock) in known
            if unmoved and not clock.live:
                continue
            key = clock_id(record.id, clock.key, clock.ordinal)
            row = self.rows.get(key)
            if row is None:
                row = self.rows[key] = fresh(record, clock)
            elif unmoved and (row.group, row.assignee, row.historical) == (
                record.group,
                record.assignee,
                record.historical,
            ):
                continue
            owned(row, record)
            self.moved[key] = row, clock


def because(cause: Cause, happening: Happening) -> Cause:
    """The fact's cause at the happening's own instant. What time brought was nobody's doing."""
    actor = OURSELVES if happening.what in {"breached", "warned"} else cause.actor
    return Cause(
        actor,
        happening.at,
        cause.recorded,
        cause.correlation,
        cause.causation,
        cause.traceparent,
        cause.historical,
    )
