"""The database of one service: load, save and page as single statements.

`save` writes a record's row (guarded by its version), its events and the stored answer as one data-modifying CTE in
AUTOCOMMIT: one statement is one transaction, so nothing can be half done, no lock is held over a round trip, and no row
changes without its event. The events select FROM the written row, so that they are inserted after its lock was taken:
that is what keeps the log's insert order right for every record (see docs/decisions).
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy import TextClause, bindparam, make_url, select, text
from uuid_utils.compat import uuid7

from contracts.envelope import Event
from shared.database.driver import Driver
from shared.database.recording import Answer, Cause, texts
from shared.database.records import QUOTE, R, columns, from_driver, once, table, unnumbered, values
from shared.database.transaction import Transaction


class Faster(Exception):
    """Somebody changed the record between load and save: load it again and decide again."""


class Repeated(Exception):
    """The Idempotency-Key has been used: look its answer up."""


LOGGED = """
logged AS (
  INSERT INTO event (id, aggregate_id, sequence, subject, organisation, type, data,
                     occurred, recorded, actor, correlation, causation, traceparent, historical)
  SELECT e.id, saved.id, saved.version - :x_events + e.n, saved.number, saved.organisation, e.type, e.data,
         :x_occurred, :x_recorded, :x_actor, :x_correlation, :x_causation, :x_traceparent, :x_historical
  FROM saved, unnest(CAST(:x_ids AS uuid[]), CAST(:x_types AS text[]), CAST(:x_bodies AS text[]))
       WITH ORDINALITY AS e (id, type, data, n)
)"""

ANSWERED = """,
answered AS (
  INSERT INTO idempotency (caller, key, fingerprint, status, body, recorded)
  SELECT :x_caller, :x_key, :x_fingerprint, :x_status, replace(:x_body, :x_unnumbered, saved.number), :x_recorded
  FROM saved
)"""


ANSWER = text("SELECT fingerprint, status, body FROM idempotency WHERE caller = :caller AND key = :key")


@once
def save_statement(cls: type[R], new: bool, keyed: bool) -> TextClause:
    """One statement per table, new or not, with a stored answer or not: the shape decides, the values never do."""
    name = QUOTE(table(cls).name)
    written = [column for column in columns(cls) if column not in {"id", "number", "version"}]
    if new:
        names = ", ".join(["id", "version", *map(QUOTE, written)])
        saved = f"INSERT INTO {name} ({names}) VALUES (:id, :x_events, {', '.join(f':{each}' for each in written)})"
    else:
        changes = ", ".join(f"{QUOTE(each)} = :{each}" for each in written)
        saved = f"UPDATE {name} SET {changes}, version = version + :x_events WHERE id = :id AND version = :version"
    returning = "RETURNING id, number, version, organisation"
    answered = ANSWERED if keyed else ""
    return text(f"WITH saved AS ({saved} {returning}),{LOGGED}{answered} SELECT number FROM saved")


@once
def load_statement(cls: type[R], scoped: bool) -> Any:
    found = select(*(table(cls).c[name] for name in columns(cls))).where(table(cls).c.id == bindparam("id"))
    return found.where(table(cls).c.organisation == bindparam("organisation")) if scoped else found


class Database:
    """One service's database: a pool of connections for single statements, one for transactions."""

    def __init__(self, url: str, pool: int = 10) -> None:
        self.url = url
        self.driver = Driver(make_url(url), pool)
        self.several = Driver(make_url(url), 2 * pool, several=True)

    async def close(self) -> None:
        await self.driver.close()
        await self.several.close()

    async def load(self, cls: type[R], id: UUID, organisation: str | None = None) -> R | None:
        """The record, or None where there is none or it belongs to another organisation than the one given."""
        parameters: dict[str, Any] = {"id": id}
        if organisation is not None:
            parameters["organisation"] = organisation
        rows = await self.driver.fetch(load_statement(cls, organisation is not None), parameters)
        return from_driver(cls, rows[0]) if rows else None

    async def save(self, record: R, events: Sequence[Event], cause: Cause, answer: Answer | None = None) -> None:
        """Write the record, its events and the answer, all or nothing; then `number` is the one the database drew.

        `record.version` is the one after these events. Raises Faster where the row's version is not the record's any
        more, Repeated where the answer's key is taken.
        """
        before = record.version - len(events)
        new = before == 0
        parameters = values(record)
        parameters["version"] = before
        parameters |= {
            "x_events": len(events),
            "x_ids": [uuid7() for _ in events],
            "x_types": [event.wire_type() for event in events],
            "x_bodies": texts(events),
            "x_occurred": cause.occurred,
            "x_recorded": cause.recorded,
            "x_actor": cause.actor,
            "x_correlation": cause.correlation,
            "x_causation": cause.causation,
            "x_traceparent": cause.traceparent,
            "x_historical": cause.historical,
        }
        if answer is not None:
            parameters |= {
                "x_caller": answer.caller,
                "x_key": answer.key,
                "x_fingerprint": answer.fingerprint,
                "x_status": answer.status,
                "x_body": answer.body,
                "x_unnumbered": unnumbered(record.id),
            }
        try:
            saved = await self.driver.fetch(save_statement(type(record), new, answer is not None), parameters)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name == "pk_idempotency":
                raise Repeated from error
            raise
        if not saved:
            raise Faster
        record.number = saved[0]["number"]

    async def answer(self, caller: str, key: str) -> Answer | None:
        """What was answered to this caller's request with this key."""
        rows = await self.driver.fetch(ANSWER, {"caller": caller, "key": key})
        return Answer(caller, key, rows[0].fingerprint, rows[0].status, rows[0].body) if rows else None

    async def rows(self, sql: TextClause, parameters: dict[str, Any]) -> Sequence[Any]:
        """The rows of one statement, in a transaction of its own."""
        return await self.driver.fetch(sql, parameters)

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Transaction]:
        """Several statements as one; committed at the end of the block, rolled back where it raises."""
        async with self.several.transaction() as connection:
            yield Transaction(connection)
