"""The incident desk's part of the story: INC-1042 from the first call to the user's confirmation, and three others."""

from typing import Any

from contracts import incident as it
from contracts.story.teller import Record, Story, identity, instant

# A message is a paragraph here, not a column.
# fmt: off

DAY = "2026-03-02"
INC_1007 = identity(instant("2026-02-23 13:05"), "INC-1007")
INC_1019 = identity(instant("2026-02-25 09:41"), "INC-1019")
INC_1040 = identity(instant("2026-03-02 06:55"), "INC-1040")
INC_1042 = identity(instant("2026-03-02 07:12"), "INC-1042")
PRB_17 = identity(instant("2026-02-24 08:30"), "PRB-17")
CLOCK = "INC-1042/restored"
MATRIX: dict[str, Any] = {"matrix": "standard", "matrix_version": 1}


def policies(story: Story) -> None:
    matrix = story.record(identity(instant("2026-01-02 10:00"), "matrix standard"), "standard")
    priorities = {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 3, (3, 1): 3, (1, 3): 3, (2, 3): 4, (3, 2): 4, (3, 3): 5}
    matrix.tell(
        it.PriorityMatrixPublished, "2026-01-02 10:00", "root", **MATRIX, effective_from=instant("2026-01-05 00:00"),
        cells=[
            {"impact": impact, "urgency": urgency, "priority": priority}
            for (impact, urgency), priority in sorted(priorities.items())
        ],
    )


def until_warning(story: Story) -> None:
    """INC-1042, from the call to the end of its waiting for the user."""
    record = story.record(
        INC_1042, "INC-1042", kind="incident", organisation="northwind", state="new", priority=3,
        opened_at=instant(f"{DAY} 07:12"), service="Order portal", ci=None, category=None, group="Service desk",
        assignee=None,
    )
    record.tell(
        it.IncidentOpened, f"{DAY} 07:12", "alice", title="Orders cannot be submitted", impact=2, urgency=2, **MATRIX,
        description="Since about seven the portal answers 'try again later' when an order is sent.", channel="phone",
        caller="carol", occurred_at=instant(f"{DAY} 07:00"), detected_at=instant(f"{DAY} 07:09"),
        recorded_at=instant(f"{DAY} 07:12"), symptom="Error message",
    )
    record.tell(
        it.IncidentClassified, f"{DAY} 07:14", "alice", ci="orders-db-1", category="Application",
        subcategory="Order entry", symptom="Error message", previous_service="Order portal",
    )
    record.tell(
        it.IncidentPrioritised, f"{DAY} 07:16", "alice", priority=2, impact=1, urgency=2, previous_priority=3,
        reason="All buyers of Northwind are affected, not one department", **MATRIX,
    )
    record.tell(
        it.IncidentAssigned, f"{DAY} 07:17", "alice", group="Application support", assignee="frank",
        previous_group="Service desk", reason="Needs access to the order database", reassignment=True,
    )
    record.tell(it.IncidentStarted, f"{DAY} 07:25", "frank", state="active")
    record.tell(
        it.IncidentCommented, f"{DAY} 07:31", "frank", internal=True,
        text="The connection pool of orders-db-1 is used up, as on 23 February.",
    )
    record.tell(it.IncidentLinked, f"{DAY} 07:40", "frank", relation="problem", target=PRB_17, target_number="PRB-17")
    record.tell(
        it.IncidentWaiting, f"{DAY} 07:50", "frank", state="waiting", reason="user",
        note="Which of the orders sent since seven are in doubt?",
    )
    record.tell(
        it.IncidentResumed, f"{DAY} 08:20", "carol", state="active", waited_for="user", note="List of 14 orders sent."
    )


def until_closed(story: Story) -> None:
    """INC-1042 from the first warning on. Its deadline is 11:42, so the resolution at 12:30 is late."""
    record = story.records["INC-1042"]
    record.tell(
        it.IncidentEscalated, f"{DAY} 09:42:01", "incident", to="hierarchic", target="Duty manager", by="clock",
        reason="Half of the time agreed for resolution is used up", because=story.named(CLOCK, "clock.warned"),
    )
    record.tell(
        it.EscalationAcknowledged, f"{DAY} 09:50", "erin", to="hierarchic", target="Duty manager",
        escalated_at=instant(f"{DAY} 09:42:01"),
    )
    title = {"before": "Orders cannot be submitted", "after": "Order portal: orders cannot be submitted"}
    record.tell(it.IncidentEdited, f"{DAY} 09:55", "alice", changes={"title": title})
    record.tell(
        it.IncidentLinked, f"{DAY} 10:05", "alice", relation="parent", target=INC_1040, target_number="INC-1040"
    )
    record.tell(it.IncidentUnlinked, f"{DAY} 10:06", "alice", relation="parent", target=INC_1040)
    record.tell(
        it.IncidentResolved, f"{DAY} 12:30", "frank", state="resolved", resolution_code="Workaround applied",
        note="Pool restarted; orders go through.", cause="Connections are not given back after a timeout",
        close_due_at=instant("2026-03-07 12:30"),
    )
    record.tell(
        it.IncidentReopened, f"{DAY} 12:45", "carol", state="active", reason="Two of the 14 orders are still missing",
        reopened_from="resolved", reopen_count=1,
    )
    record.tell(
        it.IncidentResolved, f"{DAY} 13:10", "frank", state="resolved", resolution_code="Data corrected",
        note="Both orders entered by hand, confirmed by order desk.",
        cause="Connections are not given back after a timeout", close_due_at=instant("2026-03-07 13:10"),
    )
    record.tell(it.IncidentConfirmed, f"{DAY} 13:30", "carol", state="closed")
    record.tell(
        it.IncidentClosed, f"{DAY} 13:30", "carol", confirmed_by="user", closure_code="Solved",
        resolution_code="Data corrected", resolved_at=instant(f"{DAY} 13:10"), problem=PRB_17, reopen_count=1,
        reassignment_count=1,
    )


def others(story: Story) -> None:
    """INC-1043 is withdrawn; INC-1044 is the past of another desk, played in; silence is declared."""
    _opened(story, "INC-1043", f"{DAY} 14:02", "Order history is empty").tell(
        it.IncidentCancelled, f"{DAY} 14:08", "carol", state="cancelled", reason="A filter was set; nothing is wrong"
    )
    past = _opened(story, "INC-1044", "2016-02-29 01:16", "Report is late", recorded=f"{DAY} 15:00")
    past.tell(it.IncidentStarted, "2016-02-29 01:23", "Sys 12", state="active", recorded=f"{DAY} 15:00")
    past.tell(it.IncidentHistoryCompleted, f"{DAY} 15:10", "root", origin="servicenow", reference="INC0000045")
    story.record(identity(instant("2026-03-02 16:00"), "closure standard"), "incident/ClosurePolicy/standard").tell(
        it.ClosurePolicyPublished, "2026-03-02 16:00", "root", policy="standard", policy_version=1,
        effective_from=instant("2026-03-09 00:00"), silence_days=5,
    )


def _opened(story: Story, number: str, at: str, title: str, recorded: str | None = None) -> Record:
    record = story.record(
        identity(instant(recorded or at), number), number, kind="incident", organisation="northwind",
        state="new", priority=4, opened_at=instant(at), service="Order portal", group="Service desk",
    )
    origin: dict[str, Any] = {"origin": "servicenow", "reference": "INC0000045"} if recorded else {}
    record.tell(
        it.IncidentOpened, at, "carol", title=title, impact=3, urgency=2, **MATRIX, channel="portal", caller="carol",
        recorded_at=instant(recorded or at), recorded=recorded, **origin,
    )
    return record
