"""A small world in which everything is as it should be, for the checker to be tested on."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

from contracts.envelope import Message
from tests.faults.checker import check
from tests.faults.checker.findings import Chain, Copy, Effect, Evidence, Findings, Taken
from tests.faults.ledger import Command, Outcome

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
SECOND = timedelta(seconds=1)
RECURRED = Effect("steward.incident.closed.v1", "problem", "steward.problem.recurred.v1", 1)
TOPIC = "steward.incident"
KEPT, FOLLOWS = "known_incident", "follow_incidents"


def event(service: str, type: str, record: UUID, sequence: int, position: int, cause: Message | None = None) -> Message:
    return Message(
        id=uuid4(),
        source=f"/steward/{service}",
        type=f"steward.{type}.v1",
        subject=f"{service} {record.hex[-4:]}",
        aggregate_id=record,
        sequence=sequence,
        occurred=NOON,
        recorded=NOON,
        actor="alice",
        correlation=cause.correlation if cause else uuid4(),
        causation=cause.id if cause else None,
        traceparent=None,
        organisation="northwind",
        historical=False,
        position=position,
        data="{}",
    )


def fold(messages: Iterable[Message]) -> Mapping[str, Any]:
    told = list(messages)
    return {"version": len(told), "closings": sum(each.type == "steward.problem.recurred.v1" for each in told)}


class World:
    """Two incidents opened and closed, their problem with two recurrences; everything as it should be."""

    def __init__(self) -> None:
        first, second, problem = uuid4(), uuid4(), uuid4()
        names = ((first, "opened"), (second, "opened"), (first, "closed"), (second, "closed"))
        self.incidents = [
            event("incident", f"incident.{what}", record, 1 + (what == "closed"), position)
            for position, (record, what) in enumerate(names, 1)
        ]
        found = event("problem", "problem.opened", problem, 1, 1)
        closed = self.incidents[2:]
        self.problems = [
            found,
            *(event("problem", "problem.recurred", problem, 2 + n, 2 + n, each) for n, each in enumerate(closed)),
        ]
        self.commands = [self.command("incident", each) for each in self.incidents]
        self.commands.append(self.command("problem", found))
        self.evidence = Evidence(
            logs={"incident": self.incidents, "problem": self.problems},
            topics={"incident": [self.incidents[0::2], self.incidents[1::2]], "problem": [list(self.problems)]},
            records={
                "incident": {"incident": {first: {"version": 2}, second: {"version": 2}}},
                "problem": {"problem": {problem: {"version": 3}}},
            },
            marks={"incident": {}, "problem": {(TOPIC, first): 2, (TOPIC, second): 2}},
            follows={TOPIC: ("problem",)},
            handled={"problem": {FOLLOWS: frozenset({each.type for each in self.incidents})}},
            taken={"problem": [Taken(FOLLOWS, each.id, NOON + SECOND * n) for n, each in enumerate(self.incidents)]},
            kept={"problem": {KEPT: {(first,): {"closings": 1}, (second,): {"closings": 1}}}},
            rebuilt={"problem": {KEPT: {(first,): {"closings": 1}, (second,): {"closings": 1}}}},
            copies=[Copy("an incident at sla", {"state": "closed"}, {"state": "closed"})],
            chains={"incident": Chain(4, None), "problem": Chain(3, None)},
        )

    @property
    def first(self) -> UUID:
        return self.incidents[0].aggregate_id

    def command(self, service: str, message: Message, outcome: Outcome = "acknowledged") -> Command:
        expects = (message.type,)
        answer = {"id": str(message.aggregate_id), "version": message.sequence}
        return Command(message.correlation, service, "/", expects, outcome, answer=answer)

    def findings(self) -> Findings:
        folds = {"incident": {"incident": fold}, "problem": {"problem": fold}}
        return check(self.commands, self.evidence, [RECURRED], folds)

    def swap(self, messages: list[Message], one: int, other: int) -> None:
        messages[one], messages[other] = messages[other], messages[one]
