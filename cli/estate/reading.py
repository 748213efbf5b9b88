"""Reading the tables of an estate: CSV rows by column, each with its place, and what cannot be read."""

import csv
import gzip
import io
import zlib
from collections.abc import Mapping as Columns
from dataclasses import dataclass, field
from itertools import product
from pathlib import Path

from cli.api import Failed
from cli.estate.mapping import Table

LARGEST = 128 * 1024 * 1024
"""Bytes of an unpacked file. A packed one may be a bomb."""


@dataclass(frozen=True, slots=True)
class Place:
    """A row of a file, counted from 1 below the header."""

    file: str
    row: int

    def __str__(self) -> str:
        return f"{self.file} row {self.row}"


@dataclass(frozen=True, slots=True)
class Reject:
    """A row that is not imported, and why."""

    place: Place
    reason: str

    def __str__(self) -> str:
        return f"{self.place}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Row:
    place: Place
    values: Columns[str, str]


@dataclass
class Rows:
    """The rows of a table. `count` is that of the file; a row with several values in a column is here several times."""

    columns: tuple[str, ...]
    rows: list[Row] = field(default_factory=list)
    rejects: list[Reject] = field(default_factory=list)
    count: int = 0


def rows_of(folder: Path, table: Table) -> Rows:
    """Raises Failed where the file is no such table at all."""
    path = folder / table.file
    try:
        reader = csv.reader(io.StringIO(_text(path), newline=""), strict=True)
        header = tuple(next(reader, ()))
        if unknown := sorted(table.split.keys() - set(header)):
            raise Failed(f"{path} has no column {', '.join(unknown)}; it has {', '.join(header)}")
        found = Rows(header)
        for cells in reader:
            found.count += 1
            place = Place(path.name, found.count)
            if len(cells) != len(header):
                reason = f"{len(cells)} cells under a header of {len(header)}"
                found.rejects.append(Reject(place, reason))
                continue
            values = dict(zip(header, (cell.strip() for cell in cells), strict=True))
            found.rows += [Row(place, values | each) for each in _parts(table, values)]
    except csv.Error as error:
        raise Failed(f"{path} is no CSV from row {found.count + 1} on: {error}") from error
    return found


def _parts(table: Table, values: Columns[str, str]) -> list[dict[str, str]]:
    """The row once for each value of its columns that hold several."""
    several = [[(name, part.strip()) for part in values[name].split(between)] for name, between in table.split.items()]
    return [dict(one) for one in product(*several)]


def _text(path: Path) -> str:
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(LARGEST + 1)
    except (OSError, EOFError, zlib.error) as error:
        raise Failed(f"{path} cannot be read: {error}") from error
    if len(content) > LARGEST:
        raise Failed(f"{path} is larger than {LARGEST:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Failed(f"{path} is not UTF-8: {error}") from error
