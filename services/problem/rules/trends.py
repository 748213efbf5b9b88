"""When more incidents than usual are more than chance: the rule for trends, and the probability behind it (PRB-6).

A thing that has had k incidents in m windows has a rate that is not known but estimated. With Jeffreys' prior its rate
per window is Gamma distributed with shape k + ½ and rate m, so the count of the next window is negative binomial:

    P(X = x) = Γ(r + x) / (Γ(r) x!) · p^r · (1 − p)^x   with r = k + ½ and p = m / (m + 1)

With much history this is Poisson with the mean k / m; with little it is wider, so that a thing of which little is known
is not found for what its first weeks happened to be. Nothing known at all (k = 0) still gives a probability.

Many things are looked at together. Where nothing but chance is at work, each is found with a probability of at most the
threshold, so threshold × number of things is how many false findings a look has at most on average; findings say that
number. A smaller threshold is the remedy, not a correction in hiding: the share of false findings that a desk can
live with is for its rule to say.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from math import exp, lgamma, log, log1p
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

TREND = "problem/TrendRule"
Dimension = Literal["ci", "service", "category"]
# From the narrowest to the widest.
DIMENSIONS: tuple[Dimension, ...] = ("ci", "service", "category")
PRIOR = 0.5
NEGLIGIBLE = 1e-17


class TrendRule(BaseModel):
    """The incidents of the last `days` against those of `baseline_windows` times as many days before them."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    days: int = Field(default=28, ge=1, le=366, description="the length of the window that is judged")
    baseline_windows: int = Field(default=6, ge=1, le=60, description="how many windows before it are its history")
    threshold: float = Field(default=0.001, gt=0, le=0.1, description="a probability below it is a finding")
    minimum: int = Field(default=5, ge=1, description="fewer incidents than this are never a finding")
    dimensions: tuple[Dimension, ...] = Field(default=DIMENSIONS, min_length=1)
    opens: bool = Field(default=False, description="whether each finding opens a problem by itself")

    @field_validator("dimensions")
    @classmethod
    def once(cls, given: tuple[Dimension, ...]) -> tuple[Dimension, ...]:
        if len(set(given)) != len(given):
            raise ValueError("each dimension once")
        return given


# In force until a rule is applied.
USUAL_TRENDS = TrendRule()


@dataclass(frozen=True, slots=True)
class Counted:
    """How often one thing had an incident in the window, and in its history before it."""

    value: str
    count: int
    before: int


@dataclass(frozen=True, slots=True)
class Finding:
    """More incidents than chance explains; `expected` is the average of as long a time before."""

    value: str
    count: int
    expected: float
    probability: float


def window_of(now: datetime, rule: TrendRule) -> tuple[datetime, datetime, datetime]:
    """Where history begins, where the window begins, and where it ends: the last midnight in UTC."""
    until = now.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    begin = until - timedelta(days=rule.days)
    return begin - timedelta(days=rule.days * rule.baseline_windows), begin, until


def windows_known(begin: datetime, first: datetime | None, rule: TrendRule) -> float:
    """How many windows of history there are: fewer than the rule says where the first incident came later."""
    if first is None:
        return 0.0
    known = (begin - first) / timedelta(days=rule.days)
    return max(0.0, min(float(rule.baseline_windows), known))


def tail(count: int, before: int, windows: float) -> float:
    """The probability of `count` incidents or more in a window by chance, after `before` in `windows` windows."""
    if count <= 0:
        return 1.0
    shape, stay = before + PRIOR, 1 / (windows + 1)
    mean = shape / windows
    if count <= mean:
        # Below the mean the other tail is the small one, so that neither is lost to rounding.
        return max(0.0, 1.0 - sum(_terms(0, count, shape, windows, stay)))
    total, place = 0.0, count
    term = _probability(place, shape, windows, stay)
    while term > total * NEGLIGIBLE:
        total += term
        term *= (shape + place) / (place + 1) * stay
        place += 1
    return min(1.0, total)


def _probability(count: int, shape: float, windows: float, stay: float) -> float:
    choices = lgamma(shape + count) - lgamma(shape) - lgamma(count + 1)
    return exp(choices - shape * log1p(1 / windows) + count * log(stay))


def _terms(start: int, stop: int, shape: float, windows: float, stay: float) -> Sequence[float]:
    return [_probability(count, shape, windows, stay) for count in range(start, stop)]


def findings(counts: Sequence[Counted], windows: float, rule: TrendRule) -> list[Finding]:
    """What the rule finds among things looked at together, the least probable first. Without one whole window of
    history there is nothing to hold a window against."""
    if windows < 1:
        return []
    found = [
        Finding(each.value, each.count, each.before / windows, probability)
        for each in counts
        if each.count >= rule.minimum and (probability := tail(each.count, each.before, windows)) < rule.threshold
    ]
    return sorted(found, key=lambda finding: (finding.probability, finding.value))
