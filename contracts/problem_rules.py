"""Topic `steward.problem`: the rules of problem management as they are applied, in versions that are never edited."""

from typing import ClassVar

from pydantic import AwareDatetime, Field

from contracts.envelope import Event
from contracts.terms import Name, Priority, Version
from contracts.trend import Dimension


class RulePublished(Event):
    """What the events of all rules carry: which version of which one counts from when on. Not an event itself."""

    topic: ClassVar[str] = "steward.problem"

    rule: Name
    rule_version: Version
    effective_from: AwareDatetime


class ProblemPriorityRulePublished(RulePublished):
    """A version of problem management's priority rule was applied; it counts from `effective_from` on.

    `up_to` holds the largest product frequency × impact × cost of priority 1, 2, 3 and 4, ascending; a larger one has
    priority 5.
    """

    name: ClassVar[str] = "problem_priority_rule.published"

    up_to: tuple[int, ...] = Field(min_length=4, max_length=4)


class TrendRulePublished(RulePublished):
    """A version of the rule for trends was applied: from when on more incidents than usual are a finding.

    The incidents of the last `days` are held against those of `baseline_windows` times as many days before; fewer than
    `minimum` are never a finding. Where `opens`, each finding opens a problem.
    """

    name: ClassVar[str] = "trend_rule.published"

    days: int = Field(ge=1)
    baseline_windows: int = Field(ge=1)
    threshold: float = Field(gt=0, lt=1)
    minimum: int = Field(ge=1)
    dimensions: tuple[Dimension, ...]
    opens: bool


class ReviewRulePublished(RulePublished):
    """A version of the rule for reviews was applied: which problems are looked back on when they are closed.

    One of `priorities`, reopened or recurred so often, or open for `age_days`; what is empty asks for nothing.
    """

    name: ClassVar[str] = "review_rule.published"

    priorities: tuple[Priority, ...] = ()
    reopened: int | None = None
    recurrences: int | None = None
    age_days: int | None = None


class EvaluationRulePublished(RulePublished):
    """A version of the rule for evaluation was applied: how a fix is judged by the incidents `days` before and after.

    Effective: at most the share `effective_up_to` of before is left, and there were `minimum_before`. Ineffective: the
    share `ineffective_from` or more is left. Where `reopens`, an ineffective fix reopens its problem.
    """

    name: ClassVar[str] = "evaluation_rule.published"

    days: int = Field(ge=1)
    minimum_before: int = Field(ge=1)
    effective_up_to: float = Field(ge=0, lt=1)
    ineffective_from: float = Field(gt=0)
    reopens: bool
