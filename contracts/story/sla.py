"""Service level management's part of the story: the agreement with Northwind and the clock on INC-1042's resolution.

Opening hours are 08:00 to 17:00 in Berlin, so 07:00 to 16:00 UTC that day; priority 2 has four hours, priority 3 eight.
"""

from typing import Any

from contracts import sla as it
from contracts.story.incident import CLOCK, DAY, INC_1042
from contracts.story.teller import Story, identity, instant

# A message is a paragraph here, not a column.
# fmt: off

MINUTE = 60_000_000
CALENDAR: dict[str, Any] = {"calendar": "Berlin office hours", "calendar_version": 1}
AGREEMENT: dict[str, Any] = {"agreement": "Northwind order portal", "agreement_version": 1}


def policies(story: Story) -> None:
    signed, begins = "2025-12-15 09:00", instant("2025-12-31 23:00")
    office, short = [{"opens": "08:00", "closes": "17:00"}], [{"opens": "08:00", "closes": "12:00"}]
    calendar = story.record(identity(instant(signed), "calendar Berlin office hours"), "Berlin office hours")
    calendar.tell(
        it.CalendarVersioned, signed, "root", **CALENDAR, effective_from=begins, zone="Europe/Berlin", country="DE",
        weekly=dict.fromkeys(("mon", "tue", "wed", "thu", "fri"), office), subdivision="BE",
        holidays=["2026-12-24"], exceptions=[{"day": "2026-12-31", "spans": short}],
    )
    terms: dict[str, Any] = {
        "record_kind": "incident", "starts": "opened", "calendar": "Berlin office hours", "pauses": ["user"],
    }
    agreement = story.record(identity(instant(signed), "agreement Northwind order portal"), "Northwind order portal")
    agreement.tell(
        it.AgreementActivated, "2025-12-15 09:20", "root", **AGREEMENT, kind="sla", effective_from=begins,
        until=instant("2026-12-31 23:00"), parties=["northwind", "IT operations"], services=["Order portal"],
        targets=[
            {"target": "taken up", "measure": "respond", "stops": "taken_up", **terms, "limits": _limits(30)},
            {"target": "restored", "measure": "resolve", "stops": "resolved", **terms, "limits": _limits(120),
             "warnings": [0.5, 0.75, 0.9]},
        ],
    )


def _limits(first: int) -> dict[str, int]:
    """Priority 1 has `first` minutes, each further one twice as many."""
    return {str(priority): first * 2 ** (priority - 1) * MINUTE for priority in range(1, 6)}


def until_warning(story: Story) -> None:
    """The clock on the resolution of INC-1042: 38 minutes, a pause of 30, and half of the limit at 09:42."""
    clock = story.record(
        identity(instant(f"{DAY} 07:12"), f"clock {CLOCK}"), CLOCK, record=INC_1042, record_number="INC-1042",
        record_kind="incident", organisation="northwind", priority=3, service="Order portal", group="Service desk",
        assignee=None, **AGREEMENT, **CALENDAR, target="restored", measure="resolve", state="running",
        outcome="pending", started_at=instant(f"{DAY} 07:12"), limit_microseconds=480 * MINUTE,
        elapsed_microseconds=0, **_due("15:12"),
    )
    clock.tell(it.ClockStarted, f"{DAY} 07:12", "alice", because=story.named("INC-1042", "incident.opened"))
    clock.tell(
        it.ClockRetargeted, f"{DAY} 07:16", "alice", because=story.named("INC-1042", "incident.prioritised"),
        cause="priority", rule="carry", priority=2, limit_microseconds=240 * MINUTE,
        elapsed_microseconds=4 * MINUTE, **_due("11:12"), previous_priority=3,
        previous_agreement="Northwind order portal", previous_agreement_version=1,
        previous_calendar="Berlin office hours", previous_calendar_version=1,
        previous_limit_microseconds=480 * MINUTE, previous_due_at=instant(f"{DAY} 15:12"),
    )
    clock.tell(
        it.ClockPaused, f"{DAY} 07:50", "frank", because=story.named("INC-1042", "incident.waiting"), reason="user",
        group="Application support", assignee="frank", state="paused", elapsed_microseconds=38 * MINUTE, **_due(None),
    )
    clock.tell(
        it.ClockResumed, f"{DAY} 08:20", "carol", because=story.named("INC-1042", "incident.resumed"),
        state="running", paused_at=instant(f"{DAY} 07:50"), **_due("11:42"),
    )
    clock.tell(it.ClockWarned, f"{DAY} 09:42", "sla", fraction=0.5, elapsed_microseconds=120 * MINUTE)


def until_stopped(story: Story) -> None:
    """Missed at 11:42; stopped, reopened and stopped again, it stays missed."""
    clock = story.records[CLOCK]
    breached: dict[str, Any] = {"breached_at": instant(f"{DAY} 11:42")}
    clock.tell(
        it.ClockBreached, f"{DAY} 11:42", "sla", outcome="missed", elapsed_microseconds=240 * MINUTE, **breached
    )
    clock.tell(
        it.ClockStopped, f"{DAY} 12:30", "frank", state="stopped", elapsed_microseconds=288 * MINUTE, **breached,
        stopped_at=instant(f"{DAY} 12:30"), **_due(None),
        because=story.named("INC-1042", "incident.resolved", f"{DAY} 12:30"),
    )
    clock.tell(
        it.ClockReopened, f"{DAY} 12:45", "carol", because=story.named("INC-1042", "incident.reopened"),
        state="running", rule="continue", previous_outcome="missed", stopped_at=instant(f"{DAY} 12:30"),
        **_due("11:42"),
    )
    clock.tell(
        it.ClockStopped, f"{DAY} 13:10", "frank", because=story.named("INC-1042", "incident.resolved"),
        state="stopped", elapsed_microseconds=313 * MINUTE, **breached, stopped_at=instant(f"{DAY} 13:10"),
        **_due(None),
    )


def withdrawn(story: Story) -> None:
    """INC-1043 was cancelled, and so is its clock."""
    opened = story.named("INC-1043", "incident.opened")
    clock = story.record(
        identity(opened.occurred, "clock INC-1043/restored"), "INC-1043/restored", record=opened.aggregate_id,
        record_number="INC-1043", record_kind="incident", organisation="northwind", priority=4,
        service="Order portal", group="Service desk", **AGREEMENT, **CALENDAR, target="restored", measure="resolve",
        state="running", outcome="pending", started_at=opened.occurred, limit_microseconds=960 * MINUTE,
        elapsed_microseconds=0, due_at=instant("2026-03-04 12:02"), late_from=instant("2026-03-04 12:02"),
    )
    clock.tell(it.ClockStarted, f"{DAY} 14:02", "carol", because=opened)
    clock.tell(
        it.ClockCancelled, f"{DAY} 14:08", "carol", because=story.named("INC-1043", "incident.cancelled"),
        state="cancelled", reason="withdrawn", elapsed_microseconds=6 * MINUTE, **_due(None),
    )


def _due(time: str | None) -> dict[str, Any]:
    at = instant(f"{DAY} {time}") if time else None
    return {"due_at": at, "late_from": at}
