"""What the incident desk keeps of other services' facts, and does because of them. HANDLERS is all of it, as data."""

from contracts import change, cmdb, known_error, problem, sla
from services.incident.handlers import causes, clocks, estate, problems
from services.incident.tables import Dependency, KnownError, KnownItem, KnownProblem, RecentChange, SlaClock
from shared.events.handling import Handlers, Projection, Reaction

CLOCK_EVENTS = (
    sla.ClockWarned,
    sla.ClockBreached,
    sla.ClockPaused,
    sla.ClockResumed,
    sla.ClockStopped,
    sla.ClockRetargeted,
    sla.ClockReopened,
    sla.ClockCancelled,
)

# A reaction judges by what the projection before it has kept of the same batch.
HANDLERS: Handlers = (
    Projection(
        problems.problems,
        (
            problem.ProblemOpened,
            problem.ProblemStarted,
            problem.ProblemClassified,
            problem.ProblemEdited,
            problem.WorkaroundRecorded,
            problem.ProblemWaiting,
            problem.ProblemResumed,
            problem.ProblemResolved,
            problem.ProblemReopened,
            problem.ProblemClosed,
            problem.ProblemCancelled,
            problem.ProblemStatusChanged,
        ),
        (KnownProblem.__table__,),
    ),
    Projection(
        problems.known_errors,
        (
            known_error.KnownErrorPublished,
            known_error.KnownErrorRevised,
            known_error.KnownErrorRetired,
        ),
        (KnownError.__table__,),
    ),
    Projection(
        estate.items,
        (cmdb.ItemRegistered, cmdb.ItemChanged, cmdb.ItemStatusChanged),
        (KnownItem.__table__,),
    ),
    Projection(
        estate.dependencies,
        (cmdb.RelationshipAdded, cmdb.RelationshipRemoved),
        (Dependency.__table__,),
    ),
    Projection(
        estate.changes,
        (
            change.ChangeSubmitted,
            change.ChangeEdited,
            change.ChangeScheduled,
            change.ChangeApproved,
            change.ChangeRejected,
            change.ChangeStarted,
            change.ChangeImplemented,
            change.ChangeFailed,
            change.ChangeBackedOut,
            change.ChangeClosed,
            change.ChangeCancelled,
        ),
        (RecentChange.__table__,),
    ),
    Reaction(causes.suspect_changes, (change.ChangeStarted,)),
    Projection(clocks.clocks, CLOCK_EVENTS, (SlaClock.__table__,)),
    Reaction(clocks.follow_clocks, CLOCK_EVENTS),
)
