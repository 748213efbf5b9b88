"""The problem service on one screen."""

from contracts.problem import ProblemPriorityRulePublished
from services.problem.api import permissions, routers
from services.problem.handlers import HANDLERS
from services.problem.rules import RULE, PriorityRule
from services.problem.tables import Row
from shared.policies import Kind, Policy
from shared.service import Service


def published(policy: Policy) -> ProblemPriorityRulePublished:
    return ProblemPriorityRulePublished(
        rule=policy.name,
        rule_version=policy.version,
        effective_from=policy.effective_from,
        up_to=policy.spec.up_to,
    )


service = Service(
    name="problem",
    title="Problem management",
    clause="8.3",
    rows=Row.metadata,
    routers=routers,
    permissions=permissions,
    handlers=HANDLERS,
    policies=(Kind(RULE, PriorityRule, published),),
)
