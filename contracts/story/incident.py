"""The incident desk's part of the story: INC-1042 from the first call to the user's confirmation, and three others."""

from typing import Any

from contracts import incident as it
from contracts import incident_rules as rules
from contracts import major_incident as major
from contracts.envelope import Event
from contracts.incident_care import CustomerInformed, EffortLogged, OutageRecorded, SlaChanged, UpdateMissed
from contracts.incident_causes import ChangeConfirmed, ChangeDismissed, ChangeSuspected, WorkaroundApplied
from contracts.incident_rules import ClosurePolicyPublished, PriorityMatrixPublished
from contracts.story.teller import Record, Story, identity, instant

# A message is a paragraph here, not a column.
# fmt: off

DAY = "2026-03-02"
INC_1007 = identity(instant("2026-02-23 13:05"), "INC-1007")
INC_1019 = identity(instant("2026-02-25 09:41"), "INC-1019")
INC_1040 = identity(instant("2026-03-02 06:55"), "INC-1040")
INC_1042 = identity(instant("2026-03-02 07:12"), "INC-1042")
PRB_17 = identity(instant("2026-02-24 08:30"), "PRB-17")
INC_1051 = identity(instant("2026-03-03 08:31"), "INC-1051")
MAJ_7 = identity(instant("2026-03-03 08:40"), "MAJ-7")
CHG_29 = identity(instant("2026-02-27 10:00"), "CHG-29")
CHG_31 = identity(instant("2026-02-27 11:00"), "CHG-31")
KE_7 = identity(instant("2026-02-27 09:00"), "KE-7")
OUTAGE = identity(instant("2026-03-02 10:08"), "outage of INC-1042")
CLOCK = "INC-1042/restored"
MATRIX: dict[str, Any] = {"matrix": "standard", "matrix_version": 1}


def policies(story: Story) -> None:
    matrix = story.record(identity(instant("2026-01-02 10:00"), "matrix standard"), "standard")
    priorities = {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 3, (3, 1): 3, (1, 3): 3, (2, 3): 4, (3, 2): 4, (3, 3): 5}
    matrix.tell(
        PriorityMatrixPublished, "2026-01-02 10:00", "root", **MATRIX, effective_from=instant("2026-01-05 00:00"),
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
        SlaChanged, f"{DAY} 09:42:01", "sla", danger="at_risk", target="restored", due_at=instant(f"{DAY} 11:42"),
        next_update_due=instant(f"{DAY} 09:57:01"), because=story.named(CLOCK, "clock.warned"),
    )
    record.tell(
        it.IncidentEscalated, f"{DAY} 09:42:01", "incident", to="hierarchic", target="Duty manager", by="clock",
        reason="Half of the time agreed for resolution is used up", because=story.named(CLOCK, "clock.warned"),
    )
    record.tell(
        CustomerInformed, f"{DAY} 09:45", "alice", warning=True, next_update_due=instant(f"{DAY} 10:45"),
        text="We are working on it, but may not be done by 11:42. Orders sent meanwhile are kept on our side.",
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
        OutageRecorded, f"{DAY} 10:08", "frank", outage=OUTAGE, affected_service="Order portal",
        affected_ci="orders-db-1", began_at=instant(f"{DAY} 06:58"),
    )
    record.tell(
        ChangeSuspected, f"{DAY} 10:12", "steward", change=CHG_31, change_number="CHG-31", by="proposal",
        path=["db-cluster-1", "orders-db-1"], minutes_after=95,
    )
    record.tell(
        ChangeDismissed, f"{DAY} 10:20", "frank", change=CHG_31, change_number="CHG-31",
        reason="It altered backups only; the pool was full on 23 February too.",
    )
    record.tell(UpdateMissed, f"{DAY} 10:45", "steward", due=instant(f"{DAY} 10:45"))
    record.tell(
        WorkaroundApplied, f"{DAY} 12:20", "frank", known_error=KE_7, known_error_number="KE-7", helped=True,
        note="Pool restarted as described.",
    )
    record.tell(
        OutageRecorded, f"{DAY} 12:25", "frank", outage=OUTAGE, affected_service="Order portal",
        affected_ci="orders-db-1", began_at=instant(f"{DAY} 06:58"), ended_at=instant(f"{DAY} 12:24"),
    )
    record.tell(EffortLogged, f"{DAY} 12:28", "frank", person="frank", minutes=280, total_minutes=280)
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
        cause="Connections are not given back after a timeout", cause_code="software",
        close_due_at=instant("2026-03-07 13:10"),
    )
    record.tell(it.IncidentConfirmed, f"{DAY} 13:30", "carol", state="closed")
    record.tell(
        it.IncidentClosed, f"{DAY} 13:30", "carol", confirmed_by="user", closure_code="Solved",
        resolution_code="Data corrected", resolved_at=instant(f"{DAY} 13:10"), problem=PRB_17, reopen_count=1,
        reassignment_count=1, cause_code="software", effort_minutes=280,
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
        ClosurePolicyPublished, "2026-03-02 16:00", "root", policy="standard", policy_version=1,
        effective_from=instant("2026-03-09 00:00"), silence_days=5, cause_code_required=True,
        cause_codes=["software", "hardware", "change", "use"],
    )
    rules_applied(story)
    major_incident(story)


def rules_applied(story: Story) -> None:
    """The rules of the desk beside matrix and closure policy, as they are applied on one morning."""
    since: dict[str, Any] = {"effective_from": instant("2026-03-03 00:00")}

    def tell(event: type[Event], kind: str, **fields: Any) -> None:
        record = story.record(identity(instant("2026-03-02 16:10"), kind), f"incident/{kind}/standard")
        record.tell(event, "2026-03-02 16:10", "root", **since, **fields)

    steps = [{"impact": 1, "criticality": 1, "at_least": 1}, {"impact": 2, "criticality": 2, "at_least": 1}]
    tell(rules.ImpactRulePublished, "ImpactRule", rule="standard", rule_version=1, steps=steps, otherwise=3)
    every = {"1": 30, "2": 60, "3": 240}
    policy: dict[str, Any] = {"policy": "standard", "policy_version": 1}
    tell(rules.InformPolicyPublished, "InformPolicy", **policy, every_minutes=every, warn_from=0.75)
    criteria = {"critical-service-down": "A service of criticality 1 cannot be used."}
    tell(
        rules.MajorIncidentPolicyPublished, "MajorIncidentPolicy", **policy, criteria=criteria, update_every_minutes=30
    )
    tell(rules.ChangeCausePolicyPublished, "ChangeCausePolicy", **policy, within_hours=24, most=3)


def major_incident(story: Story) -> None:
    """INC-1051: the order portal is down for everybody, by a change of the night; MAJ-7 stands beside it."""
    day = "2026-03-03"
    incident = _opened(story, "INC-1051", f"{day} 08:31", "Order portal is down")
    record = story.record(
        MAJ_7, "MAJ-7", incident=INC_1051, incident_number="INC-1051", state="declared", title="Order portal is down",
        organisation="northwind", service="Order portal", ci=None, manager="heidi",
        declared_at=instant(f"{day} 08:40"), next_update_due=instant(f"{day} 09:10"),
    )
    record.tell(
        major.MajorIncidentDeclared, f"{day} 08:40", "heidi", criterion="critical-service-down",
        reason="No customer can order", update_every_minutes=30, policy="standard", policy_version=1,
    )
    record.tell(major.MajorRoleAssigned, f"{day} 08:42", "heidi", role="communications", person="alice")
    suspected: dict[str, Any] = {"change": CHG_29, "change_number": "CHG-29"}
    incident.tell(ChangeSuspected, f"{day} 08:50", "bob", **suspected, by="hand", reason="Moved the portal at night")
    record.tell(
        major.MajorUpdateMissed, f"{day} 09:10", "steward", due=instant(f"{day} 09:10"), next_update_due=None
    )
    record.tell(
        major.MajorUpdateSent, f"{day} 09:14", "alice", text="A change of the night is being backed out.",
        audience="customers", due=instant(f"{day} 09:10"), late=True, next_update_due=instant(f"{day} 09:44"),
    )
    incident.tell(ChangeConfirmed, f"{day} 09:20", "bob", **suspected, reason="Backed out, and it is up again")
    record.tell(
        major.MajorIncidentStoodDown, f"{day} 09:40", "heidi", state="stood_down", next_update_due=None,
        reason="Orders go through since 09:18", stood_down_at=instant(f"{day} 09:40"),
    )
    record.tell(
        major.MajorIncidentReviewed, f"{day} 15:00", "grace", state="reviewed",
        went_well="The cause was found in twenty minutes.", to_improve="The first update came late.",
        actions=["Name a stand-in for communications"],
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
