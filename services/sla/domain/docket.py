"""Some records with their clocks in memory: facts are taken in one by one, then everything is written at once."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sqlalchemy.orm.attributes import instance_dict

from contracts.envelope import Event, Message
from contracts.incident import IncidentFact, IncidentOpened
from services.sla.domain.clocks import fresh, measured, owned, told_record, written
from services.sla.domain.facts import meaning
from services.sla.domain.memory import Memory
from services.sla.domain.telling import told
from services.sla.rules.agreements import Book, Subject
from services.sla.rules.clock import Clock as Measured
from services.sla.rules.clock import Happening
from services.sla.rules.facts import Fact as Taken
from services.sla.rules.fold import Case, advance
from services.sla.tables import Clock, Tracked
from shared.database import Cause
from shared.database.records import from_row

OURSELVES = "sla"
NOTHING = UUID(int=0)
Key = tuple[UUID, str, int]
"""A clock by its record, key and ordinal."""


class Entry(NamedTuple):
    """A fact with the record and the event that it comes from and who owns the record then: a row of `tables.Fact`."""

    record: UUID
    event: UUID
    fact: Taken
    group: str | None
    assignee: str | None


class Told(NamedTuple):
    """One event of a clock, with its cause; `what` is the happening that it tells."""

    row: Clock
    event: Event
    cause: Cause
    what: str


@dataclass(slots=True)
class Docket:
    """`take` facts, then write `facts`, `records`, the rows of `moved` and the events `said`, in this order.

    `begun` are clocks that began in mid-flight: one of the same id may have been there before (`refolding`).
    """

    book: Book
    now: datetime
    records: dict[UUID, Tracked]
    rows: dict[Key, Clock] = field(default_factory=dict)
    cases: dict[UUID, Case] = field(default_factory=dict)
    facts: list[Entry] = field(default_factory=list)
    moved: dict[Key, Measured] = field(default_factory=dict)
    said: list[Told] = field(default_factory=list)
    begun: list[Clock] = field(default_factory=list)

    @classmethod
    def of(cls, book: Book, now: datetime, records: Sequence[Tracked], rows: Sequence[Clock]) -> "Docket":
        """Known records with all their clocks."""
        docket = cls(book, now, {each.id: each for each in records})
        clocks: dict[UUID, list[Measured]] = {}
        for row in rows:
            clock = measured(row)
            docket.rows[row.record, clock.key, clock.ordinal] = row
            clocks.setdefault(row.record, []).append(clock)
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
        entry = Entry(id, message.id, fact, event.group, event.assignee)
        self.facts.append(entry)
        record = self.records.get(id)
        if record is None:
            origin = event.origin if isinstance(event, IncidentOpened) else None
            known = {"id": id, "number": message.subject, "topic": event.topic, "kind": event.kind, "origin": origin}
            record = self.records[id] = from_row(Tracked, known)
        instance_dict(record)["state"] = event.state
        self.fold(entry, cause)

    def fold(self, entry: Entry, cause: Cause) -> None:
        """Move the clocks of a known record by its next fact."""
        id, fact = entry.record, entry.fact
        record, case = self.records[id], self.cases.get(id)
        state = instance_dict(record)
        owner = (state.get("group"), state.get("assignee"), state.get("historical"))
        reowned = owner != (entry.group, entry.assignee, fact.historical)
        after, happened = advance(case, fact, self.book)
        self.cases[id] = after
        state.update(
            organisation=fact.subject.organisation,
            priority=fact.subject.priority,
            service=fact.subject.service,
            group=entry.group,
            assignee=entry.assignee,
            historical=fact.historical,
            sequence=fact.sequence,
            at=fact.at,
            # Written as JSON by msgspec, which `told_record` turns back.
            folded=after.record,
        )
        if happened or reowned or case is None or after.clocks != case.clocks:
            self._note(record, case, after, reowned=reowned)
        for each in happened:
            row = self.rows[id, each.clock.key, each.clock.ordinal]
            self.said.append(Told(row, told(row, each, self.book), because(cause, each), each.what))

    def recall(self, memories: Mapping[UUID, Memory], seen: Iterable[UUID]) -> None:
        """In a rebuild: leave out what was told already, and take over what only the log knows: how many events a clock
        has had, and what ticks told of it.

        `seen` are the events of the facts that these records had before. A clock's events are recorded in the order of
        its record's facts, so where one follows from a fact, everything up to that fact was told.
        """
        batch = {each.event: each.fact.sequence for each in self.facts}
        before = set(seen)
        last = len(self.facts) and max(batch.values()) + 1
        through: dict[UUID, int] = {}
        for row in self.rows.values():
            for causation in memories[row.id].causations - before:
                through[row.record] = max(through.get(row.record, 0), batch.get(causation, last))
        self.said = [
            each
            for each in self.said
            if batch.get(each.cause.causation or NOTHING, 0) > through.get(each.row.record, 0)
            and not (each.what == "breached" and memories[each.row.id].tells(each.cause.occurred))
        ]
        for key, clock in self.moved.items():
            row = self.rows[key]
            memory = memories[row.id]
            row.version = memory.version
            breaches = [each for each in (memory.breached, clock.announced) if each is not None]
            warned = tuple(memory.warned.items())
            self.moved[key] = replace(clock, warned=warned, announced=max(breaches, default=None))

    def settle(self) -> list[Clock]:
        """Bring the rows of the moved clocks to what the facts made of them."""
        for key, clock in self.moved.items():
            written(self.rows[key], clock, self.book, self.now)
        return [self.rows[key] for key in self.moved]

    def _note(self, record: Tracked, before: Case | None, after: Case, *, reowned: bool) -> None:
        """Which rows have to be written: clocks that moved, and live ones whose owner is another now."""
        unmoved = {id(clock) for clock in before.clocks} if before is not None else set()
        for clock in after.clocks:
            if id(clock) in unmoved and not (reowned and clock.live):
                continue
            key = (record.id, clock.key, clock.ordinal)
            row = self.rows.get(key)
            if row is None:
                row = self.rows[key] = fresh(record, clock)
                if before is not None:
                    self.begun.append(row)
            owned(row, record)
            self.moved[key] = clock


def because(cause: Cause, happening: Happening) -> Cause:
    """The fact's cause at the happening's own instant. What time brought was nobody's doing."""
    if happening.at == cause.occurred and happening.what != "breached":
        return cause
    actor = OURSELVES if happening.what == "breached" else cause.actor
    return replace(cause, actor=actor, occurred=happening.at)
