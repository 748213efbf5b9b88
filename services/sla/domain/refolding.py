"""The clocks of records once more from their facts, because a policy took effect before facts that were judged without
it: an agreement signed in March that counts from January on.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from sqlalchemy.orm.attributes import instance_dict
from uuid_utils.compat import uuid7

from contracts.sla import ClockCancelled, ClockRetargeted
from services.sla.domain.docket import OURSELVES, Docket, Entry, Told
from services.sla.domain.telling import figures, told
from services.sla.rules.clock import Clock as Measured
from services.sla.rules.clock import Happening
from services.sla.rules.durations import MICROSECOND
from services.sla.tables import Clock, Tracked
from shared.database import Cause
from shared.database.records import from_row


def refold(stored: Docket, facts: Mapping[UUID, Sequence[Entry]]) -> tuple[Docket, list[Clock]]:
    """Judge each record of a docket by all its facts. A clock that comes out otherwise is told as retargeted, one that
    there was none of is told from its beginning, one that nothing ever promised is told as cancelled.

    The docket to write, and the rows that have to go after that.
    """
    again = Docket(stored.book, stored.now, {})
    gone: list[Clock] = []
    for id, record in stored.records.items():
        correlation = uuid7()

        def cause(event: UUID, at: datetime, record: Tracked = record, correlation: UUID = correlation) -> Cause:
            return Cause(OURSELVES, at, stored.now, correlation, event, historical=record.historical)

        before = {key: row for key, row in stored.rows.items() if key[0] == id}
        clocks = {(id, each.key, each.ordinal): each for each in stored.cases[id].clocks}
        again.records[id] = from_row(Tracked, {name: value for name, value in instance_dict(record).items()
                                             if name in KEPT})  # fmt: skip
        said, again.said = again.said, []
        for entry in facts[id]:
            again.fold(entry, cause(entry.event, entry.fact.at))
        again.begun += [row for key, row in again.rows.items() if key[0] == id and key not in before]
        said += [each for each in again.said if each.row.id not in {row.id for row in before.values()}]
        last = facts[id][-1]
        for key, row in before.items():
            clock = again.moved.get(key)
            if clock is None:
                again.rows[key] = row
                known = figures(row, replace(clocks[key], state="cancelled", outcome="pending"))
                event = ClockCancelled(**known, reason="retargeted")
                said.append(Told(row, event, cause(last.event, stored.now), "cancelled"))
                gone.append(row)
                continue
            again.rows[key].version = row.version
            was, late = clocks[key], clock.breached_at
            breaches = [each for each in (was.announced, clock.announced) if each is not None]
            clock = replace(clock, warned=was.warned, announced=max(breaches, default=None))
            if clock != replace(was, announced=clock.announced):
                news = corrected(again.rows[key], was, clock)
                said.append(Told(again.rows[key], news, cause(last.event, stored.now), "retargeted"))
            if late is not None and late not in (was.announced, was.breached_at):
                breach = told(again.rows[key], Happening("breached", late, clock, clock.breach_cause), stored.book)
                said.append(Told(again.rows[key], breach, cause(last.event, late), "breached"))
            again.moved[key] = clock
        again.said = said
    return again, gone


KEPT = frozenset({"id", "number", "topic", "kind", "origin", "state"})
"""What of a record is no fact of it."""


def corrected(row: Clock, before: Measured, clock: Measured) -> ClockRetargeted:
    """What readers of this clock's events have to know instead of what they were told."""
    calendar = before.held[:4] == clock.held[:4]
    return ClockRetargeted(
        **figures(row, clock),
        cause="calendar" if calendar else "agreement",
        rule="follow",
        previous_priority=before.held.priority,
        previous_agreement=before.held.agreement,
        previous_agreement_version=before.held.agreement_version,
        previous_calendar=before.held.calendar,
        previous_calendar_version=before.held.calendar_version,
        previous_limit_microseconds=before.limit // MICROSECOND,
        previous_due_at=before.due_at,
    )
