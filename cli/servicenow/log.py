"""Reading a ServiceNow incident event log, line by line, so that no damage in one line costs another one.

A row is one logged update of an incident; row 1 is the first one below the header. `?` and an empty field mean
"missing". What cannot be read as a row becomes a `Reject` with a reason, and reading goes on with the next line.
"""

import csv
import gzip
import io
import re
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import islice
from operator import itemgetter
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

MISSING = "?"
LONGEST_LINE = 256 * 1024
"""Characters. A longer line is damage, not a row, and is never held in memory whole."""
MOST_LINES_A_ROW = 20
"""A quoted field may hold line breaks; a quote that is still open after so many lines is a stray one."""
MOST_ROWS_AN_INCIDENT = 10_000
"""Rows of one incident are held together; beyond this many they are rejected instead of filling the memory."""
REQUIRED = ("number", "incident_state", "opened_at", "sys_updated_at", "impact", "urgency")
UNDECODABLE = re.compile("[\udc80-\udcff]")


class Row(NamedTuple):
    """One logged update. From `incident_state` on: the columns whose change is something that happened."""

    row: int
    line: str
    number: str
    opened_by: str
    opened_at: str
    sys_updated_by: str
    sys_updated_at: str
    closed_code: str
    incident_state: str
    impact: str
    urgency: str
    category: str
    subcategory: str
    u_symptom: str
    cmdb_ci: str
    assignment_group: str
    assigned_to: str
    problem_id: str
    caller_id: str
    contact_type: str
    location: str
    vendor: str
    rfc: str
    caused_by: str
    knowledge: str
    notify: str
    u_priority_confirmation: str


COLUMNS = Row._fields[2:]
VISIBLE = slice(Row._fields.index("incident_state"), None)


class Reject(NamedTuple):
    """A row that is not imported, and the reason that a person reads."""

    row: int
    reference: str
    reason: str
    line: str


class History(NamedTuple):
    """The rows of one incident in their order, and the lines among them that could not be read."""

    reference: str
    rows: list[Row]
    rejects: list[Reject]


class NotALog(ValueError):
    """The file as a whole cannot be read: no header, columns missing, a damaged archive."""


class Log:
    """An open log file, plain or gzip (told by its content, not its name). Use as a context manager."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.size = path.stat().st_size
        self.count = 0
        """Rows read so far, rejected ones included."""
        self._file = path.open("rb")
        zipped = self._file.peek(2)[:2] == b"\x1f\x8b"
        binary = io.BufferedReader(gzip.GzipFile(fileobj=self._file), 1 << 16) if zipped else self._file
        self._text = io.TextIOWrapper(binary, encoding="utf-8-sig", errors="surrogateescape", newline="\n")
        self._pushed_back: deque[str] = deque()
        try:
            self.header = self._header()
        except NotALog:
            self.close()
            raise
        self._pick = _picker(self.header)

    def __enter__(self) -> "Log":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._text.close()
        self._file.close()

    def position(self) -> int:
        """Bytes of the file read so far, of `size`."""
        return self._file.tell()

    def histories(self, limit: int | None = None) -> Iterator[History]:
        """The incidents one after another; stops at the end of the incident in which row `limit` lies."""
        current = History("", [], [])
        for item in self._items():
            if isinstance(item, Reject):
                current.rejects.append(item)
                continue
            if item.number != current.reference:
                if current.rows or current.rejects:
                    yield current
                if limit is not None and item.row > limit:
                    self.count = item.row - 1
                    return
                current = History(item.number, [], [])
            if len(current.rows) >= MOST_ROWS_AN_INCIDENT:
                reason = f"more than {MOST_ROWS_AN_INCIDENT:,} rows of one incident"
                current.rejects.append(Reject(item.row, item.number, reason, item.line))
                continue
            current.rows.append(item)
        if current.rows or current.rejects:
            yield current

    def _header(self) -> list[str]:
        header = [name.strip() for name in next(csv.reader([self._line() or ""]), [])]
        if absent := [name for name in REQUIRED if name not in header]:
            raise NotALog(f"{self.path} is not an incident event log: its first line lacks {', '.join(absent)}")
        return header

    def _items(self) -> Iterator[Row | Reject]:
        while (line := self._line()) is not None:
            if not line.strip():
                continue
            self.count += 1
            yield self._item(line)

    def _item(self, line: str) -> Row | Reject:
        number = self.count
        if len(line) >= LONGEST_LINE:
            return Reject(number, "", f"the line is longer than {LONGEST_LINE:,} characters", line[:1000])
        if not line.isascii() and UNDECODABLE.search(line):
            return Reject(number, "", "the line is not UTF-8", line.encode("utf-8", "replace").decode())
        if '"' in line:
            line, fields = self._quoted(line)
        else:
            fields = line.split(",")
        if len(fields) != len(self.header):
            reason = f"the row has {len(fields)} fields where the header has {len(self.header)}"
            return Reject(number, "", reason, line)
        picked = Row._make((number, line, *self._pick([*fields, MISSING])))
        if picked.number in ("", MISSING):
            return Reject(number, "", "the incident's number is missing", line)
        return picked

    def _quoted(self, line: str) -> tuple[str, list[str]]:
        """Joins following lines while a quoted field is open; gives them back if that does not make a row."""
        taken: list[str] = []
        whole = line
        while whole.count('"') % 2 and len(taken) < MOST_LINES_A_ROW:
            if (following := self._line()) is None:
                break
            taken.append(following)
            whole = f"{whole}\n{following}"
        fields = next(csv.reader(io.StringIO(whole, newline="")), [])
        if len(fields) == len(self.header) and not whole.count('"') % 2:
            return whole, fields
        self._pushed_back.extendleft(reversed(taken))
        return line, next(csv.reader([line]), [])

    def _line(self) -> str | None:
        if self._pushed_back:
            return self._pushed_back.popleft()
        try:
            line = self._text.readline(LONGEST_LINE)
            if len(line) == LONGEST_LINE and not line.endswith("\n"):
                while (rest := self._text.readline(LONGEST_LINE)) and not rest.endswith("\n"):
                    pass
                return line
        except (EOFError, gzip.BadGzipFile, OSError) as error:
            raise NotALog(f"{self.path} is damaged after row {self.count}: {error}") from error
        return line.rstrip("\r\n") if line else None


def _picker(header: Sequence[str]) -> Callable[[list[str]], tuple[str, ...]]:
    """Takes the known columns out of a row to which one missing field was appended, for columns the log lacks."""
    return itemgetter(*(header.index(name) if name in header else len(header) for name in COLUMNS))


def batches(histories: Iterator[History], incidents: int, rows: int) -> Iterator[list[History]]:
    """Histories in lists of at most `incidents`, closed earlier once a list holds `rows` rows."""
    while batch := list(islice(histories, 1)):
        size = len(batch[0].rows)
        while len(batch) < incidents and size < rows and (more := next(histories, None)):
            batch.append(more)
            size += len(more.rows)
        yield batch
