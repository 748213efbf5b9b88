"""Every state of a change and every way out of it; and which role may take which way."""

from enum import StrEnum

from shared.lifecycle import Lifecycle


class State(StrEnum):
    REQUESTED = "requested"
    ASSESSED = "assessed"
    APPROVED = "approved"
    REJECTED = "rejected"
    IMPLEMENTING = "implementing"
    IMPLEMENTED = "implemented"
    FAILED = "failed"
    BACKED_OUT = "backed_out"
    CLOSED = "closed"
    CANCELLED = "cancelled"


class Action(StrEnum):
    CLASSIFY = "classify"
    SCHEDULE = "schedule"
    ACKNOWLEDGE = "acknowledge"
    APPROVE = "approve"
    AUTHORISE = "authorise"
    VOID = "void"
    REJECT = "reject"
    CANCEL = "cancel"
    START = "start"
    COMPLETE = "complete"
    FAIL = "fail"
    BACK_OUT = "back-out"
    REPAIR = "repair"
    DOCUMENT = "document"
    CLOSE = "close"
    ASSIGN = "assign"
    EDIT = "edit"
    COMMENT = "comment"


S, A = State, Action
BEFORE = (S.REQUESTED, S.ASSESSED, S.APPROVED)
# Nothing more is done by these.
ENDED = (S.REJECTED, S.CLOSED, S.CANCELLED)

LIFECYCLE = Lifecycle(
    "a change",
    {
        **{(state, A.CLASSIFY): S.ASSESSED for state in BEFORE},
        # The last of the approvals that the policy asks for; those before it leave the change where it is.
        (S.ASSESSED, A.APPROVE): S.APPROVED,
        # The short path of an emergency, and of nothing else.
        (S.ASSESSED, A.AUTHORISE): S.APPROVED,
        # What was approved is not what would be done (CHG-4).
        (S.ASSESSED, A.VOID): S.ASSESSED,
        (S.APPROVED, A.VOID): S.ASSESSED,
        (S.REQUESTED, A.REJECT): S.REJECTED,
        (S.ASSESSED, A.REJECT): S.REJECTED,
        **{(state, A.CANCEL): S.CANCELLED for state in BEFORE},
        (S.APPROVED, A.START): S.IMPLEMENTING,
        (S.IMPLEMENTING, A.COMPLETE): S.IMPLEMENTED,
        (S.IMPLEMENTING, A.FAIL): S.FAILED,
        # The decision to back out may come while it runs, once it has failed, or when its harm is seen later.
        (S.IMPLEMENTING, A.BACK_OUT): S.BACKED_OUT,
        (S.FAILED, A.BACK_OUT): S.BACKED_OUT,
        (S.IMPLEMENTED, A.BACK_OUT): S.BACKED_OUT,
        (S.FAILED, A.REPAIR): S.IMPLEMENTED,
        **{(state, A.CLOSE): S.CLOSED for state in (S.IMPLEMENTED, S.FAILED, S.BACKED_OUT)},
        # What leaves it where it is, as long as it is not decided otherwise by what is changed.
        **{(state, action): state for state in BEFORE for action in (A.SCHEDULE, A.ACKNOWLEDGE, A.EDIT)},
        **{(state, A.ASSIGN): state for state in (*BEFORE, S.IMPLEMENTING, S.FAILED)},
        **{(state, A.DOCUMENT): state for state in (S.APPROVED, S.IMPLEMENTING, S.IMPLEMENTED, S.FAILED, S.BACKED_OUT)},
        # Records of closed and rejected requests are annotated, never edited (ISO/IEC 20000-2 3.2).
        **{(state, A.COMMENT): state for state in S},
    },
)

PROCESS = frozenset({"change_manager"})
APPROVERS = frozenset({"change_manager", "approver"})
# Who asks for changes, and who carries them out.
PRACTITIONERS = frozenset(
    {"change_manager", "service_desk", "problem_manager", "incident_manager", "configuration_manager"}
)
STAFF = PRACTITIONERS | frozenset({"approver", "service_level_manager"})

# Role × verb. An administrator has each of them; customers' contacts have none: they hear of the schedule from whoever
# looks after them. That a role may approve does not make it the role that a step of the policy asks for, and whoever
# stands in for an approver needs no role of approval: both are decided by the policy on each command.
PERMISSIONS: dict[str, frozenset[str]] = {
    "change:request": STAFF,
    "change:read": STAFF,
    **{f"change:{action}": PROCESS for action in Action},
    "change:acknowledge": APPROVERS,
    "change:approve": STAFF,
    "change:authorise": APPROVERS,
    "change:reject": APPROVERS,
    "change:comment": STAFF,
    # One's own only, but for the process itself.
    "change:cancel": STAFF,
    "change:edit": STAFF,
    "change:schedule": STAFF,
    **{f"change:{action}": PRACTITIONERS for action in (A.START, A.COMPLETE, A.FAIL, A.BACK_OUT, A.REPAIR, A.DOCUMENT)},
    "delegation:grant": APPROVERS,
    "delegation:end": APPROVERS,
    "policy:read": STAFF,
    "policy:apply": frozenset(),
    "log:follow": STAFF,
    "log:verify": STAFF,
    "dead-letter:read": STAFF,
    "dead-letter:settle": frozenset(),
}
MANAGERS = PROCESS | frozenset({"administrator"})
