"""The policy documents of this service, and the event that tells of each."""

from contracts.incident_rules import (
    ChangeCausePolicyPublished,
    ClosurePolicyPublished,
    ImpactRulePublished,
    ImpactStep,
    InformPolicyPublished,
    MajorIncidentPolicyPublished,
    MatrixCell,
    PriorityMatrixPublished,
)
from services.incident.rules import (
    CAUSES,
    CLOSURE,
    IMPACT,
    INFORM,
    MAJOR,
    MATRIX,
    ChangeCausePolicy,
    ClosurePolicy,
    ImpactRule,
    InformPolicy,
    MajorIncidentPolicy,
    PriorityMatrix,
)
from shared.policies import Kind, Policy


def matrix(policy: Policy) -> PriorityMatrixPublished:
    cells = tuple(
        MatrixCell(impact=int(impact), urgency=int(urgency), priority=priority)
        for impact, row in sorted(policy.spec.matrix.items())
        for urgency, priority in sorted(row.items())
    )
    return PriorityMatrixPublished(
        matrix=policy.name, matrix_version=policy.version, effective_from=policy.effective_from, cells=cells
    )


def closure(policy: Policy) -> ClosurePolicyPublished:
    return ClosurePolicyPublished(
        policy=policy.name,
        policy_version=policy.version,
        effective_from=policy.effective_from,
        silence_days=policy.spec.silence_days,
        cause_codes=policy.spec.cause_codes,
        cause_code_required=policy.spec.cause_code_required,
    )


def impact(policy: Policy) -> ImpactRulePublished:
    steps = tuple(
        ImpactStep(impact=each.impact, criticality=each.criticality, at_least=each.at_least)
        for each in policy.spec.steps
    )
    return ImpactRulePublished(
        rule=policy.name,
        rule_version=policy.version,
        effective_from=policy.effective_from,
        steps=steps,
        otherwise=policy.spec.otherwise,
    )


def inform(policy: Policy) -> InformPolicyPublished:
    return InformPolicyPublished(
        policy=policy.name,
        policy_version=policy.version,
        effective_from=policy.effective_from,
        every_minutes=policy.spec.every_minutes,
        warn_from=policy.spec.warn_from,
        warn_within_minutes=policy.spec.warn_within_minutes,
    )


def major(policy: Policy) -> MajorIncidentPolicyPublished:
    return MajorIncidentPolicyPublished(
        policy=policy.name,
        policy_version=policy.version,
        effective_from=policy.effective_from,
        criteria=policy.spec.criteria,
        update_every_minutes=policy.spec.update_every_minutes,
    )


def causes(policy: Policy) -> ChangeCausePolicyPublished:
    return ChangeCausePolicyPublished(
        policy=policy.name,
        policy_version=policy.version,
        effective_from=policy.effective_from,
        within_hours=policy.spec.within_hours,
        most=policy.spec.most,
    )


KINDS = (
    Kind(MATRIX, PriorityMatrix, matrix),
    Kind(CLOSURE, ClosurePolicy, closure),
    Kind(IMPACT, ImpactRule, impact),
    Kind(INFORM, InformPolicy, inform),
    Kind(MAJOR, MajorIncidentPolicy, major),
    Kind(CAUSES, ChangeCausePolicy, causes),
)
