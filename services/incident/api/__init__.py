"""The routes of incident management, split by what they are about."""

from services.incident.api import directory, history, incidents, timeline
from services.incident.api.incidents import permissions, router

ROUTERS = (incidents.router, timeline.router, directory.router, history.router)

__all__ = ["ROUTERS", "permissions", "router"]
