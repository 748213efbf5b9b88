"""Every state of a problem and of a known error and every way out of it; and which role may take which way."""

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
    REQUEST_CHANGE = "request-change"
    RESOLVE = "resolve"
    CLOSE = "close"
    REOPEN = "reopen"
    CANCEL = "cancel"
    PRIORITISE = "prioritise"
    CLASSIFY = "classify"
    LINK = "link"
    UNLINK = "unlink"
    WORKAROUND = "workaround"
    IDENTIFY_CAUSE = "identify-cause"
    REVIEW = "review"
    PROPOSE_IMPROVEMENT = "propose-improvement"
    EDIT = "edit"
    COMMENT = "comment"


S, A = State, Action
OPEN = (S.NEW, S.ACTIVE, S.WAITING)
# What may be done to a record without moving it.
WORK = (
    A.ASSIGN, A.PRIORITISE, A.CLASSIFY, A.LINK, A.UNLINK, A.WORKAROUND, A.IDENTIFY_CAUSE, A.EDIT, A.COMMENT,
    A.PROPOSE_IMPROVEMENT,
)  # fmt: skip

LIFECYCLE = Lifecycle(
    "a problem",
    {
        (S.NEW, A.START): S.ACTIVE,
        (S.WAITING, A.RESUME): S.ACTIVE,
        # The wish for a change can be repeated: the first one may have been refused.
        **{(state, A.REQUEST_CHANGE): S.WAITING for state in OPEN},
        **{(state, A.WAIT): S.WAITING for state in OPEN},
        **{(state, A.RESOLVE): S.RESOLVED for state in OPEN},
        **{(state, A.CANCEL): S.CANCELLED for state in OPEN},
        # Only a resolved problem closes: between the two lies the proof that incidents stop.
        (S.RESOLVED, A.CLOSE): S.CLOSED,
        (S.RESOLVED, A.REOPEN): S.ACTIVE,
        (S.CLOSED, A.REOPEN): S.ACTIVE,
        **{(state, action): state for state in (*OPEN, S.RESOLVED) for action in WORK},
        # Records of closed work are annotated, never edited (ISO/IEC 20000-2 3.2); new effects still belong to them.
        (S.CLOSED, A.LINK): S.CLOSED,
        (S.CLOSED, A.UNLINK): S.CLOSED,
        (S.CLOSED, A.COMMENT): S.CLOSED,
        (S.CLOSED, A.PROPOSE_IMPROVEMENT): S.CLOSED,
        # What there is to be learned shows when the cause is removed, and often only when the proof is there.
        (S.RESOLVED, A.REVIEW): S.RESOLVED,
        (S.CLOSED, A.REVIEW): S.CLOSED,
        (S.CANCELLED, A.COMMENT): S.CANCELLED,
    },
)


class KnownState(StrEnum):
    PUBLISHED = "published"
    RETIRED = "retired"


class KnownAction(StrEnum):
    REVISE = "revise"
    RETIRE = "retire"


# What is retired stays so: a text that is wanted again is published anew, under its own number and by its own date.
KNOWN_ERROR = Lifecycle(
    "a known error",
    {
        (KnownState.PUBLISHED, KnownAction.REVISE): KnownState.PUBLISHED,
        (KnownState.PUBLISHED, KnownAction.RETIRE): KnownState.RETIRED,
    },
)

PROCESS = frozenset({"problem_manager"})
DESK = frozenset({"service_desk", "problem_manager"})
STAFF = frozenset({"service_desk", "problem_manager", "change_manager", "approver", "service_level_manager"})

# Role × verb. An administrator has each of them; customers' contacts have none: a problem is staff's.
PERMISSIONS: dict[str, frozenset[str]] = {
    "problem:open": DESK,
    "problem:read": STAFF,
    **{f"problem:{action}": PROCESS for action in Action},
    "problem:link": DESK,
    "problem:comment": DESK,
    # That a cause stays unknown is accepted by one who answers for the process, and not by the one who looked for it.
    "problem:accept-unknown-cause": PROCESS,
    "known-error:read": STAFF,
    "known-error:publish": PROCESS,
    **{f"known-error:{action}": PROCESS for action in KnownAction},
    "trend:read": STAFF,
    "trend:open-problem": PROCESS,
    "policy:read": STAFF,
    "policy:apply": frozenset(),
    "log:follow": STAFF,
    "log:verify": STAFF,
    "dead-letter:read": STAFF,
    "dead-letter:settle": frozenset(),
}
