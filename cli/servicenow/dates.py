"""Reading the log's dates: `D/M/YYYY HH:MM` without padding or zone, or ISO 8601 as newer exports have it."""

import re
from datetime import UTC, datetime, tzinfo
from functools import lru_cache

DAY_FIRST = re.compile(r"(\d{1,2})/(\d{1,2})/(\d{4}) (\d{1,2}):(\d{2})(?::(\d{2}))?")


@lru_cache(maxsize=65536)
def instant(text: str, zone: tzinfo) -> str:
    """The instant as ISO 8601 in UTC. A text without an offset is local time of `zone`.

    Raises ValueError with a sentence for the person who owns the file.
    """
    try:
        if match := DAY_FIRST.fullmatch(text):
            day, month, year, hour, minute, second = (int(part or 0) for part in match.groups())
            when = datetime(year, month, day, hour, minute, second, tzinfo=zone)
        else:
            when = datetime.fromisoformat(text)
            when = when if when.tzinfo else when.replace(tzinfo=zone)
        return when.astimezone(UTC).isoformat().replace("+00:00", "Z")
    except (ValueError, OverflowError):
        raise ValueError(f'"{text}" is not a date (D/M/YYYY HH:MM)') from None
