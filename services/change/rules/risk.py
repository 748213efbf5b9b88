"""Risk and class by a declared rule: answers have points, their sum gives the risk, and the risk the class (CHG-2)."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

RISK_RULE = "change/RiskRule"
MODEL = "change/Model"
Risk = Literal["low", "medium", "high"]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Words = Annotated[str, Field(min_length=1, max_length=20_000)]
Minutes = Annotated[int, Field(ge=0, le=1_000_000)]


class Part(BaseModel):
    """A part of a policy document: a field that it does not have is refused by name."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class Question(Part):
    """What is asked, and the points of each answer that may be given."""

    text: Annotated[str, Field(min_length=1, max_length=300)]
    options: dict[Name, Annotated[int, Field(ge=0, le=1000)]] = Field(min_length=2, max_length=20)


class RiskRule(Part):
    """From `medium_from` points on the risk is medium, from `high_from` on high; a high risk makes a major change."""

    questions: dict[Name, Question] = Field(min_length=1, max_length=30)
    medium_from: Annotated[int, Field(ge=1)]
    high_from: int

    @model_validator(mode="after")
    def ascending(self) -> "RiskRule":
        if self.high_from <= self.medium_from:
            raise ValueError("high_from is above medium_from")
        most = sum(max(question.options.values()) for question in self.questions.values())
        if self.high_from > most:
            raise ValueError(f"the answers have {most} points at most, so that no risk would ever be high")
        return self

    def faults(self, answers: Mapping[str, str]) -> list[tuple[str, str]]:
        """What is wrong with these answers, by question."""
        found = [(name, near(name, self.questions, "question")) for name in answers if name not in self.questions]
        for name, question in self.questions.items():
            if name not in answers:
                found.append((name, f"answer it: {question.text}"))
            elif answers[name] not in question.options:
                found.append((name, f"one of {', '.join(question.options)}"))
        return found

    def points(self, answers: Mapping[str, str]) -> dict[str, int]:
        """The points of each answer, in the rule's order."""
        return {name: question.options[answers[name]] for name, question in self.questions.items()}

    def risk(self, points: int) -> Risk:
        return "high" if points >= self.high_from else "medium" if points >= self.medium_from else "low"


class Model(Part):
    """A standard change, approved once for all: how it is done, and how it is undone or repaired.

    `minutes` is how long it takes, `backout_minutes` after its start the decision to back out is due.
    """

    title: Annotated[str, Field(min_length=1, max_length=300)]
    plan: Words
    backout: Words
    remedy: Annotated[str, Field(max_length=20_000)] = ""
    backout_minutes: Minutes
    backout_tested: bool
    minutes: Annotated[int, Field(ge=1, le=100_000)]


def class_of(risk: Risk) -> Literal["normal", "major"]:
    return "major" if risk == "high" else "normal"


def near(given: str, known: Mapping[str, object] | list[str], noun: str) -> str:
    """That there is no such thing, with the names that look like it."""
    close = get_close_matches(given, list(known), n=3, cutoff=0.5)
    return f"there is no {noun} {given!r}" + (f"; near it: {', '.join(close)}" if close else "")


# In force until a rule is applied.
USUAL = RiskRule(
    questions={
        "reach": Question(
            text="Who would notice if it went wrong?",
            options={"nobody": 0, "one team": 1, "one service": 2, "several services": 4},
        ),
        "experience": Question(
            text="How often was it done here?", options={"often": 0, "a few times": 1, "never": 3}
        ),
        "reversal": Question(
            text="How is it undone?", options={"at once": 0, "within the window": 1, "hardly": 3, "not at all": 4}
        ),
        "outage": Question(
            text="What cannot be used meanwhile?", options={"nothing": 0, "in quiet hours": 1, "in service hours": 3}
        ),
    },
    medium_from=4,
    high_from=8,
)  # fmt: skip
