"""The incident service on one screen."""

from contracts.incident import ClosurePolicyPublished, MatrixCell, PriorityMatrixPublished
from services.incident.api import ROUTERS, permissions
from services.incident.handlers import HANDLERS
from services.incident.jobs import JOBS
from services.incident.queries.timeline import told
from services.incident.rules import CLOSURE, MATRIX, ClosurePolicy, PriorityMatrix
from services.incident.tables import Row
from shared.policies import Kind, Policy
from shared.service import Service


def matrix_published(policy: Policy) -> PriorityMatrixPublished:
    cells = tuple(
        MatrixCell(impact=int(impact), urgency=int(urgency), priority=priority)
        for impact, row in sorted(policy.spec.matrix.items())
        for urgency, priority in sorted(row.items())
    )
    return PriorityMatrixPublished(
        matrix=policy.name, matrix_version=policy.version, effective_from=policy.effective_from, cells=cells
    )


def closure_published(policy: Policy) -> ClosurePolicyPublished:
    return ClosurePolicyPublished(
        policy=policy.name,
        policy_version=policy.version,
        effective_from=policy.effective_from,
        silence_days=policy.spec.silence_days,
    )


service = Service(
    name="incident",
    title="Incident and service request management",
    clause="8.2",
    rows=Row.metadata,
    routers=ROUTERS,
    permissions=permissions,
    handlers=HANDLERS,
    jobs=JOBS,
    policies=(
        Kind(MATRIX, PriorityMatrix, matrix_published),
        Kind(CLOSURE, ClosurePolicy, closure_published),
    ),
    told=told,
)
