"""The states of a clock and its outcomes; and which role may do what in this service.

A clock is moved by facts of its record and by time (see `rules.fold`), never by a person: there is no verb.
"""

from enum import StrEnum


class State(StrEnum):
    RUNNING = "running"
    PAUSED = "paused"
    STOPPED = "stopped"
    CANCELLED = "cancelled"


class Outcome(StrEnum):
    PENDING = "pending"
    MET = "met"
    MISSED = "missed"


LEVEL = frozenset({"service_level_manager"})
STAFF = LEVEL | {"service_desk", "problem_manager", "change_manager", "approver"}
CUSTOMER = frozenset({"customer"})

# Role × verb. An administrator has each of them. A customer's contact sees the clocks of its own organisation.
PERMISSIONS: dict[str, frozenset[str]] = {
    "clock:read": STAFF | CUSTOMER,
    "clock:verify": STAFF,
    "metrics:read": STAFF,
    "calendar:read": STAFF | CUSTOMER,
    "agreement:read": STAFF | CUSTOMER,
    "policy:read": STAFF,
    "policy:apply": LEVEL,
    "log:follow": STAFF | CUSTOMER,
    "log:verify": STAFF,
    "dead-letter:read": STAFF,
    "dead-letter:settle": frozenset(),
}
