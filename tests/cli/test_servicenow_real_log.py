"""A year of a real service desk, planned and played through the lifecycle: each outcome it can be checked against."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from cli.servicenow.log import History, Log, Reject
from cli.servicenow.planner import Plan, Target, plan
from tests.cli.replay import Replayed, replay

FILE = Path(__file__).parents[3] / "shared" / "data" / "uci_incident_event_log.dev.csv.gz"
PRIORITY = 22
"""The column of the file, from 0."""
pytestmark = pytest.mark.skipif(not FILE.exists(), reason="the real log is not beside the project: ../shared/data")


@dataclass(frozen=True)
class Case:
    history: History
    plan: Plan
    replayed: Replayed
    last: dict[str, str]
    """The last row as the file has it, by column."""


@cache
def cases() -> tuple[Case, ...]:
    def read() -> Iterator[Case]:
        target = Target("northwind")
        with Log(FILE) as log:
            for history in log.histories():
                planned = plan(history, target)
                last = dict(zip(log.header, history.rows[-1].line.split(","), strict=True))
                yield Case(history, planned, replay(planned), last)

    return tuple(read())


def test_every_row_is_read_and_only_those_without_a_known_state_are_rejected() -> None:
    rejects: list[Reject] = [reject for case in cases() for reject in case.plan.rejects]
    assert sum(case.plan.rows for case in cases()) == 99_390
    assert len(cases()) == 17_460
    assert [reject.reason for reject in rejects] == ['incident_state "-100" is not a state of an incident'] * 5


@pytest.mark.capability("INC-8")
def test_every_incident_ends_closed_by_allowed_moves_only() -> None:
    assert {case.replayed.state for case in cases()} == {"closed"}


@pytest.mark.capability("INC-8")
def test_reopenings_equal_the_desks_own_count_for_every_incident() -> None:
    assert [c.plan.reference for c in cases() if c.replayed.reopened != int(c.last["reopen_count"])] == []
    assert sum(c.replayed.reopened > 0 for c in cases()) == sum(c.last["reopen_count"] != "0" for c in cases())


@pytest.mark.capability("INC-2")
def test_priority_by_the_matrix_equals_the_desks_own_on_every_row() -> None:
    wrong = []
    for case in cases():
        now = 0
        for row in case.history.rows:
            now = case.replayed.priorities.get(row.row, now)
            if now != int(row.line.split(",")[PRIORITY][0]):
                wrong.append(row.row)
    assert wrong == []


def test_group_changes_never_exceed_the_desks_own_count_and_equal_it_nearly_always() -> None:
    counts = [(c.replayed.regrouped, int(c.last["reassignment_count"])) for c in cases()]
    assert all(visible <= counted for visible, counted in counts)
    assert sum(visible == counted for visible, counted in counts) >= 0.99 * len(counts)
    assert sum(visible > 0 for visible, _ in counts) == 7_996


def test_group_and_person_at_the_end_are_those_of_the_last_row() -> None:
    for case in cases():
        names = ("assignment_group", "assigned_to")
        said = tuple(None if case.last[name] == "?" else case.last[name] for name in names)
        assert (case.replayed.group, case.replayed.assignee) == said


@pytest.mark.capability("SLM-5")
def test_met_and_missed_agree_with_the_desks_own_verdict_for_99_percent() -> None:
    agreeing = sum(c.replayed.met == (c.last["made_sla"] == "true") for c in cases())
    met = sum(c.replayed.met for c in cases())
    assert agreeing >= 0.99 * len(cases())
    assert abs(met - 10_949) <= 20


def test_only_the_last_resolution_carries_the_final_code() -> None:
    for case in cases():
        codes = [step["body"]["resolution_code"] for step in case.plan.steps if step["action"] == "resolve"]
        assert codes[:-1] == ["not recorded"] * len(codes[:-1])
