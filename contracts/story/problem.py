"""Problem management's part of the story: PRB-17 behind the failing orders, from the first incident to its proof."""

from typing import Any

from contracts import known_error, problem_review, problem_rules
from contracts import problem as it
from contracts.story.incident import DAY, INC_1007, INC_1019, INC_1042, PRB_17
from contracts.story.teller import Story, identity, instant
from contracts.trend import TrendDetected

# A message is a paragraph here, not a column.
# fmt: off

WISH = identity(instant("2026-03-03 09:15"), "change for PRB-17")
CHANGE = identity(instant("2026-03-03 11:00"), "CHG-17")
RULE: dict[str, Any] = {"rule": "standard", "rule_version": 1}
TITLE = "Order database runs out of connections"
WORKAROUND = "Restart the connection pool of orders-db-1; orders in doubt are listed by the order desk."


def policies(story: Story) -> None:
    rule = story.record(identity(instant("2026-01-02 10:05"), "rule standard"), "standard")
    known: dict[str, Any] = {**RULE, "effective_from": instant("2026-01-05 00:00")}
    rule.tell(
        problem_rules.ProblemPriorityRulePublished, "2026-01-02 10:05", "root", **known, up_to=[2, 4, 9, 18]
    )
    for name, event, said in (
        ("trends", problem_rules.TrendRulePublished,
         {"days": 28, "baseline_windows": 6, "threshold": 0.001, "minimum": 5,
          "dimensions": ["ci", "service", "category"], "opens": False}),
        ("reviews", problem_rules.ReviewRulePublished,
         {"priorities": [1], "reopened": 1, "recurrences": 10, "age_days": 180}),
        ("evaluation", problem_rules.EvaluationRulePublished,
         {"days": 28, "minimum_before": 2, "effective_up_to": 0.25, "ineffective_from": 0.75, "reopens": False}),
    ):
        document = story.record(identity(instant("2026-01-02 10:05"), f"rule {name}"), name)
        document.tell(event, "2026-01-02 10:05", "root", **known | {"rule": name}, **said)


def until_incident(story: Story) -> None:
    """What is known before INC-1042 comes in."""
    record = story.record(
        PRB_17, "PRB-17", state="new", opened_at=instant("2026-02-24 08:30"), priority=None,
        organisation=None, service="Order portal", ci=None, category=None, group=None, assignee=None, change=None,
    )
    record.tell(
        it.ProblemOpened, "2026-02-24 08:30", "alice", title="Orders get lost", source="incident",
        description="Restarting helped on 23 February, but nobody knows why it happened.", incidents=[INC_1007],
    )
    record.tell(
        it.ProblemClassified, "2026-02-24 08:41", "alice", ci="orders-db-1", category="Application",
        previous_service="Order portal",
    )
    record.tell(it.ProblemPrioritised, "2026-02-24 08:45", "alice", priority=2, frequency=2, impact=1, cost=2, **RULE)
    record.tell(
        it.ProblemAssigned, "2026-02-24 08:50", "alice", group="Application support", assignee="grace",
        reason="Knows the order database", reassignment=False,
    )
    record.tell(it.ProblemStarted, "2026-02-24 10:00", "grace", state="active")
    record.tell(
        it.ProblemIncidentLinked, "2026-02-25 10:12", "grace", incident=INC_1019, incident_number="INC-1019",
        incidents_count=2,
    )
    record.tell(
        it.ProblemIncidentUnlinked, "2026-02-25 15:40", "grace", incident=INC_1019, incident_number="INC-1019",
        incidents_count=1,
    )
    title = {"before": "Orders get lost", "after": TITLE}
    record.tell(it.ProblemEdited, "2026-02-26 09:00", "grace", changes={"title": title})
    known = record.tell(
        it.WorkaroundRecorded, "2026-02-26 09:05", "grace", title=TITLE, workaround=WORKAROUND, incidents=[INC_1007]
    )
    record.tell(
        it.ProblemStatusChanged, "2026-02-26 09:05", "grace", title=TITLE, workaround=WORKAROUND, incidents=[INC_1007],
        because=known,
    )
    until_retired = story.record(
        identity(instant("2026-02-26 09:20"), "KE-7"), "KE-7", state="published", problem=PRB_17,
        problem_number="PRB-17", title=TITLE, symptom="The order portal says: no connection within 30 seconds.",
        workaround=WORKAROUND, items=["orders-db-1"], service="Order portal", category="Application",
        valid_from=instant("2026-02-26 09:20"), valid_to=None, review_at=instant("2026-03-09 08:00"),
    )
    until_retired.tell(known_error.KnownErrorPublished, "2026-02-26 09:20", "grace")


def until_closed(story: Story) -> None:
    """INC-1042 is linked and closed; a change is asked for, and its effect is proved."""
    record = story.records["PRB-17"]
    record.tell(
        it.ProblemIncidentLinked, f"{DAY} 07:40", "frank", incident=INC_1042, incident_number="INC-1042",
        incidents_count=2, because=story.named("INC-1042", "incident.linked", f"{DAY} 07:40"),
    )
    record.tell(
        it.ProblemRecurred, f"{DAY} 13:30", "carol", incident=INC_1042, incident_number="INC-1042",
        closed_at=instant(f"{DAY} 13:30"), recurrences=1, because=story.named("INC-1042", "incident.closed"),
    )
    record.tell(
        it.ProblemCommented, "2026-03-03 08:40", "grace", internal=True,
        text="Reproduced: a statement that times out keeps its connection.",
    )
    record.tell(
        it.CauseIdentified, "2026-03-03 09:05", "grace", known=True, cause_code="Supplier's software", method="5-whys",
        cause="Driver does not give connections back after a timeout",
        evidence=["Reproduced with version 3.1 of the driver", "https://tracker.example.com/driver/issues/812"],
    )
    record.tell(
        it.ChangeRequested, "2026-03-03 09:15", "grace", request=WISH, title="Update the order database's driver",
        reason="The version in use does not give connections back after a timeout",
    )
    record.tell(
        it.ProblemWaiting, "2026-03-03 09:16", "grace", state="waiting", reason="change",
        note="Until the driver is updated",
    )
    record.tell(
        it.ChangeFollowed, "2026-03-03 11:00", "bob", change=CHANGE, change_number="CHG-17", change_state="requested"
    )
    known = story.records["KE-7"]
    known.tell(known_error.KnownErrorReviewOverdue, "2026-03-09 08:00", "steward")
    known.tell(
        known_error.KnownErrorRevised, "2026-03-09 08:40", "grace", items=["orders-db-1", "orders-db-2"],
        review_at=instant("2026-04-09 08:00"), fields=["items", "review_at"],
    )
    record.tell(
        it.ProblemResumed, "2026-03-10 06:30", "grace", state="active", waited_for="change", note="Change is done"
    )
    resolved: dict[str, Any] = {
        "resolution_code": "Changed",
        "note": "New driver in production since 10 March.",
        "cause": "Driver does not give connections back after a timeout",
    }
    record.tell(it.ProblemResolved, "2026-03-10 08:00", "grace", state="resolved", **resolved)
    record.tell(
        it.ProblemReopened, "2026-03-11 09:20", "grace", state="active", reopened_from="resolved",
        reason="orders-db-2 still has the old driver",
    )
    record.tell(it.ProblemResolved, "2026-03-11 14:00", "grace", state="resolved", **resolved)
    record.tell(
        problem_review.FixEvaluated, "2026-04-08 14:00", "steward", fixed_at=instant("2026-03-11 14:00"), days=28,
        before=2, after=0, verdict="effective", chance=0.25, rule="evaluation", rule_version=1,
    )
    record.tell(
        it.ProblemClosed, "2026-04-13 08:00", "grace", state="closed", closure_code="Proved",
        resolution_code="Changed", note="Four weeks without a new incident.", incidents=[INC_1007, INC_1042],
        resolved_at=instant("2026-03-11 14:00"), recurrences=1, verdict="effective", review=["reopened"],
    )
    story.records["KE-7"].tell(
        known_error.KnownErrorRetired, "2026-04-13 08:05", "grace", state="retired",
        valid_to=instant("2026-04-13 08:05"), reason="The driver is updated everywhere",
    )
    record.tell(
        problem_review.ProblemReviewCompleted, "2026-04-13 10:00", "grace", why="reopened",
        learned="A driver is used by more hosts than the one that fails.",
        missed_chances="The second database was on the list of hosts of the driver and nobody looked.",
        training="Application support looks for everything that depends on an item before a change is asked for.",
    )
    record.tell(
        problem_review.ImprovementProposed, "2026-04-13 10:20", "grace",
        proposal="Requests for change name all items that have the same part.",
        benefit="No fix in halves",
    )


def others(story: Story) -> None:
    """PRB-18 turns out to be none."""
    opened = instant("2026-04-14 09:00")
    trend = story.record(identity(instant("2026-04-14 00:00"), "trend of Order portal"), "service/Order portal")
    trend.tell(
        TrendDetected, "2026-04-14 00:00", "steward", dimension="service", value="Order portal", days=28,
        until=instant("2026-04-14 00:00"), count=9, expected=1.5, probability=2.7e-4, threshold=0.001, comparisons=41,
        rule="trends", rule_version=1, incidents=[INC_1042],
    )
    other = story.record(
        identity(opened, "PRB-18"), "PRB-18", state="new", opened_at=opened, service="Order portal"
    )
    other.tell(it.ProblemOpened, "2026-04-14 09:00", "alice", title="Portal is slow on Mondays", source="trend")
    other.tell(
        it.ProblemCancelled, "2026-04-14 11:30", "grace", state="cancelled",
        reason="Slow only in the weekly backup, which is agreed",
    )
