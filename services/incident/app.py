"""The incident service on one screen."""

from services.incident.api import ROUTERS, permissions
from services.incident.domain.policies import KINDS
from services.incident.handlers import HANDLERS
from services.incident.jobs import JOBS
from services.incident.queries.timeline import told
from services.incident.tables import Row
from shared.service import Service

service = Service(
    name="incident",
    title="Incident and service request management",
    clause="8.2",
    rows=Row.metadata,
    routers=ROUTERS,
    permissions=permissions,
    handlers=HANDLERS,
    jobs=JOBS,
    policies=KINDS,
    told=told,
)
