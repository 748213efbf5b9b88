"""The states of what this service keeps and the ways between them; and which role may do what.

A clock is moved by facts of its record and by time (see `rules.fold`), a measurement by what it is made from: neither
has a verb of a person. Reviews and the actions that are agreed on have tables of moves.
"""

from collections.abc import Mapping
from enum import StrEnum

from shared.lifecycle import Lifecycle


class State(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    PENDING = "pending"
    MET = "met"
    MISSED = "missed"


class MeasurementState(StrEnum):
    """Replaced: a late correction made it wrong, and another one counts."""

    FINAL = "final"
    REPLACED = "replaced"


class ReviewState(StrEnum):
    PLANNED = "planned"
    HELD = "held"
    CANCELLED = "cancelled"


class ReviewVerb(StrEnum):
    HOLD = "hold"
    CANCEL = "cancel"
    RAISE = "raise-action"


class TaskState(StrEnum):
    OPEN = "open"
    DONE = "done"
    DROPPED = "dropped"


class TaskVerb(StrEnum):
    REVISE = "revise"
    COMPLETE = "complete"
    DROP = "drop"


REVIEWS = Lifecycle(
    "a review",
    {
        (ReviewState.PLANNED, ReviewVerb.HOLD): ReviewState.HELD,
        (ReviewState.PLANNED, ReviewVerb.CANCEL): ReviewState.CANCELLED,
        # What was forgotten in the minutes is still agreed.
        (ReviewState.HELD, ReviewVerb.RAISE): ReviewState.HELD,
    },
)
TASKS = Lifecycle(
    "an agreed action",
    {
        (TaskState.OPEN, TaskVerb.REVISE): TaskState.OPEN,
        (TaskState.OPEN, TaskVerb.COMPLETE): TaskState.DONE,
        (TaskState.OPEN, TaskVerb.DROP): TaskState.DROPPED,
    },
)
SUCCESSORS: Mapping[str, frozenset[str]] = {
    "proposed": frozenset({"proposed", "live", "retired"}),
    "live": frozenset({"live", "retired"}),
    "retired": frozenset({"retired", "proposed"}),
}
"""The states in which the next version of a service may be: what is retired comes back only as a proposal."""

LEVEL = frozenset({"service_level_manager"})
STAFF = LEVEL | {
    "service_desk", "incident_manager", "problem_manager", "change_manager", "configuration_manager", "approver",
}  # fmt: skip
CUSTOMER = frozenset({"customer"})

# Role × verb. An administrator has each of them. A customer's contact sees the clocks of its own organisation, and the
# services, agreements and measurements that are for it.
PERMISSIONS: dict[str, frozenset[str]] = {
    "clock:read": STAFF | CUSTOMER,
    "clock:verify": STAFF,
    "metrics:read": STAFF,
    "calendar:read": STAFF | CUSTOMER,
    "agreement:read": STAFF | CUSTOMER,
    "service:read": STAFF | CUSTOMER,
    "chain:read": STAFF,
    "measurement:read": STAFF | CUSTOMER,
    "review:read": STAFF,
    "review:hold": LEVEL,
    "review:cancel": LEVEL,
    "review:raise-action": LEVEL,
    "action:read": STAFF,
    "action:revise": LEVEL,
    # Whoever owns it, of whatever process.
    "action:complete": STAFF,
    "action:drop": LEVEL,
    "breach:read": STAFF,
    "breach:explain": LEVEL,
    "policy:read": STAFF,
    "policy:apply": LEVEL,
    "log:follow": STAFF | CUSTOMER,
    "log:verify": STAFF,
    "dead-letter:read": STAFF,
    "dead-letter:settle": frozenset(),
}
