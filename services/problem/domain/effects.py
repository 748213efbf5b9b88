"""Which incidents a problem is behind, and what counts as a recurrence.

Problem management ties incidents to a problem here; the incident desk does it on the incident, and then this side
follows. Whoever untied an incident last is believed, whatever the other side's record still says.

A recurrence is one closing of one linked incident: closing is when somebody stands for it that the incident was real
and is over. So an incident that is reopened and closed again recurs once more, one that is resolved and not yet
closed has not recurred yet, one cancelled never does, and what was closed before it was linked is not counted. Resolved
and closed problems go on counting, for that is how a fix shows that it does not hold; a cancelled problem counts
nothing.
"""

from datetime import datetime
from uuid import UUID

from contracts.envelope import Event
from contracts.problem import ProblemIncidentLinked, ProblemIncidentUnlinked, ProblemRecurred
from services.problem.domain.desk import Desk, figures
from services.problem.domain.orders import Link, Unlink
from services.problem.domain.progress import move
from services.problem.lifecycle import LIFECYCLE, Action, State
from services.problem.tables import Problem
from shared.errors import Conflict

# Events of a problem name each of its incidents: this many ids still fit into one message of any broker.
MOST = 10_000


def takes(problem: Problem) -> bool:
    """Whether another incident can be linked to it now."""
    return Action.LINK in LIFECYCLE.allowed(State(problem.state)) and len(problem.incidents) < MOST


def link(problem: Problem, order: Link, desk: Desk) -> list[Event]:
    move(problem, Action.LINK)
    if not takes(problem):
        raise Conflict(f"a problem has at most {MOST} incidents", allowed=("unlink",))
    return tied(problem, order.incident, desk.numbers.get(order.incident))


def unlink(problem: Problem, order: Unlink, desk: Desk) -> list[Event]:
    move(problem, Action.UNLINK)
    if order.incident not in problem.incidents:
        raise Conflict(f"incident {order.incident} is not linked to it", allowed=("link",))
    return untied(problem, order.incident, desk.numbers.get(order.incident))


def tied(problem: Problem, incident: UUID, number: str | None) -> list[Event]:
    """The incident belongs to the problem from now on; nothing where it does already."""
    if incident in problem.incidents:
        return []
    problem.incidents = [*problem.incidents, incident]
    problem.unlinked = [each for each in problem.unlinked if each != incident]
    count = len(problem.incidents)
    return [ProblemIncidentLinked(**figures(problem), incident=incident, incident_number=number, incidents_count=count)]


def untied(problem: Problem, incident: UUID, number: str | None) -> list[Event]:
    """The incident does not belong to the problem any more; nothing where it did not."""
    if incident not in problem.incidents:
        return []
    problem.incidents = [each for each in problem.incidents if each != incident]
    problem.unlinked = [*problem.unlinked, incident]
    count = len(problem.incidents)
    return [
        ProblemIncidentUnlinked(**figures(problem), incident=incident, incident_number=number, incidents_count=count)
    ]


def recurred(
    problem: Problem, incident: UUID, number: str, closed_at: datetime, closing: int, *, named: bool
) -> list[Event]:
    """An incident was closed for the `closing`th time; `named`: it says itself that it belongs to this problem."""
    if problem.state == State.CANCELLED:
        return []
    events: list[Event] = []
    if incident not in problem.incidents:
        if not named or incident in problem.unlinked or not takes(problem):
            return []
        events = tied(problem, incident, number)
    problem.recurrences += 1
    problem.last_recurrence_at = max(problem.last_recurrence_at or closed_at, closed_at)
    recurrence = ProblemRecurred(
        **figures(problem),
        incident=incident,
        incident_number=number,
        closed_at=closed_at,
        closing=closing,
        recurrences=problem.recurrences,
    )
    return [*events, recurrence]
