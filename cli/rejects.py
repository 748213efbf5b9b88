"""The file of rows that an import left out: row number, reference, reason, and the row as it was."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import TextIO

from cli.servicenow.log import Reject

HEADER = ("row", "reference", "reason", "line")


class Rejects:
    """Made with the first reject, so that an import without any leaves no file. An older file is replaced."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self._file: TextIO | None = None

    def add(self, rejects: Iterable[Reject]) -> None:
        for reject in rejects:
            if self._file is None:
                self._file = self.path.open("w", newline="", encoding="utf-8")
                csv.writer(self._file).writerow(HEADER)
            csv.writer(self._file).writerow((reject.row, *map(_inert, reject[1:])))
            self.count += 1
        if self._file is not None:
            # Whoever kills the import finds in the file what was rejected so far.
            self._file.flush()

    def close(self) -> None:
        if self._file is not None:
            self._file.close()


def _inert(text: str) -> str:
    """Spreadsheets compute what starts with these signs (OWASP ASVS 1.2.10); an apostrophe makes it text."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
