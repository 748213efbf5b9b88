"""Plays planned steps through the lifecycle, written down a second time, and counts each weekday clock."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from cli.servicenow.planner import Plan

MOVES = {
    "start": ({"new"}, "active"),
    "wait": ({"new", "active", "waiting"}, "waiting"),
    "resume": ({"waiting"}, "active"),
    "resolve": ({"new", "active", "waiting"}, "resolved"),
    "close": ({"new", "active", "waiting", "resolved"}, "closed"),
    "reopen": ({"resolved", "closed"}, "active"),
}
STAYING = {"assign", "prioritise", "classify", "link", "comment"}
MATRIX = {(1, 1): 1, (1, 2): 2, (2, 1): 2, (2, 2): 3, (3, 1): 3, (2, 3): 4, (3, 2): 4, (3, 3): 4}
LIMIT_HOURS = {1: 6.4, 2: 34.2, 3: 153.7, 4: 345.6}
EPOCH = datetime(2016, 1, 4, tzinfo=UTC)
"""A Monday 00:00."""


@dataclass
class Replayed:
    """An incident as the steps leave it. `met` is the clock opened to closed of the servicenow-log policy."""

    state: str = ""
    reopened: int = 0
    regrouped: int = 0
    group: object = None
    assignee: object = None
    priority: int = 0
    code: object = None
    met: bool = True
    elapsed: float = 0.0
    priorities: dict[int, int] = field(default_factory=dict)
    """By the row after which each holds."""


def weekday_hours(when: datetime) -> float:
    """Hours of Monday to Friday, UTC, between EPOCH and `when`."""
    days, rest = divmod(when - EPOCH, timedelta(days=1))
    weeks, weekday = divmod(days, 7)
    today = rest / timedelta(hours=1) if weekday < 5 else 0.0
    return (weeks * 5 + min(weekday, 5)) * 24 + today


def replay(plan: Plan) -> Replayed:
    """Raises AssertionError where a verb is not allowed in the state the incident is in."""
    record = Replayed()
    running, since = False, 0.0
    for step in plan.steps:
        action, body = step["action"], step["body"]
        now = weekday_hours(datetime.fromisoformat(step["at"]))
        now = max(now, since)
        if running:
            record.elapsed += now - since
        since = now
        if action == "open":
            assert not record.state
            record.state, running = "new", True
            record.group, record.assignee = body.get("group"), body.get("assignee")
        elif action in STAYING:
            assert record.state
        else:
            sources, target = MOVES[action]
            assert record.state in sources, (plan.reference, step, record.state)
            record.state = target
        if action in ("open", "prioritise"):
            if record.priority and record.elapsed > LIMIT_HOURS[record.priority]:
                record.met = False
            record.priority = MATRIX[body["impact"], body["urgency"]]  # type: ignore[index]  # plans hold plain numbers
        if action == "assign":
            record.regrouped += body["group"] != record.group
            record.group, record.assignee = body["group"], body["assignee"]
        if action == "reopen":
            record.reopened += 1
            running = True
        if action == "close":
            running = False
            record.code = body["closure_code"]
        if running or action == "close":
            record.met = record.met and record.elapsed <= LIMIT_HOURS[record.priority]
        record.priorities[step["row"]] = record.priority
    return record
