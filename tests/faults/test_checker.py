"""The checker of the kill tests finds what was tampered with, and nothing where nothing was."""

from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from uuid import uuid4

import pytest

from tests.faults.checker.findings import Chain, Copy, Kind, Taken
from tests.faults.ledger import Command
from tests.faults.world import FOLLOWS, KEPT, NOON, SECOND, TOPIC, World, event


def test_nothing_is_found_where_nothing_is_wrong() -> None:
    assert World().findings().all == []


def test_an_unknown_command_may_be_done_or_not_done() -> None:
    world = World()
    world.commands[0].outcome = "unknown"
    world.commands.append(Command(uuid4(), "incident", "/", ("steward.incident.opened.v1",), "unknown"))
    assert world.findings().all == []


def test_a_topic_that_got_a_batch_twice_is_in_order() -> None:
    world = World()
    partition = world.evidence.topics["problem"][0]
    partition += deepcopy(partition[1:])
    assert world.findings().all == []


def lost_command(world: World) -> None:
    world.commands.append(Command(uuid4(), "incident", "/", ("steward.incident.opened.v1",), "acknowledged"))


def lost_half_of_a_command(world: World) -> None:
    world.commands[0].expects += ("steward.incident.assigned.v1",)


def lost_version(world: World) -> None:
    world.commands[0].answer = {**world.commands[0].answer, "version": 7}


def lost_on_the_way_to_the_topic(world: World) -> None:
    del world.evidence.topics["problem"][0][-1]


def lost_before_the_inbox(world: World) -> None:
    world.evidence.marks["problem"][TOPIC, world.incidents[0].aggregate_id] = 1


def lost_effect(world: World) -> None:
    world.problems[2] = replace(world.problems[2], type="steward.problem.commented.v1")


def row_without_events(world: World) -> None:
    world.evidence.records["incident"]["incident"][uuid4()] = {"version": 1}


def lost_row(world: World) -> None:
    del world.evidence.records["incident"]["incident"][world.first]


def lost_before_a_handler(world: World) -> None:
    del world.evidence.taken["problem"][-1]


def lost_in_a_projection(world: World) -> None:
    del world.evidence.kept["problem"][KEPT][world.first,]


def projection_that_counts_otherwise(world: World) -> None:
    world.evidence.kept["problem"][KEPT][world.first,] = {"closings": 2}


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


def doubled_handling(world: World) -> None:
    world.evidence.taken["problem"].append(world.evidence.taken["problem"][0])


def doubled_answer(world: World) -> None:
    world.commands[0].changed = "201 another incident"


def ghost_in_the_inbox(world: World) -> None:
    world.evidence.taken["problem"].append(Taken(FOLLOWS, uuid4(), NOON))


def ghost_in_the_marks(world: World) -> None:
    world.evidence.marks["problem"][TOPIC, uuid4()] = 1


def ghost_in_a_projection(world: World) -> None:
    world.evidence.kept["problem"][KEPT][uuid4(),] = {"closings": 1}


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


def inverted_handling(world: World) -> None:
    inbox = world.evidence.taken["problem"]
    inbox[2] = replace(inbox[2], at=NOON - SECOND)


def unfolded_row(world: World) -> None:
    world.evidence.records["problem"]["problem"][world.problems[0].aggregate_id] = {"version": 3, "closings": 1}


def clock_that_does_not_verify(world: World) -> None:
    world.evidence.different.append("sla: elapsed")


def write_that_was_not_told(world: World) -> None:
    world.evidence.records["incident"]["incident"][world.first] = {"version": 3}


def broken_chain(world: World) -> None:
    world.evidence.chains["incident"] = Chain(2, 3)


def chain_that_was_cut_off(world: World) -> None:
    world.evidence.chains["incident"] = Chain(3, None)


def service_that_stays_away(world: World) -> None:
    world.evidence.late.append("sla is not ready")


TAMPERED: tuple[tuple[Kind, str, Callable[[World], None]], ...] = (
    ("lost", "I1", lost_command),
    ("lost", "I1", lost_half_of_a_command),
    ("lost", "I1", lost_version),
    ("doubled", "I1", doubled_command),
    ("doubled", "I1", doubled_answer),
    ("doubled", "I1", ghost_of_a_refused_command),
    ("lost", "I2", lost_on_the_way_to_the_topic),
    ("lost", "I2", lost_before_the_inbox),
    ("lost", "I2", lost_before_a_handler),
    ("lost", "I2", lost_effect),
    ("lost", "I2", lost_in_the_parking),
    ("lost", "I2", lost_in_a_projection),
    ("lost", "I2", projection_that_counts_otherwise),
    ("lost", "I2", lost_copy),
    ("lost", "I2", copy_that_stayed_behind),
    ("doubled", "I2", doubled_event),
    ("doubled", "I2", doubled_effect),
    ("doubled", "I2", doubled_intake),
    ("doubled", "I2", doubled_handling),
    ("doubled", "I3", ghost_on_the_topic),
    ("doubled", "I3", ghost_of_no_cause),
    ("doubled", "I3", ghost_in_the_inbox),
    ("doubled", "I3", ghost_in_the_marks),
    ("doubled", "I3", ghost_in_a_projection),
    ("doubled", "I3", row_without_events),
    ("inverted", "I4", inverted_log),
    ("inverted", "I4", inverted_positions),
    ("inverted", "I4", inverted_topic),
    ("inverted", "I4", inverted_sequence),
    ("inverted", "I4", inverted_handling),
    ("inverted", "I4", altered_on_the_way),
    ("lost", "I5", lost_row),
    ("amiss", "I5", unfolded_row),
    ("amiss", "I6", clock_that_does_not_verify),
    ("amiss", "I7", write_that_was_not_told),
    ("amiss", "I7", broken_chain),
    ("amiss", "I7", chain_that_was_cut_off),
    ("amiss", "I8", service_that_stays_away),
)


@pytest.mark.parametrize(
    ("kind", "invariant", "tamper"),
    [pytest.param(*each, id=f"{each[1]}-{each[2].__name__}") for each in TAMPERED],
)
def test_what_was_tampered_with_is_found(kind: Kind, invariant: str, tamper: Callable[[World], None]) -> None:
    world = World()
    tamper(world)
    found = world.findings()
    assert (kind, invariant) in {(each.kind, each.invariant) for each in found.all}, found.all


def test_each_invariant_has_been_broken_once() -> None:
    assert {invariant for _, invariant, _ in TAMPERED} == {f"I{number}" for number in range(1, 9)}
