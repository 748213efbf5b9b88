"""Every state of an incident and every way out of it; and which role may take which way."""

from enum import StrEnum

from shared.lifecycle import Lifecycle


class State(StrEnum):
    NEW = "new"
    ACTIVE = "active"
    WAITING = "waiting"
    RESOLVED = "resolved"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    ASSIGN = "assign"
    START = "start"
    WAIT = "wait"
    RESUME = "resume"
    RESOLVE = "resolve"
    CONFIRM = "confirm"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"
    PRIORITISE = "prioritise"
    CLASSIFY = "classify"
    ESCALATE = "escalate"
    ACKNOWLEDGE = "acknowledge"
    LINK = "link"
    UNLINK = "unlink"
    EDIT = "edit"
    COMMENT = "comment"


S, A = State, Action
OPEN = (S.NEW, S.ACTIVE, S.WAITING)
# What may be done to an open record without moving it.
WORK = (A.ASSIGN, A.PRIORITISE, A.CLASSIFY, A.ESCALATE, A.ACKNOWLEDGE, A.LINK, A.UNLINK, A.EDIT, A.COMMENT)

LIFECYCLE = Lifecycle(
    "an incident",
    {
        (S.NEW, A.START): S.ACTIVE,
        (S.NEW, A.WAIT): S.WAITING,
        (S.NEW, A.RESOLVE): S.RESOLVED,
        (S.NEW, A.CLOSE): S.CLOSED,
        (S.NEW, A.CANCEL): S.CANCELLED,
        (S.ACTIVE, A.WAIT): S.WAITING,
        (S.ACTIVE, A.RESOLVE): S.RESOLVED,
        (S.ACTIVE, A.CLOSE): S.CLOSED,
        (S.ACTIVE, A.CANCEL): S.CANCELLED,
        (S.WAITING, A.WAIT): S.WAITING,
        (S.WAITING, A.RESUME): S.ACTIVE,
        (S.WAITING, A.RESOLVE): S.RESOLVED,
        (S.WAITING, A.CLOSE): S.CLOSED,
        (S.WAITING, A.CANCEL): S.CANCELLED,
        (S.RESOLVED, A.CONFIRM): S.CLOSED,
        (S.RESOLVED, A.CLOSE): S.CLOSED,
        (S.RESOLVED, A.REOPEN): S.ACTIVE,
        (S.CLOSED, A.REOPEN): S.ACTIVE,
        **{(state, action): state for state in OPEN for action in WORK},
        # A resolved record is still worked on in words: who had it, what it was, what it belongs to.
        **{(S.RESOLVED, action): S.RESOLVED for action in WORK if action is not A.ESCALATE},
        # Records of closed work are annotated, never edited (ISO/IEC 20000-2 3.2).
        (S.CLOSED, A.LINK): S.CLOSED,
        (S.CLOSED, A.COMMENT): S.CLOSED,
        (S.CANCELLED, A.COMMENT): S.CANCELLED,
    },
)

DESK = frozenset({"service_desk"})
STAFF = frozenset({"service_desk", "problem_manager", "change_manager", "approver", "service_level_manager"})
CUSTOMER = frozenset({"customer"})
ADMINISTRATORS = frozenset({"administrator"})

# Role × verb. An administrator has each of them.
PERMISSIONS: dict[str, frozenset[str]] = {
    "incident:open": DESK | CUSTOMER,
    "incident:read": STAFF | CUSTOMER,
    **{f"incident:{action}": DESK for action in Action},
    "incident:confirm": DESK | CUSTOMER,
    "incident:reopen": DESK | CUSTOMER,
    "incident:comment": STAFF | CUSTOMER,
    "incident:link": DESK | frozenset({"problem_manager"}),
    # Whoever it was escalated to, of whatever process.
    "incident:acknowledge": STAFF,
    "incident:import": frozenset(),
    "known-problem:read": STAFF,
    "directory:read": STAFF,
    "directory:change": DESK,
    "policy:read": STAFF,
    "policy:apply": frozenset(),
    "log:follow": STAFF | CUSTOMER,
    "log:verify": STAFF,
    "dead-letter:read": STAFF,
    "dead-letter:settle": frozenset(),
}
