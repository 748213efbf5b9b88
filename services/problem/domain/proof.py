"""After the fix: whether incidents stopped, and what a look back shows (PRB-9, PRB-7).

An incident strikes when it is opened, and the time before a fix is compared with as long a time after it by what struck
then. Closings, by which recurrences are counted, would not do: an incident of before the fix may be closed long after.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from contracts.envelope import Event
from contracts.problem_review import FixEvaluated, ImprovementProposed, ProblemReviewCompleted
from services.problem.domain.desk import Desk, figures, with_status
from services.problem.domain.orders import ProposeImprovement, Review
from services.problem.domain.progress import move, reopened
from services.problem.lifecycle import Action
from services.problem.rules.proof import EvaluationRule, chance
from services.problem.tables import Problem

UNASKED = "by choice"


@dataclass(frozen=True, slots=True)
class Judge:
    """The rule in force with its name and version; both None while none was applied and the usual one counts."""

    rule: EvaluationRule
    name: str | None = None
    version: int | None = None


def evaluation_due(problem: Problem, rule: EvaluationRule) -> datetime:
    """When as long a time has passed since the fix as is counted. Raises ValueError where there is none."""
    if problem.fixed_at is None:
        raise ValueError(f"{problem.number} has no fix to evaluate")
    return problem.fixed_at + timedelta(days=rule.days)


def evaluate(problem: Problem, before: int, after: int, judge: Judge, at: datetime) -> list[Event]:
    """Say what the incidents before and after the fix show. An ineffective one is shown, and reopens the problem only
    where the rule says so: whether what struck was the same cause, a person sees and a count does not."""
    state, fixed_at = problem.state, problem.fixed_at
    verdict = judge.rule.verdict(before, after)
    problem.verdict, problem.evaluated_at = verdict, at
    problem.incidents_before, problem.incidents_after = before, after
    happened: list[Event] = [
        FixEvaluated(
            **figures(problem),
            fixed_at=fixed_at,
            days=judge.rule.days,
            before=before,
            after=after,
            verdict=verdict,
            chance=chance(before, after),
            rule=judge.name,
            rule_version=judge.version,
        )
    ]
    if verdict == "ineffective" and judge.rule.reopens:
        reason = f"The fix did not help: {before} incidents in the {judge.rule.days} days before it, {after} after it"
        happened += reopened(problem, reason, at)
    return with_status(problem, state, problem.workaround, happened)


def review(problem: Problem, order: Review, desk: Desk) -> list[Event]:
    move(problem, Action.REVIEW)
    problem.reviewed_at = desk.now
    return [
        ProblemReviewCompleted(
            **figures(problem),
            why=", ".join(problem.review_reasons) or UNASKED,
            learned=order.learned,
            missed_chances=order.missed_chances,
            training=order.training,
        )
    ]


def propose_improvement(problem: Problem, order: ProposeImprovement, desk: Desk) -> list[Event]:
    move(problem, Action.PROPOSE_IMPROVEMENT)
    return [ImprovementProposed(**figures(problem), proposal=order.proposal, benefit=order.benefit)]
