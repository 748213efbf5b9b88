"""The routes of incident management, split by what they are about."""

from services.incident.api.incidents import permissions, router

__all__ = ["permissions", "router"]
