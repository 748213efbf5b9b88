"""The routes of change management, split by what they are about."""

from services.change.api import approvals, changes, schedule
from services.change.api.view import permissions

routers = (changes.router, approvals.router, schedule.router)

__all__ = ["permissions", "routers"]
