"""Many records at once, for consumers and imports: locked, changed, and written with one statement per kind."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import asyncpg
import msgspec
from sqlalchemy import ClauseElement, Result, any_, bindparam, select, text
from sqlalchemy.engine.result import IteratorResult, SimpleResultMetaData
from sqlalchemy.orm.attributes import instance_dict
from uuid_utils.compat import uuid7

from contracts.envelope import Event
from shared.database.driver import compiled
from shared.database.recording import Answer, Cause
from shared.database.records import QUOTE, R, Record, columns, from_row, once, table

_LOG = """
INSERT INTO event (id, aggregate_id, sequence, subject, organisation, type, data,
                   occurred, recorded, actor, correlation, causation, traceparent, historical)
SELECT e.id, e.aggregate_id, e.sequence, e.subject, e.organisation, e.type, e.data,
       e.occurred, e.recorded, e.actor, e.correlation, e.causation, e.traceparent, e.historical
FROM unnest(CAST(:id AS uuid[]), CAST(:aggregate_id AS uuid[]), CAST(:sequence AS int[]), CAST(:subject AS text[]),
            CAST(:organisation AS text[]), CAST(:type AS text[]), CAST(:data AS text[]),
            CAST(:occurred AS timestamptz[]), CAST(:recorded AS timestamptz[]), CAST(:actor AS text[]),
            CAST(:correlation AS uuid[]), CAST(:causation AS uuid[]), CAST(:traceparent AS text[]),
            CAST(:historical AS boolean[]))
     WITH ORDINALITY AS e (id, aggregate_id, sequence, subject, organisation, type, data, occurred, recorded, actor,
                           correlation, causation, traceparent, historical, n)
ORDER BY e.n
"""
LOG = text(_LOG)
# A rebuild derives the same events again; the log has them already and keeps the first.
LOG_AGAIN = text(_LOG + "ON CONFLICT (aggregate_id, sequence) DO NOTHING")
SUBJECTS = text(
    "SELECT aggregate_id, subject FROM event WHERE aggregate_id = ANY(CAST(:ids AS uuid[])) AND sequence = 1"
)
ANSWER = text(
    "INSERT INTO idempotency (caller, key, fingerprint, status, body, recorded) "
    "VALUES (:caller, :key, :fingerprint, :status, :body, :recorded)"
)


@once
def locking_statement(cls: type[R]) -> Any:
    t = table(cls)
    found = select(*(t.c[name] for name in columns(cls))).where(t.c.id == any_(bindparam("ids")))
    return found.order_by(t.c.id).with_for_update()


@once
def write_statement(cls: type[Any]) -> Any:
    t = table(cls)
    names = [QUOTE(name) for name in columns(cls)]
    key = [QUOTE(column.name) for column in t.primary_key.columns]
    changes = ", ".join(f"{name} = excluded.{name}" for name in names if name not in key)
    return text(
        f"INSERT INTO {QUOTE(t.name)} ({', '.join(names)}) SELECT {', '.join(names)} "
        f"FROM jsonb_populate_recordset(CAST(NULL AS {QUOTE(t.name)}), CAST(:rows AS jsonb)) "
        f"ON CONFLICT ({', '.join(key)}) DO {f'UPDATE SET {changes}' if changes else 'NOTHING'}"
    )


class Transaction:
    """An open transaction. `rebuilding` marks the replay of a projection, whose events are in the log already;
    `recorded` tells whether it has events of its own, for which the sequencer is woken once it is committed."""

    def __init__(self, connection: asyncpg.Connection, rebuilding: bool = False) -> None:
        self._connection = connection
        self.rebuilding = rebuilding
        self.recorded = False
        self._facts: list[tuple[Record, Event, Cause, int]] = []
        self._dirty: dict[type[Record], dict[UUID, Record]] = {}

    async def execute(self, statement: ClauseElement, parameters: Mapping[str, Any] | None = None) -> Result[Any]:
        """Run a statement; its rows as SQLAlchemy's, JSON columns decoded. Raises what asyncpg raises."""
        found = compiled(statement)
        rows = await self._connection.fetch(found.sql, *found.arguments(parameters or {}))
        names = tuple(rows[0].keys()) if rows else ("nothing",)
        return IteratorResult(SimpleResultMetaData(names), iter([tuple(row) for row in rows]))

    async def rows(self, sql: ClauseElement, parameters: dict[str, Any]) -> Sequence[Any]:
        """The rows of one statement, as `Database.rows` gives them."""
        return (await self.execute(sql, parameters)).all()

    async def load_many(self, cls: type[R], ids: Iterable[UUID]) -> dict[UUID, R]:
        """The records with these ids, locked in the order of their ids so that two batches cannot deadlock."""
        rows = await self.execute(locking_statement(cls), {"ids": sorted(set(ids))})
        return {row.id: from_row(cls, row._mapping) for row in rows}

    async def number(self, cls: type[R], records: Sequence[R]) -> None:
        """Draw the numbers of new records, in their order. A rebuild gives those that it makes again their old ones."""
        if self.rebuilding:
            had = {
                row.aggregate_id: row.subject for row in await self.execute(SUBJECTS, {"ids": [r.id for r in records]})
            }
            for record in records:
                record.number = had.get(record.id, record.number)
            records = [record for record in records if record.id not in had]
        default = table(cls).c.number.server_default
        drawn = text(f"SELECT {default.arg.text} FROM generate_series(1, :count)")  # type: ignore[union-attr]
        numbers = (await self.execute(drawn, {"count": len(records)})).scalars().all()
        for record, number in zip(records, numbers, strict=True):
            record.number = number

    def record(self, record: Record, events: Sequence[Event], cause: Cause) -> None:
        """Take note of what became true of a record; `flush` writes it. The record must be locked or new."""
        for event in events:
            record.version += 1
            self._facts.append((record, event, cause, record.version))
        self.touch(record)

    def touch(self, record: Record) -> None:
        """Write the record although nothing became true of it (bookkeeping that no one else reads)."""
        self._dirty.setdefault(type(record), {})[record.id] = record

    async def answer(self, answer: Answer, recorded: datetime) -> None:
        """Store the answer of a request with an Idempotency-Key. Raises UniqueViolationError where the key is taken."""
        await self.execute(
            ANSWER,
            {
                "caller": answer.caller, "key": answer.key, "fingerprint": answer.fingerprint,
                "status": answer.status, "body": answer.body, "recorded": recorded,
            },
        )  # fmt: skip

    async def tell(self, id: UUID, subject: str, event: Event, cause: Cause) -> None:
        """Record the one event of something that is written once and never changes; it is its own aggregate."""
        await self._log([(id, 1, subject, None, event, cause)])

    async def flush(self) -> None:
        """Write every record noted and then its events: after the rows' locks, which keeps the log's order right."""
        for cls, records in self._dirty.items():
            fresh = [record for record in records.values() if record.number.startswith("~")]
            if fresh:
                await self.number(cls, fresh)
            await self.write(cls, list(records.values()))
        self._dirty.clear()
        facts, self._facts = self._facts, []
        await self._log(
            [
                (record.id, sequence, record.number, record.organisation, event, cause)
                for record, event, cause, sequence in facts
            ]
        )

    async def _log(self, facts: Sequence[tuple[UUID, int, str, str | None, Event, Cause]]) -> None:
        if not facts:
            return
        self.recorded = True
        causes = [cause for *_, cause in facts]
        await self.execute(
            LOG_AGAIN if self.rebuilding else LOG,
            {
                "id": [uuid7() for _ in facts],
                "aggregate_id": [fact[0] for fact in facts],
                "sequence": [fact[1] for fact in facts],
                "subject": [fact[2] for fact in facts],
                "organisation": [fact[3] for fact in facts],
                "type": [fact[4].wire_type() for fact in facts],
                "data": [fact[4].model_dump_json() for fact in facts],
                "occurred": [cause.occurred for cause in causes],
                "recorded": [cause.recorded for cause in causes],
                "actor": [cause.actor for cause in causes],
                "correlation": [cause.correlation for cause in causes],
                "causation": [cause.causation for cause in causes],
                "traceparent": [cause.traceparent for cause in causes],
                "historical": [cause.historical for cause in causes],
            },
        )

    async def write(self, cls: type[Any], rows: Sequence[Any]) -> None:
        """Insert or replace whole rows of a table by their primary key, all in one statement."""
        if not rows:
            return
        known = columns(cls)
        content = [{name: instance_dict(row).get(name) for name in known} for row in rows]
        await self.execute(write_statement(cls), {"rows": msgspec.json.encode(content, order="deterministic").decode()})
