"""The problem service on one screen."""

from services.problem.api import permissions, routers
from services.problem.handlers import HANDLERS
from services.problem.tables import Row
from shared.service import Service

service = Service(
    name="problem",
    title="Problem management",
    clause="8.3",
    rows=Row.metadata,
    routers=routers,
    permissions=permissions,
    handlers=HANDLERS,
)
