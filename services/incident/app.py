"""The incident service on one screen."""

from contracts.incident import MatrixCell, PriorityMatrixPublished
from services.incident.api import history, permissions, router
from services.incident.rules import MATRIX, PriorityMatrix
from services.incident.tables import Row
from shared.policies import Kind, Policy
from shared.service import Service


def published(policy: Policy) -> PriorityMatrixPublished:
    cells = tuple(
        MatrixCell(impact=int(impact), urgency=int(urgency), priority=priority)
        for impact, row in sorted(policy.spec.matrix.items())
        for urgency, priority in sorted(row.items())
    )
    return PriorityMatrixPublished(
        matrix=policy.name, matrix_version=policy.version, effective_from=policy.effective_from, cells=cells
    )


service = Service(
    name="incident",
    title="Incident and service request management",
    clause="8.2",
    rows=Row.metadata,
    routers=(router, history.router),
    permissions=permissions,
    policies=(Kind(MATRIX, PriorityMatrix, published),),
)
