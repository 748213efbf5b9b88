"""The routes of problem management, split by what they are about."""

from services.problem.api import effects, problems

permissions = problems.permissions
routers = (problems.router, effects.router)

__all__ = ["permissions", "routers"]
