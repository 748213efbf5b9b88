"""The routes of incident management, split by what they are about."""

from services.incident.api import directory, history, incidents, major, proposals, timeline
from services.incident.api.views import permissions

ROUTERS = (incidents.router, timeline.router, proposals.router, major.router, directory.router, history.router)

__all__ = ["ROUTERS", "permissions"]
