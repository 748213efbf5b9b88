"""The change service on one screen."""

from contracts.change_rules import (
    ApprovalPolicyPublished,
    ApprovalStep,
    ChangeModelPublished,
    ChangeWindowPublished,
    FreezePublished,
    RiskOption,
    RiskQuestion,
    RiskRulePublished,
)
from services.change.api import permissions, routers
from services.change.handlers import HANDLERS
from services.change.jobs import JOBS
from services.change.rules.approval import APPROVAL, ApprovalPolicy
from services.change.rules.risk import MODEL, RISK_RULE, Model, RiskRule
from services.change.rules.windows import FREEZE, WINDOW, Freeze, Window
from services.change.tables import Row
from shared.policies import Kind, Policy
from shared.service import Service


def risk_rule_published(policy: Policy) -> RiskRulePublished:
    questions = tuple(
        RiskQuestion(
            question=name,
            text=question.text,
            options=tuple(RiskOption(answer=answer, points=points) for answer, points in question.options.items()),
        )
        for name, question in policy.spec.questions.items()
    )
    return RiskRulePublished(
        rule=policy.name, rule_version=policy.version, effective_from=policy.effective_from, questions=questions,
        medium_from=policy.spec.medium_from, high_from=policy.spec.high_from,
    )  # fmt: skip


def approval_policy_published(policy: Policy) -> ApprovalPolicyPublished:
    classes = {
        name: tuple(ApprovalStep(step=each.step, role=each.role, count=each.count) for each in steps)
        for name, steps in policy.spec.classes.items()
    }
    return ApprovalPolicyPublished(
        policy=policy.name, policy_version=policy.version, effective_from=policy.effective_from, classes=classes,
        paperwork_hours=policy.spec.paperwork_hours,
    )  # fmt: skip


def model_published(policy: Policy) -> ChangeModelPublished:
    return ChangeModelPublished(
        model=policy.name, model_version=policy.version, effective_from=policy.effective_from,
        **policy.spec.model_dump(),
    )  # fmt: skip


def freeze_published(policy: Policy) -> FreezePublished:
    return FreezePublished(
        freeze=policy.name, freeze_version=policy.version, effective_from=policy.effective_from,
        **policy.spec.model_dump(),
    )  # fmt: skip


def window_published(policy: Policy) -> ChangeWindowPublished:
    return ChangeWindowPublished(
        window=policy.name, window_version=policy.version, effective_from=policy.effective_from,
        **policy.spec.model_dump(),
    )  # fmt: skip


service = Service(
    name="change",
    title="Change management",
    clause="9.2",
    rows=Row.metadata,
    routers=routers,
    permissions=permissions,
    handlers=HANDLERS,
    jobs=JOBS,
    policies=(
        Kind(RISK_RULE, RiskRule, risk_rule_published),
        Kind(APPROVAL, ApprovalPolicy, approval_policy_published),
        Kind(MODEL, Model, model_published),
        Kind(FREEZE, Freeze, freeze_published),
        Kind(WINDOW, Window, window_published),
    ),
)
