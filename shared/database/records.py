"""A record: one row with an id, a human number and a version that counts its events."""

import re
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, ParamSpec, TypeVar, cast
from uuid import UUID

import msgspec
from sqlalchemy import ARRAY, JSON, RowMapping, Table, Text
from sqlalchemy.dialects.postgresql import asyncpg as dialect
from sqlalchemy.orm import Mapped, class_mapper, mapped_column
from sqlalchemy.orm.attributes import instance_dict
from uuid_utils.compat import uuid7

R = TypeVar("R", bound="Record")
P = ParamSpec("P")
T = TypeVar("T")
QUOTE: Callable[[str], str] = dialect.dialect().identifier_preparer.quote  # type: ignore[no-untyped-call]  # SQLAlchemy's

naming = {
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s",
    "pk": "pk_%(table_name)s",
}


def once(function: Callable[P, T]) -> Callable[P, T]:
    """`functools.cache` that keeps the function's type; mypy doubts that a mapped class can be hashed."""
    return cast("Callable[P, T]", cache(function))


class Record:
    """The columns that every record has; a mapped class of a service adds its own.

    `version` is the sequence of the record's last event and its ETag; 0 means that it was never saved. `number` is
    drawn by the database when the record is first saved; until then it is a text that nobody can have typed.
    """

    id: Mapped[UUID] = mapped_column(primary_key=True, sort_order=-4)
    number: Mapped[str] = mapped_column(Text, unique=True, sort_order=-3)
    version: Mapped[int] = mapped_column(sort_order=-2)
    organisation: Mapped[str | None] = mapped_column(Text, sort_order=-1)


@once
def noun(cls: type[Record]) -> str:
    """What people call such a record, for instance a known error."""
    return re.sub(r"(?<!^)(?=[A-Z])", " ", cls.__name__).lower()


def new(cls: type[R], **values: object) -> R:
    """A record that is not saved yet, every column set: those not named are None."""
    id = uuid7()
    # Past the instrumentation, whose history of changes only a session would read.
    record = class_mapper(cls).class_manager.new_instance()
    state = dict.fromkeys(columns(cls)) | values
    state |= {"id": id, "version": 0, "number": unnumbered(id)}
    instance_dict(record).update(state)
    return record


def unnumbered(id: UUID) -> str:
    """What stands for the number in an answer until the database has drawn it."""
    return f"~{id}~"


def table(cls: type[R]) -> Table:
    return cast("Table", class_mapper(cls).local_table)


@once
def columns(cls: type[R]) -> tuple[str, ...]:
    """The names of the columns that are written, in the table's order; those the database computes are left out."""
    return tuple(column.key for column in table(cls).columns if column.computed is None)


@once
def json_columns(cls: type[R]) -> frozenset[str]:
    return frozenset(column.key for column in table(cls).columns if isinstance(column.type, JSON))


@once
def array_columns(cls: type[R]) -> frozenset[str]:
    return frozenset(column.key for column in table(cls).columns if isinstance(column.type, ARRAY))


def from_row(cls: type[T], row: RowMapping | Mapping[str, Any]) -> T:
    """A plain object of a mapped class with these values; no session knows it."""
    record: T = class_mapper(cls).class_manager.new_instance()
    instance_dict(record).update(row)
    return record


def from_driver(cls: type[R], row: Mapping[str, Any]) -> R:
    """As `from_row`, of a row whose JSON columns are as they are written."""
    record = from_row(cls, row)
    state = instance_dict(record)
    for name in json_columns(cls):
        if state[name] is not None:
            state[name] = msgspec.json.decode(state[name])
    return record


def values(record: Record) -> dict[str, Any]:
    """What is written of a record, by column; JSON columns as text."""
    cls = type(record)
    state = instance_dict(record)
    found = {name: state.get(name) for name in columns(cls)}
    for name in json_columns(cls):
        if found[name] is not None:
            # In an order of its own for sets: by default it is that of the process's hash seed.
            found[name] = msgspec.json.encode(found[name], order="deterministic").decode()
    return found
