"""The checker of the kill tests finds what was tampered with, and nothing where nothing was."""

from collections.abc import Callable, Iterable, Mapping
from copy import deepcopy
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from contracts.envelope import Message
from tests.faults.checker import Copy, Effect, Evidence, Findings, check
from tests.faults.ledger import Command, Outcome

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
RECURRED = Effect("steward.incident.closed.v1", "problem", "steward.problem.recurred.v1", 1)
TOPIC = "steward.incident"


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
    return {"version": sum(1 for _ in messages)}


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
            rows={"incident": {first: {"version": 2}, second: {"version": 2}}, "problem": {problem: {"version": 3}}},
            marks={"problem": {(TOPIC, first): 2, (TOPIC, second): 2}},
            follows={TOPIC: ("problem",)},
        )

    def command(self, service: str, message: Message, outcome: Outcome = "acknowledged") -> Command:
        expects = (message.type,)
        answer = {"version": message.sequence}
        return Command(message.correlation, service, "/", expects, outcome, answer=answer)

    def findings(self) -> Findings:
        return check(self.commands, self.evidence, [RECURRED], {"incident": fold, "problem": fold})

    def swap(self, messages: list[Message], one: int, other: int) -> None:
        messages[one], messages[other] = messages[other], messages[one]


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert World().findings().all() == []


def test_an_unknown_command_may_be_done_or_not_done() -> None:
    world = World()
    world.commands[0].outcome = "unknown"
    world.commands.append(Command(uuid4(), "incident", "/", ("steward.incident.opened.v1",), "unknown"))
    assert world.findings().all() == []


def test_a_topic_that_got_a_batch_twice_is_in_order() -> None:
    world = World()
    partition = world.evidence.topics["problem"][0]
    partition += deepcopy(partition[1:])
    assert world.findings().all() == []


def lost_command(world: World) -> None:
    world.commands.append(Command(uuid4(), "incident", "/", ("steward.incident.opened.v1",), "acknowledged"))


def lost_half_of_a_command(world: World) -> None:
    world.commands[0].expects += ("steward.incident.assigned.v1",)


def lost_version(world: World) -> None:
    world.commands[0].answer = {"version": 7}


def lost_on_the_way_to_the_topic(world: World) -> None:
    del world.evidence.topics["problem"][0][-1]


def lost_before_the_inbox(world: World) -> None:
    world.evidence.marks["problem"][TOPIC, world.incidents[0].aggregate_id] = 1


def lost_effect(world: World) -> None:
    world.problems[2] = replace(world.problems[2], type="steward.problem.commented.v1")


def lost_events_of_a_row(world: World) -> None:
    world.evidence.rows["incident"][uuid4()] = {"version": 1}


def lost_in_the_parking(world: World) -> None:
    world.evidence.parked.append("sla: poison")


def lost_copy(world: World) -> None:
    world.evidence.copies.append(Copy("an incident at sla", None, {"state": "closed"}))


def copy_that_stayed_behind(world: World) -> None:
    world.evidence.copies.append(Copy("an incident at sla", {"state": "active"}, {"state": "closed"}))


def doubled_command(world: World) -> None:
    again = replace(world.incidents[-1], id=uuid4(), sequence=3, position=5)
    world.evidence.logs["incident"] = [*world.incidents, again]


def doubled_event(world: World) -> None:
    world.evidence.logs["incident"] = [*world.incidents, replace(world.incidents[-1], position=5)]


def doubled_effect(world: World) -> None:
    world.problems.append(replace(world.problems[-1], id=uuid4(), sequence=4, position=4))


def doubled_intake(world: World) -> None:
    world.evidence.marks["problem"][TOPIC, world.incidents[0].aggregate_id] = 3


def ghost_of_a_refused_command(world: World) -> None:
    world.commands[0].outcome = "refused"


def ghost_on_the_topic(world: World) -> None:
    world.evidence.topics["problem"][0].append(event("problem", "problem.recurred", uuid4(), 1, 9))


def ghost_of_no_cause(world: World) -> None:
    nothing = event("incident", "incident.closed", uuid4(), 1, 1)
    world.problems.append(event("problem", "problem.commented", world.problems[0].aggregate_id, 4, 4, nothing))


def inverted_log(world: World) -> None:
    world.swap(world.problems, 1, 2)


def inverted_positions(world: World) -> None:
    world.problems[2] = replace(world.problems[2], position=4)


def inverted_topic(world: World) -> None:
    world.swap(world.evidence.topics["problem"][0], 1, 2)


def inverted_sequence(world: World) -> None:
    world.swap(world.evidence.topics["incident"][0], 0, 1)


def altered_on_the_way(world: World) -> None:
    partition = world.evidence.topics["problem"][0]
    partition[0] = replace(partition[0], data='{"state": "new"}')


def unfolded_row(world: World) -> None:
    world.evidence.rows["problem"][world.problems[0].aggregate_id]["version"] = 2


KINDS: dict[str, tuple[Callable[[World], None], ...]] = {
    "lost": (
        lost_command, lost_half_of_a_command, lost_version, lost_on_the_way_to_the_topic, lost_before_the_inbox,
        lost_effect, lost_events_of_a_row, lost_in_the_parking,
        lost_copy, copy_that_stayed_behind,
    ),
    "doubled": (
        doubled_command, doubled_event, doubled_effect, doubled_intake, ghost_of_a_refused_command, ghost_on_the_topic,
        ghost_of_no_cause,
    ),
    "inverted": (inverted_log, inverted_positions, inverted_topic, inverted_sequence, altered_on_the_way),
    "unfolded": (unfolded_row,),
}  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "tamper"), [pytest.param(kind, each, id=each.__name__) for kind, all in KINDS.items() for each in all]
)
def test_what_was_tampered_with_is_found(kind: str, tamper: Callable[[World], None]) -> None:
    world = World()
    tamper(world)
    assert getattr(world.findings(), kind) != []
