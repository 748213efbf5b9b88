"""The service of service level management on one screen."""

from services.sla.api import permissions, routers
from services.sla.domain.policies import KINDS
from services.sla.handlers import HANDLERS
from services.sla.jobs import JOBS
from services.sla.tables import Row
from shared.service import Service

service = Service(
    name="sla",
    title="Service level management",
    clause="6.1",
    rows=Row.metadata,
    routers=routers,
    permissions=permissions,
    handlers=HANDLERS,
    jobs=JOBS,
    policies=KINDS,
)
