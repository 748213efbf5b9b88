"""The routes of service level management, split by what they are about."""

from services.sla.api import agreements, clocks, metrics, verification
from services.sla.api.room import permissions

routers = (clocks.router, verification.router, metrics.router, agreements.router)

__all__ = ["permissions", "routers"]
