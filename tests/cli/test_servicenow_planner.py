"""What each kind of row becomes, on logs of a few lines."""

from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from cli.servicenow.planner import Target
from tests.cli.logs import line, planned, steps, verbs


@pytest.mark.capability("INC-1")
def test_the_first_row_opens_the_record_when_it_was_opened_by_whom_it_was_opened(tmp_path: Path) -> None:
    (opening,) = steps(tmp_path, line(category="Category 55", u_symptom="Symptom 72", caller_id="Caller 2403"))
    assert opening == {
        "row": 1,
        "at": "2016-02-29T01:16:00Z",
        "actor": "Opened by  8",
        "action": "open",
        "body": {
            "title": "Category 55, Symptom 72",
            "description": "Imported from ServiceNow INC0000045",
            "kind": "incident",
            "impact": 2,
            "urgency": 2,
            "organisation": "northwind",
            "service": "mail",
            "category": "Category 55",
            "symptom": "Symptom 72",
            "caller": "Caller 2403",
            "group": "Group 56",
            "occurred_at": "2016-02-29T01:16:00Z",
            "detected_at": "2016-02-29T01:16:00Z",
        },
    }


@pytest.mark.parametrize(
    ("state", "then"),
    [
        ("New", []),
        ("Active", ["start"]),
        ("Awaiting Vendor", ["wait"]),
        ("Resolved", ["resolve"]),
        ("Closed", ["close"]),
        ("Canceled", ["cancel"]),
    ],
)
def test_a_first_row_beyond_new_opens_and_moves_on_at_its_own_time(tmp_path: Path, state: str, then: list[str]) -> None:
    opening, *rest = steps(tmp_path, line(state=state))
    assert (opening["action"], [step["action"] for step in rest]) == ("open", then)
    assert all(step["at"] == "2016-02-29T01:23:00Z" and step["row"] == 1 for step in rest)


@pytest.mark.parametrize(
    ("before", "after", "then"),
    [
        ("New", "Active", ["start"]),
        ("New", "Awaiting User Info", ["wait"]),
        ("New", "Resolved", ["resolve"]),
        ("New", "Closed", ["close"]),
        ("Active", "Awaiting Evidence", ["wait"]),
        ("Active", "Resolved", ["resolve"]),
        ("Active", "Closed", ["close"]),
        ("Awaiting Problem", "Active", ["resume"]),
        ("Awaiting Problem", "Awaiting Vendor", ["wait"]),
        ("Awaiting Vendor", "Resolved", ["resolve"]),
        ("Awaiting Vendor", "Closed", ["close"]),
        ("Resolved", "Closed", ["close"]),
        ("Resolved", "Active", ["reopen"]),
        ("Resolved", "Awaiting User Info", ["reopen", "wait"]),
        ("Closed", "Active", ["reopen"]),
        ("Closed", "Resolved", ["reopen", "resolve"]),
        ("Closed", "Closed", []),
    ],
)
@pytest.mark.capability("INC-8")
def test_every_move_of_a_log_has_its_verbs(tmp_path: Path, before: str, after: str, then: list[str]) -> None:
    found = verbs(tmp_path, line(state=before), line(state=after, at="1/3/2016 10:00"))
    assert [action for row, action in found if row == 2] == then


def test_a_reopened_record_is_changed_while_open_and_moved_last(tmp_path: Path) -> None:
    found = verbs(
        tmp_path,
        line(state="Resolved"),
        line(state="Awaiting User Info", at="1/3/2016 10:00", assignment_group="Group 1", impact="1 - High"),
        line(state="Resolved", at="2/3/2016 10:00", assignment_group="Group 2", u_symptom="Symptom 1"),
    )
    assert found[2:] == [
        (2, "reopen"),
        (2, "prioritise"),
        (2, "assign"),
        (2, "wait"),
        (3, "prioritise"),
        (3, "classify"),
        (3, "assign"),
        (3, "resolve"),
    ]


def test_a_waiting_record_says_what_it_waits_for(tmp_path: Path) -> None:
    states = ("Awaiting User Info", "Awaiting Vendor", "Awaiting Problem", "Awaiting Evidence")
    found = steps(tmp_path, line(), *(line(state=state) for state in states))
    assert [step["body"]["reason"] for step in found[1:]] == ["user", "vendor", "problem", "evidence"]


def test_assigning_names_both_group_and_person_and_null_is_nobody(tmp_path: Path) -> None:
    found = steps(tmp_path, line(assigned_to="Resolver 13"), line(assigned_to="Resolver 13", assignment_group="?"))
    assert found[1]["body"] == {"group": None, "assignee": "Resolver 13"}


def test_final_values_are_not_read_before_they_are_final(tmp_path: Path) -> None:
    found = steps(
        tmp_path,
        line(),
        line(state="Resolved", at="1/3/2016 10:00"),
        line(state="Active", at="2/3/2016 10:00"),
        line(state="Resolved", at="3/3/2016 10:00"),
        line(state="Closed", at="8/3/2016 10:00"),
    )
    said = [(step["at"], step["body"]) for step in found if step["action"] in ("resolve", "close")]
    assert said == [
        ("2016-03-01T10:00:00Z", {"resolution_code": "not recorded"}),
        ("2016-03-03T10:00:00Z", {"resolution_code": "code 5"}),
        ("2016-03-08T10:00:00Z", {"closure_code": "code 5"}),
    ]


def test_a_row_in_which_nothing_changed_counts_and_leaves_nothing(tmp_path: Path) -> None:
    (plan,) = planned(tmp_path, line(), line(at="1/3/2016 10:00", made_sla="false", sys_updated_by="Updated by 9"))
    assert (plan.rows, len(plan.steps), plan.rejects) == (2, 1, [])


def test_what_has_no_field_here_is_the_note_of_a_move_or_else_an_internal_comment(tmp_path: Path) -> None:
    found = steps(
        tmp_path,
        line(),
        line(location="Location 1", u_priority_confirmation="true"),
        line(state="Resolved", location="Location 1", u_priority_confirmation="true", vendor="Vendor 1"),
    )
    assert found[1]["action"] == "comment"
    assert found[1]["body"] == {"text": "location: Location 1; priority confirmed: true", "internal": True}
    assert found[2]["body"]["note"] == "vendor: Vendor 1"


def test_a_problem_is_linked_when_it_is_named_and_its_loss_is_remarked(tmp_path: Path) -> None:
    found = steps(tmp_path, line(), line(problem_id="Problem ID  2"), line())
    assert [(step["action"], step["body"]) for step in found[1:]] == [
        ("link", {"problem": "Problem ID  2"}),
        ("comment", {"text": "problem: none any more", "internal": True}),
    ]


def test_a_row_before_the_one_above_it_keeps_its_own_time(tmp_path: Path) -> None:
    found = steps(
        tmp_path, line(), line(state="Active", at="2/3/2016 10:00"), line(state="Resolved", at="1/3/2016 9:00")
    )
    assert [step["at"] for step in found[1:]] == ["2016-03-02T10:00:00Z", "2016-03-01T09:00:00Z"]


def test_dates_are_read_in_the_zone_of_the_log(tmp_path: Path) -> None:
    target = Target("northwind", zone=ZoneInfo("America/Sao_Paulo"))
    (plan,) = planned(tmp_path, line(opened_at="1/7/2016 00:30"), target=target)
    assert plan.steps[0]["at"] == "2016-07-01T03:30:00Z"


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        ({"state": "-100"}, 'incident_state "-100" is not a state of an incident'),
        ({"at": "31/2/2016 10:00"}, 'sys_updated_at "31/2/2016 10:00" is not a date (D/M/YYYY HH:MM)'),
        ({"at": "?"}, 'sys_updated_at "?" is not a date (D/M/YYYY HH:MM)'),
        ({"impact": "9 - Odd"}, 'impact "9 - Odd" is not 1, 2 or 3'),
        ({"state": "New"}, "the incident goes back from active to new, and no move leads there"),
    ],
)
def test_a_bad_row_is_rejected_and_the_next_is_compared_with_the_last_good_one(
    tmp_path: Path, damage: dict[str, str], reason: str
) -> None:
    bad = line(**{"state": "Active", "assignment_group": "Group 9"} | damage)
    (plan,) = planned(tmp_path, line(state="Active"), bad, line(state="Resolved", assignment_group="Group 9"))
    assert [(reject.row, reject.reference, reject.reason, reject.line) for reject in plan.rejects] == [
        (2, "INC0000045", reason, bad)
    ]
    assert [(step["row"], step["action"]) for step in plan.steps[2:]] == [(3, "assign"), (3, "resolve")]


def test_after_a_bad_first_row_the_second_one_opens_the_record(tmp_path: Path) -> None:
    assert verbs(tmp_path, line(opened_at="soon"), line(state="Active")) == [(2, "open"), (2, "start")]


def test_nothing_leads_out_of_cancelled(tmp_path: Path) -> None:
    (plan,) = planned(tmp_path, line(state="Canceled"), line(state="Active"))
    assert [reject.row for reject in plan.rejects] == [2]
