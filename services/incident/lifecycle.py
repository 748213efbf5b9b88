"""Every state of an incident and of a major incident, every way out of it; and which role may take which way."""

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
    INFORM = "inform"
    APPLY_WORKAROUND = "apply-workaround"
    LOG_EFFORT = "log-effort"
    RECORD_OUTAGE = "record-outage"
    END_OUTAGE = "end-outage"
    WITHDRAW_OUTAGE = "withdraw-outage"
    SUSPECT_CHANGE = "suspect-change"
    CONFIRM_CHANGE = "confirm-change"
    DISMISS_CHANGE = "dismiss-change"


S, A = State, Action
OPEN = (S.NEW, S.ACTIVE, S.WAITING)
# What may be done to an open record without moving it.
WORK = (
    A.ASSIGN, A.PRIORITISE, A.CLASSIFY, A.ESCALATE, A.ACKNOWLEDGE, A.LINK, A.UNLINK, A.EDIT, A.COMMENT, A.INFORM,
    A.APPLY_WORKAROUND, A.LOG_EFFORT, A.RECORD_OUTAGE, A.END_OUTAGE, A.WITHDRAW_OUTAGE, A.SUSPECT_CHANGE,
    A.CONFIRM_CHANGE, A.DISMISS_CHANGE,
)  # fmt: skip

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
        # An outage may outlast the record, and its cause may be found later.
        (S.CLOSED, A.END_OUTAGE): S.CLOSED,
        (S.CLOSED, A.SUSPECT_CHANGE): S.CLOSED,
        (S.CLOSED, A.CONFIRM_CHANGE): S.CLOSED,
        (S.CLOSED, A.DISMISS_CHANGE): S.CLOSED,
        (S.CANCELLED, A.COMMENT): S.CANCELLED,
    },
)


class MajorState(StrEnum):
    DECLARED = "declared"
    STOOD_DOWN = "stood_down"
    REVIEWED = "reviewed"


class MajorAction(StrEnum):
    HAND_OVER = "hand-over"
    ASSIGN_ROLE = "assign-role"
    SEND_UPDATE = "send-update"
    STAND_DOWN = "stand-down"
    REVIEW = "review"


M, D = MajorState, MajorAction
MAJOR_LIFECYCLE = Lifecycle(
    "a major incident",
    {
        (M.DECLARED, D.HAND_OVER): M.DECLARED,
        (M.DECLARED, D.ASSIGN_ROLE): M.DECLARED,
        (M.DECLARED, D.SEND_UPDATE): M.DECLARED,
        (M.DECLARED, D.STAND_DOWN): M.STOOD_DOWN,
        (M.STOOD_DOWN, D.REVIEW): M.REVIEWED,
    },
)

DESK = frozenset({"service_desk"})
COMMAND = frozenset({"incident_manager"})
STAFF = frozenset(
    {
        "service_desk", "incident_manager", "problem_manager", "change_manager", "approver", "configuration_manager",
        "service_level_manager",
    }
)  # fmt: skip
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
    # Whoever knows the change, or looks for causes.
    **{
        f"incident:{action}": DESK | COMMAND | frozenset({"change_manager", "problem_manager"})
        for action in (A.SUSPECT_CHANGE, A.CONFIRM_CHANGE, A.DISMISS_CHANGE)
    },
    "incident:import": frozenset(),
    "proposal:read": STAFF,
    "major-incident:read": STAFF | CUSTOMER,
    "major-incident:declare": COMMAND,
    **{f"major-incident:{action}": COMMAND for action in MajorAction},
    # Whoever writes updates need not command.
    "major-incident:send-update": COMMAND | DESK,
    "major-incident:review": COMMAND | frozenset({"problem_manager", "service_level_manager"}),
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
