"""The progress bar of an import, on the error stream and only where a person watches it."""

import sys
import time
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, TaskProgressColumn, TextColumn, TimeElapsedColumn
from rich.progress import Progress as Bar


class Progress:
    """Bytes of the file fill the bar, for how many rows a packed file has is known at its end only."""

    def __init__(self, size: int) -> None:
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(),
            TaskProgressColumn(),
            TextColumn("{task.fields[rows]:,} rows, {task.fields[rate]:,.0f}/s"),
            TimeElapsedColumn(),
            console=Console(stderr=True),
            disable=not sys.stderr.isatty(),
        )
        self._task = self._bar.add_task("importing", total=size, rows=0, rate=0.0)
        self._started = time.monotonic()
        self._rows = self._position = 0

    def __enter__(self) -> "Progress":
        self._bar.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._bar.stop()

    def rows(self, done: int, position: int) -> None:
        """`done` more rows have been dealt with, `position` bytes of the file read."""
        self._rows += done
        self._position = max(position, self._position)
        rate = self._rows / max(time.monotonic() - self._started, 0.001)
        self._bar.update(self._task, completed=self._position, rows=self._rows, rate=rate)

    def waiting(self, left: int) -> None:
        """All is sent; the services still have `left` events to take in."""
        self._bar.update(self._task, description=f"{left:,} events to take in")
