"""Service level management's part of the story: the agreement with Northwind, the clock on INC-1042's resolution, and
how March came out.

Opening hours are 08:00 to 17:00 in Berlin, so 07:00 to 16:00 UTC that day; priority 2 has four hours, priority 3 eight.
"""

from typing import Any
from uuid import UUID

from contracts import measurement, service_review
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


def looked_back(story: Story) -> None:
    """The catalogue, a shorter promise that the network team does not follow, March measured, and the review of it."""
    begins = instant("2026-03-31 22:00")
    entry = story.record(identity(instant("2026-03-16 08:00"), "service Order portal"), "sla/Service/Order portal")
    entry.tell(
        it.ServicePublished, "2026-03-16 08:00", "grace", service="Order portal", service_version=1,
        effective_from=begins, title="Order portal", state="live", owner="Mara", criticality=1,
        customers=["northwind"], hours="Berlin office hours", support_hours="Berlin office hours",
        description="Northwind's customers order here.",
    )
    chain = story.record(identity(instant("2026-03-16 08:10"), "chain restored"), "Northwind order portal/restored/1")
    chain.tell(
        it.ChainUnsupported, "2026-03-16 08:10", "sla", agreement="Northwind order portal", agreement_version=2,
        target="restored", measure="resolve", priority=1, limit_microseconds=90 * MINUTE,
        supports=[{"agreement": "Network team", "agreement_version": 1, "target": "line restored",
                   "calendar": "Berlin office hours", "limit_microseconds": 120 * MINUTE}],
        worst_microseconds=120 * MINUTE, begins_at=begins, from_at=begins,
    )
    review = story.record(
        identity(instant("2026-03-16 08:20"), "review REV-1001"), "REV-1001", state="planned", **AGREEMENT,
        organisation="northwind", due_on="2026-04-02",
    )
    review.tell(service_review.ServiceReviewPlanned, "2026-03-16 08:20", "sla")
    later = story.record(
        identity(instant("2026-03-16 08:20"), "review REV-1002"), "REV-1002", state="planned", **AGREEMENT,
        organisation="northwind", due_on="2026-05-29",
    )
    later.tell(service_review.ServiceReviewPlanned, "2026-03-16 08:20", "sla")
    later.tell(
        service_review.ServiceReviewCancelled, "2026-03-17 09:00", "sla", state="cancelled",
        reason="the agreement does not ask for it any more",
    )
    _measured(story)
    _reviewed(story, review.id)


def _measured(story: Story) -> None:
    march: dict[str, Any] = {
        **AGREEMENT, "organisation": "northwind", "level": "portal usable", "measure": "availability",
        "service": "Order portal", "period": "2026-03", "begins_at": instant("2026-02-28 23:00"),
        "ends_at": instant("2026-03-31 22:00"), "outcome": "missed", "at_least": 99.0,
        "value": 100 * (1 - 288 / 11_880), "agreed_microseconds": 11_880 * MINUTE, "lost_microseconds": 288 * MINUTE,
        "budget_microseconds": round((118.8 - 288) * MINUTE),
    }
    first = story.record(identity(march["ends_at"], "measurement MSR-1001"), "MSR-1001", **march)
    first.tell(measurement.MeasurementFinalised, "2026-03-31 22:00", "sla")
    # The line was back after 258 minutes; the desk had noted when the incident was resolved.
    second = story.record(
        identity(instant("2026-04-01 07:30"), "measurement MSR-1002"), "MSR-1002",
        **march | {"value": 100 * (1 - 258 / 11_880), "lost_microseconds": 258 * MINUTE,
                   "budget_microseconds": round((118.8 - 258) * MINUTE)},
    )
    first.tell(measurement.MeasurementReplaced, "2026-04-01 07:30", "sla", by=second.id)
    second.tell(
        measurement.MeasurementFinalised, "2026-04-01 07:30", "sla", replaces=first.id, replaces_number="MSR-1001"
    )


def _reviewed(story: Story, review: UUID) -> None:
    clock = story.records[CLOCK]
    action: dict[str, Any] = {
        "organisation": "northwind", "state": "open", "agreement": "Northwind order portal", "source": "review",
        "source_id": review, "source_number": "REV-1001", "owner": "grace", "due_on": "2026-04-09",
    }
    story.records["REV-1001"].tell(
        service_review.ServiceReviewHeld, "2026-04-02 12:00", "grace", state="held", held_on="2026-04-02",
        participants=["Carol", "Grace"], notes="March was missed by one failure.",
    )
    rota = story.record(
        identity(instant("2026-04-02 12:00"), "action ACT-1001"), "ACT-1001", **action, title="A rota for lunch"
    )
    rota.tell(service_review.AgreedActionRaised, "2026-04-02 12:00", "grace")
    alarm = story.record(
        identity(instant("2026-04-02 12:00"), "action ACT-1002"), "ACT-1002", **action, title="An alarm at 80 %"
    )
    alarm.tell(service_review.AgreedActionRaised, "2026-04-02 12:00", "grace")
    said = story.record(identity(instant("2026-04-02 12:10"), f"explanation {CLOCK}"), "EXP-1001",
                        organisation="northwind")
    said.tell(
        service_review.BreachExplained, "2026-04-02 12:10", "grace", of="clock", missed=clock.id, missed_number=CLOCK,
        agreement="Northwind order portal", target="restored", service="Order portal",
        cause="Nobody who knows the pool was there at lunch", corrective_action="A rota for lunch", action=rota.id,
    )
    rota.tell(service_review.AgreedActionOverdue, "2026-04-10 00:00", "sla")
    rota.tell(
        service_review.AgreedActionRevised, "2026-04-10 08:00", "grace", previous_owner="grace",
        previous_due_on="2026-04-09", owner="alice", due_on="2026-04-17", reason="Alice makes the rotas",
    )
    rota.tell(service_review.AgreedActionCompleted, "2026-04-15 08:00", "alice", state="done", result="It hangs there")
    alarm.tell(
        service_review.AgreedActionDropped, "2026-04-15 08:05", "grace", state="dropped", reason="The change made it so"
    )


def _due(time: str | None) -> dict[str, Any]:
    at = instant(f"{DAY} {time}") if time else None
    return {"due_at": at, "late_from": at}
