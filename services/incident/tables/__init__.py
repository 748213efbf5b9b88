"""The rows of the incident service: its own records, and what it keeps of other services' facts."""

from services.incident.tables.base import Row
from services.incident.tables.known import (
    ERROR_WORDS,
    PROBLEM_WORDS,
    Dependency,
    KnownError,
    KnownItem,
    KnownProblem,
    RecentChange,
    SlaClock,
)
from services.incident.tables.records import (
    SEARCHED,
    Group,
    HistoryReject,
    Incident,
    LogReader,
    MajorIncident,
    Person,
)

__all__ = [
    "ERROR_WORDS",
    "PROBLEM_WORDS",
    "SEARCHED",
    "Dependency",
    "Group",
    "HistoryReject",
    "Incident",
    "KnownError",
    "KnownItem",
    "KnownProblem",
    "LogReader",
    "MajorIncident",
    "Person",
    "RecentChange",
    "Row",
    "SlaClock",
]
