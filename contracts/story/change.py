"""Change management's part of the story: CHG-1017 corrects PRB-17, and a night that needed an emergency."""

from typing import Any

from contracts import change as it
from contracts import change_collisions as collisions
from contracts import change_emergency as emergency
from contracts import change_rules as rules
from contracts.story.incident import PRB_17
from contracts.story.problem import CHANGE
from contracts.story.teller import Record, Story, identity, instant

# A message is a paragraph here, not a column.
# fmt: off

APPLIED = "2026-01-02 10:30"
FROM: dict[str, Any] = {"effective_from": instant("2026-01-05 00:00")}
BACKOUT: dict[str, Any] = {
    "backout": "Install the old driver and restart the portal.", "backout_minutes": 60,
    "backout_tested": True,
}
PLAN = "Install the driver on orders-db-1, restart the portal, place ten orders."


def policies(story: Story) -> None:
    at = instant(APPLIED)

    def applied(event: Any, name: str, **spec: Any) -> None:
        story.record(identity(at, f"{event.__name__} {name}"), name).tell(event, APPLIED, "root", **spec, **FROM)

    option = [{"answer": "one service", "points": 2}, {"answer": "several services", "points": 4}]
    applied(
        rules.RiskRulePublished, "risk", rule="risk", rule_version=1, medium_from=4, high_from=8,
        questions=[{"question": "reach", "text": "Who would notice if it went wrong?", "options": option}],
    )
    steps = [{"step": "change manager", "role": "change_manager", "count": 1}]
    approval = [{"step": "approval", "role": "approver", "count": 1}]
    applied(
        rules.ApprovalPolicyPublished, "approvals", policy="approvals", policy_version=1, paperwork_hours=24,
        classes={"standard": [], "normal": approval, "major": [*steps, *approval]},
    )
    applied(
        rules.ChangeModelPublished, "new-switch-port", model="new-switch-port", model_version=1, minutes=30,
        title="Open a switch port", plan="Open the port, put it into its network, test the link.",
        backout="Close the port.", remedy="", backout_minutes=15, backout_tested=True,
    )
    applied(
        rules.FreezePublished, "year-end", freeze="year-end", freeze_version=1, services=["Order portal"],
        begins=instant("2026-12-14 00:00"), ends=instant("2027-01-04 00:00"), reason="The year's busiest weeks",
    )
    applied(
        rules.ChangeWindowPublished, "portal-nights", window="portal-nights", window_version=1, zone="Europe/Berlin",
        weekly={"monday-thursday": ["22:00-05:00"]}, services=["Order portal"],
    )


def corrected(story: Story) -> None:
    """The wish of PRB-17 becomes CHG-1017, which is approved twice, for its window moved in between."""
    wish = story.named("PRB-17", "problem.change_requested")
    begins, ends = instant("2026-03-09 22:00"), instant("2026-03-10 00:00")
    record = story.record(
        identity(instant("2026-03-03 09:15"), "CHG-1017"), "CHG-1017", state="requested", requester="grace",
        title="Update the order database's driver", requested_at=instant("2026-03-03 09:15"), organisation=None,
        change_class=None, risk=None, service="Order portal", items=["orders-db-1"], group=None, assignee=None,
        planned_start=None, planned_end=None, problem=PRB_17, request=CHANGE,
    )
    record.tell(
        it.ChangeSubmitted, "2026-03-03 09:15", "grace", because=wish,
        reason="The version in use does not give connections back after a timeout",
    )
    record.tell(
        it.ChangeEdited, "2026-03-03 10:00", "grace", scope_changed=True,
        changes={"backout": {"before": "", "after": BACKOUT["backout"]}, "plan": {"before": "", "after": PLAN},
                 "backout_minutes": {"before": None, "after": 60}, "backout_tested": {"before": None, "after": True}},
    )
    record.tell(
        it.ChangeClassified, "2026-03-03 10:10", "bob", state="assessed", change_class="normal", risk="low", points=2,
        answers=[{"question": "reach", "answer": "one service", "points": 2}], rule="risk", rule_version=1, plan=PLAN,
        **BACKOUT,
    )
    record.tell(it.ChangeAssigned, "2026-03-03 10:12", "bob", group="Databases", assignee="frank")
    record.tell(it.ChangeScheduled, "2026-03-03 10:15", "bob", planned_start=begins, planned_end=ends)
    found: dict[str, Any] = {
        "collision": identity(begins, "CHG-1017 and CHG-1012"), "kind": "dependent-item", "overlap_start": begins,
        "other": identity(instant("2026-03-02 08:00"), "CHG-1012"), "other_number": "CHG-1012", "overlap_end": ends,
        "path": ["orders-db-1", "orders-web-2"],
    }
    record.tell(collisions.CollisionFound, "2026-03-03 10:15", "steward", **found)
    record.tell(
        collisions.CollisionAcknowledged, "2026-03-03 10:40", "bob", **found, reason="The same people do both, in turn",
    )
    agreed(record, "2026-03-03 14:00")
    record.tell(
        it.ChangeScheduled, "2026-03-04 09:00", "bob", previous_start=begins, previous_end=ends,
        planned_start=instant("2026-03-10 04:00"), planned_end=instant("2026-03-10 06:00"),
    )
    record.tell(
        it.ApprovalVoided, "2026-03-04 09:00", "bob", state="assessed", reason="its window is another one",
        approvers=["erin"],
    )
    agreed(record, "2026-03-04 11:00")
    record.tell(it.ChangeCommented, "2026-03-04 11:05", "erin", text="Have the old driver at hand.")
    line = {name: record.known[name] for name in ("title", "service", "items", "planned_start", "planned_end", "state",
                                                 "change_class")}
    story.record(identity(instant("2026-03-04 11:06"), "schedule"), "schedule/2026-03-04T11:06:00Z").tell(
        it.SchedulePublished, "2026-03-04 11:06", "steward", begins=instant("2026-03-04 11:06"),
        ends=instant("2026-05-27 11:06"),
        changes=[line | {"change": record.id, "number": "CHG-1017", "affected_services": ["Order portal"]}],
    )
    started = instant("2026-03-10 04:05")
    record.tell(
        it.ChangeStarted, "2026-03-10 04:05", "frank", state="implementing", started_at=started,
        decide_by=instant("2026-03-10 05:05"),
    )
    ended: dict[str, Any] = {"started_at": started, "ended_at": instant("2026-03-10 05:30")}
    record.tell(
        it.ChangeImplemented, "2026-03-10 05:30", "frank", state="implemented", note="Ten orders went through", **ended
    )
    record.tell(it.ChangeClosed, "2026-03-12 09:00", "bob", state="closed", outcome="implemented", **ended)


def agreed(record: Record, at: str) -> None:
    record.tell(it.ApprovalGiven, at, "erin", step="approval", by="erin", missing=0)
    record.tell(it.ChangeApproved, at, "erin", state="approved", approvers=["erin"], policy="approvals",
                policy_version=1)


def requested(story: Story, number: str, at: str, by: str, **known: Any) -> Record:
    record = story.record(
        identity(instant(at), number), number, state="requested", requester=by, requested_at=instant(at),
        change_class=None, risk=None, planned_start=None, planned_end=None, organisation=None, **known,
    )
    record.tell(it.ChangeSubmitted, at, by, reason=f"{known['title']}, as agreed with the customers")
    return record


def others(story: Story) -> None:
    """Two requests that come to nothing, a night's emergency that goes wrong, and somebody who stands in for Erin."""
    refused = requested(story, "CHG-1018", "2026-03-16 09:00", "alice", title="Older driver for the reports")
    refused.tell(it.ChangeRejected, "2026-03-16 11:00", "erin", state="rejected", reason="It has the same fault")
    withdrawn = requested(story, "CHG-1019", "2026-03-16 11:30", "alice", title="Second printer on floor 3")
    withdrawn.tell(it.ChangeCancelled, "2026-03-17 08:10", "alice", state="cancelled", reason="The first one is mended")
    away = story.record(
        identity(instant("2026-03-17 08:30"), "DEL-1001"), "DEL-1001", approver="erin", delegate="heidi",
        begins=instant("2026-03-20 00:00"), ends=instant("2026-04-03 00:00"), roles=["approver"],
    )
    away.tell(rules.DelegationGranted, "2026-03-17 08:30", "erin")
    away.tell(rules.DelegationEnded, "2026-03-27 07:00", "erin", ends=instant("2026-03-27 07:00"))

    due = instant("2026-03-29 02:20")
    night = requested(
        story, "CHG-1020", "2026-03-28 02:15", "alice", title="Move the portal to the second data centre",
        service="Order portal", items=["orders-web-1"],
    )
    night.tell(
        it.ChangeClassified, "2026-03-28 02:15", "alice", state="assessed", change_class="emergency"
    )
    night.tell(
        it.EmergencyAuthorised, "2026-03-28 02:20", "erin", by="erin", paperwork_due=due,
        reason="The first data centre loses its cooling",
    )
    night.tell(it.ChangeApproved, "2026-03-28 02:20", "erin", state="approved", approvers=["erin"])
    started = instant("2026-03-28 02:25")
    night.tell(it.ChangeStarted, "2026-03-28 02:25", "alice", state="implementing", started_at=started,
               outside_window=True)
    night.tell(
        it.ChangeFailed, "2026-03-28 03:10", "alice", state="failed", started_at=started,
        ended_at=instant("2026-03-28 03:10"), note="The second data centre has no licence for it",
    )
    night.tell(
        it.ChangeBackedOut, "2026-03-28 03:30", "alice", state="backed_out", started_at=started, restored=True,
        ended_at=instant("2026-03-28 03:30"), note="Back in the first data centre, with fans",
    )
    night.tell(emergency.PaperworkOverdue, "2026-03-29 02:20", "steward", paperwork_due=due)
    night.tell(
        emergency.PaperworkCompleted, "2026-03-30 08:00", "alice", paperwork_due=due, late=True, justified=True,
        review="It was one. The licence has to be there before the next night like this.",
        plan="Move the portal's address to the second data centre.", **BACKOUT,
    )
