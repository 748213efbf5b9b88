"""Topic `steward.problem`, keyed by problem id: what is found out after a fix, ISO/IEC 20000-2 8.3.

Whether incidents stopped, what is to be learned, and what should be better than it is.
"""

from typing import ClassVar

from pydantic import AwareDatetime, Field

from contracts.problem import ProblemFact, Verdict
from contracts.terms import Name, Text, Version


class FixEvaluated(ProblemFact):
    """After the fix, incidents were counted against those in as long a time before it.

    Counted are those opened within `days` before and after `fixed_at` that are linked to the problem, or are about its
    item and category. `chance` is the probability of so small a share after the fix if nothing had changed.
    """

    name: ClassVar[str] = "fix.evaluated"

    fixed_at: AwareDatetime
    days: int = Field(ge=1)
    before: int = Field(ge=0)
    after: int = Field(ge=0)
    verdict: Verdict
    chance: float | None = Field(default=None, ge=0, le=1)
    rule: Name | None = None
    rule_version: Version | None = None


class ProblemReviewCompleted(ProblemFact):
    """An unusual, costly or late problem was looked back on: what is learned, which chances were missed."""

    name: ClassVar[str] = "problem_review.completed"

    why: Name
    learned: Text
    missed_chances: Text = ""
    training: Text = ""


class ImprovementProposed(ProblemFact):
    """Something should be better than it is; the management system decides what becomes of it."""

    name: ClassVar[str] = "problem.improvement_proposed"

    proposal: Text
    benefit: Text = ""
