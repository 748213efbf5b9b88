"""Problem management's part of the story: PRB-17 behind the failing orders, from the first incident to its proof."""

from typing import Any

from contracts import problem as it
from contracts.story.incident import DAY, INC_1007, INC_1019, INC_1042, PRB_17
from contracts.story.teller import Story, identity, instant

# A message is a paragraph here, not a column.
# fmt: off

CHANGE = identity(instant("2026-03-03 09:15"), "change for PRB-17")
RULE: dict[str, Any] = {"rule": "standard", "rule_version": 1}
TITLE = "Order database runs out of connections"
WORKAROUND = "Restart the connection pool of orders-db-1; orders in doubt are listed by the order desk."


def policies(story: Story) -> None:
    rule = story.record(identity(instant("2026-01-02 10:05"), "rule standard"), "standard")
    rule.tell(
        it.ProblemPriorityRulePublished, "2026-01-02 10:05", "root", **RULE, effective_from=instant("2026-01-05 00:00"),
        up_to=[2, 4, 9, 18],
    )


def until_incident(story: Story) -> None:
    """What is known before INC-1042 comes in."""
    record = story.record(
        PRB_17, "PRB-17", state="new", opened_at=instant("2026-02-24 08:30"), priority=None,
        organisation=None, service="Order portal", ci=None, category=None, group=None, assignee=None,
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
        it.ChangeRequested, "2026-03-03 09:15", "grace", request=CHANGE, title="Update the order database's driver",
        reason="The version in use does not give connections back after a timeout",
    )
    record.tell(
        it.ProblemWaiting, "2026-03-03 09:16", "grace", state="waiting", reason="change", change=CHANGE,
        note="Until the driver is updated",
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
        it.ProblemClosed, "2026-04-13 08:00", "grace", state="closed", closure_code="Proved",
        resolution_code="Changed", note="Four weeks without a new incident.", incidents=[INC_1007, INC_1042],
        resolved_at=instant("2026-03-11 14:00"), recurrences=1,
    )


def others(story: Story) -> None:
    """PRB-18 turns out to be none."""
    opened = instant("2026-04-14 09:00")
    other = story.record(
        identity(opened, "PRB-18"), "PRB-18", state="new", opened_at=opened, service="Order portal"
    )
    other.tell(it.ProblemOpened, "2026-04-14 09:00", "alice", title="Portal is slow on Mondays", source="trend")
    other.tell(
        it.ProblemCancelled, "2026-04-14 11:30", "grace", state="cancelled",
        reason="Slow only in the weekly backup, which is agreed",
    )
