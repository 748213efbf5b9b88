"""The routes of problem management, split by what they are about."""

from services.problem.api import effects, known_errors, problems, trends

permissions = problems.permissions
routers = (problems.router, effects.router, known_errors.router, trends.router)

__all__ = ["permissions", "routers"]
