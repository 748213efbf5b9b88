"""The problem service on one screen."""

from collections.abc import Callable

from contracts.problem_rules import (
    EvaluationRulePublished,
    ProblemPriorityRulePublished,
    ReviewRulePublished,
    RulePublished,
    TrendRulePublished,
)
from services.problem.api import permissions, routers
from services.problem.handlers import HANDLERS
from services.problem.jobs import JOBS
from services.problem.rules import RULE, PriorityRule
from services.problem.rules.proof import EVALUATION, REVIEW, EvaluationRule, ReviewRule
from services.problem.rules.trends import TREND, TrendRule
from services.problem.tables import Row
from shared.policies import Kind, Policy
from shared.service import Service


def told_by(event: type[RulePublished]) -> Callable[[Policy], RulePublished]:
    """How a new version of a rule is told: the event has the rule's own fields beside its name and version."""

    def published(policy: Policy) -> RulePublished:
        return event(
            rule=policy.name,
            rule_version=policy.version,
            effective_from=policy.effective_from,
            **policy.spec.model_dump(),
        )

    return published


service = Service(
    name="problem",
    title="Problem management",
    clause="8.3",
    rows=Row.metadata,
    routers=routers,
    permissions=permissions,
    handlers=HANDLERS,
    jobs=JOBS,
    policies=(
        Kind(RULE, PriorityRule, told_by(ProblemPriorityRulePublished)),
        Kind(TREND, TrendRule, told_by(TrendRulePublished)),
        Kind(REVIEW, ReviewRule, told_by(ReviewRulePublished)),
        Kind(EVALUATION, EvaluationRule, told_by(EvaluationRulePublished)),
    ),
)
