"""Reads with filters and pages, and what the desk looks up: the directory, the graph of items, proposals, rules."""

from services.incident.queries.lists import (
    INCIDENTS,
    MAJOR_INCIDENTS,
    MAJOR_STAFFS,
    OWN_INCIDENTS,
    OWN_MAJOR_INCIDENTS,
)

__all__ = ["INCIDENTS", "MAJOR_INCIDENTS", "MAJOR_STAFFS", "OWN_INCIDENTS", "OWN_MAJOR_INCIDENTS"]
