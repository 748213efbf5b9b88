"""Reads with filters and pages: lists of incidents, the timeline of one, the directory of groups and people."""

from services.incident.queries.lists import INCIDENTS, OWN_INCIDENTS

__all__ = ["INCIDENTS", "OWN_INCIDENTS"]
