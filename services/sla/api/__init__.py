"""The routes of service level management, split by what they are about."""

from services.sla.api import clocks, metrics
from services.sla.api.room import permissions

routers = (clocks.router, metrics.router)

__all__ = ["permissions", "routers"]
