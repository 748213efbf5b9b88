"""The one place that reads the time. Tests and history set it; domain code gets `now` as an argument."""

from collections.abc import Callable
from datetime import UTC, datetime


def system_time() -> datetime:
    return datetime.now(UTC)


class Clock:
    """What time it is, aware and in UTC."""

    def __init__(self, source: Callable[[], datetime] = system_time) -> None:
        self.source = source

    def now(self) -> datetime:
        return self.source()
