"""Working time as people write it: "6h24m", "153.7h", "2d 4h" and ISO 8601 "PT6H24M", exact to the microsecond.

A day is 24 hours of working time, whatever the calendar's opening hours are: a limit must not change its length
because the hours do.
"""

import re
from datetime import timedelta
from decimal import Decimal

MICROSECOND = timedelta(microseconds=1)
_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "min": 60, "s": 1}
_PART = r"(\d+(?:\.\d+)?)\s*(w|d|h|min|m|s)"
_PLAIN = re.compile(rf"(?:{_PART}\s*)+", re.IGNORECASE)
_PARTS = re.compile(_PART, re.IGNORECASE)
_NUMBER = r"(\d+(?:[.,]\d+)?)"
_ISO = re.compile(
    rf"P(?:{_NUMBER}W)?(?:{_NUMBER}D)?(?:T(?=\d)(?:{_NUMBER}H)?(?:{_NUMBER}M)?(?:{_NUMBER}S)?)?", re.IGNORECASE
)
_ISO_UNITS = (604_800, 86_400, 3_600, 60, 1)


def parse_duration(text: str) -> timedelta:
    """The length that `text` names. Raises ValueError for anything else, also for a fraction of a microsecond."""
    written = text.strip()
    if len(written) > 60:
        raise ValueError("a duration has at most 60 characters")
    seconds = Decimal(0)
    if written[:1] in {"P", "p"}:
        found = _ISO.fullmatch(written)
        if found is None or not any(found.groups()):
            raise ValueError(f"{text!r} is not an ISO 8601 duration in weeks, days, hours, minutes, seconds")
        for number, unit in zip(found.groups(), _ISO_UNITS, strict=True):
            seconds += Decimal(number.replace(",", ".")) * unit if number else 0
    elif _PLAIN.fullmatch(written):
        units = [unit.lower() for _, unit in _PARTS.findall(written)]
        if len(set(units)) != len(units):
            raise ValueError(f"{text!r} names a unit twice")
        for number, unit in _PARTS.findall(written):
            seconds += Decimal(number) * _UNITS[unit.lower()]
    else:
        raise ValueError(f"{text!r} is not a duration; write for instance 6h24m, 153.7h, 2d or PT6H24M")
    microseconds = seconds * 1_000_000
    if microseconds != int(microseconds):
        raise ValueError(f"{text!r} is not a whole number of microseconds")
    try:
        return timedelta(microseconds=int(microseconds))
    except OverflowError:
        raise ValueError(f"{text!r} is longer than any time this calendar knows") from None


def duration_text(length: timedelta) -> str:
    """The duration as ISO 8601 in hours, minutes and seconds, for instance PT6H24M; zero is PT0S."""
    microseconds = length // MICROSECOND
    sign, microseconds = ("-", -microseconds) if microseconds < 0 else ("", microseconds)
    seconds, fraction = divmod(microseconds, 1_000_000)
    hours, rest = divmod(seconds, 3_600)
    minutes, seconds = divmod(rest, 60)
    text = f"{hours}H" if hours else ""
    text += f"{minutes}M" if minutes else ""
    if seconds or fraction or not text:
        text += f"{seconds}.{fraction:06d}".rstrip("0") + "S" if fraction else f"{seconds}S"
    return f"{sign}PT{text}"
