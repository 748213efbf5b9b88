"""What problem management does when something happened to an incident, or to a change that is to remove a cause."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from contracts.change import (
    ApprovalVoided,
    ChangeApproved,
    ChangeBackedOut,
    ChangeCancelled,
    ChangeClassified,
    ChangeClosed,
    ChangeFact,
    ChangeFailed,
    ChangeImplemented,
    ChangeRejected,
    ChangeStarted,
    ChangeSubmitted,
    EmergencyAuthorised,
)
from contracts.envelope import Event
from contracts.incident import (
    IncidentCancelled,
    IncidentClassified,
    IncidentClosed,
    IncidentEdited,
    IncidentLinked,
    IncidentOpened,
    IncidentPrioritised,
    IncidentReopened,
    IncidentResolved,
    IncidentResumed,
    IncidentStarted,
    IncidentUnlinked,
    IncidentWaiting,
)
from services.problem.domain.changes import follow
from services.problem.domain.effects import recurred, takes, tied, untied
from services.problem.tables import KnownIncident, Problem
from shared.events.handling import Delivery, Handlers, Projection, Reaction, Work

NOBODY = UUID(int=0)
log = structlog.get_logger(__name__)

# One row per incident and batch. A null title, or a problem that was not spoken of, leaves what is known.
KEEP = text(
    "INSERT INTO known_incident AS known (id, number, kind, state, title, organisation, priority, service, ci, "
    "category, problem, closings, opened_at, closed_at) "
    "SELECT id, number, kind, state, title, organisation, priority, service, ci, category, problem, closings, "
    "opened_at, closed_at FROM unnest(CAST(:id AS uuid[]), CAST(:number AS text[]), CAST(:kind AS text[]), "
    "CAST(:state AS text[]), CAST(:title AS text[]), CAST(:organisation AS text[]), CAST(:priority AS smallint[]), "
    "CAST(:service AS text[]), CAST(:ci AS text[]), CAST(:category AS text[]), CAST(:problem AS uuid[]), "
    "CAST(:closings AS int[]), CAST(:opened_at AS timestamptz[]), CAST(:closed_at AS timestamptz[])) AS given "
    "(id, number, kind, state, title, organisation, priority, service, ci, category, problem, closings, opened_at, "
    "closed_at) "
    "ON CONFLICT (id) DO UPDATE SET state = excluded.state, title = coalesce(excluded.title, known.title), "
    "priority = excluded.priority, service = excluded.service, ci = excluded.ci, category = excluded.category, "
    "problem = CASE WHEN excluded.id = ANY(CAST(:spoken AS uuid[])) THEN excluded.problem ELSE known.problem END, "
    "closings = known.closings + excluded.closings, closed_at = CASE WHEN excluded.state IN ('closed', 'cancelled') "
    "THEN coalesce(excluded.closed_at, known.closed_at) END"
)
BEHIND = text("SELECT id FROM problem WHERE incidents && CAST(:incidents AS uuid[])")
WISHED = text(
    "SELECT id, change_request FROM problem WHERE change_request IS NOT NULL "
    "AND change_request = ANY(CAST(:requests AS uuid[]))"
)
CLOSINGS = text("SELECT id, closings FROM known_incident WHERE id = ANY(CAST(:incidents AS uuid[]))")


async def keep_incidents(deliveries: Sequence[Delivery[Any]], work: Work) -> None:
    """Keep what problem management needs to know of each incident."""
    rows: dict[UUID, dict[str, Any]] = {}
    spoken: set[UUID] = set()
    for delivery in deliveries:
        event, message = delivery.event, delivery.message
        id = message.aggregate_id
        row = rows.get(id)
        if row is None:
            row = rows[id] = {"id": id, "number": message.subject, "title": None, "problem": None, "closings": 0}
        row |= {
            "kind": event.kind, "state": event.state, "organisation": event.organisation, "priority": event.priority,
            "service": event.service, "ci": event.ci, "category": event.category, "opened_at": event.opened_at,
        }  # fmt: skip
        row["closed_at"] = row.get("closed_at") if event.state in ("closed", "cancelled") else None
        match event:
            case IncidentOpened():
                row["title"] = event.title
            case IncidentEdited() if "title" in event.changes:
                row["title"] = event.changes["title"].after
            case IncidentLinked(relation="problem"):
                row["problem"] = event.target
                spoken.add(id)
            case IncidentUnlinked(relation="problem"):
                row["problem"] = None
                spoken.add(id)
            case IncidentClosed():
                row["closings"] += 1
                row["closed_at"], row["problem"] = message.occurred, event.problem
                spoken.add(id)
            case IncidentCancelled():
                row["closed_at"] = message.occurred
    # In the order of their ids, as everybody who locks several rows does.
    ordered = [rows[id] for id in sorted(rows)]
    columns: dict[str, Any] = {name: [row[name] for row in ordered] for name in ordered[0]}
    await work.transaction.execute(KEEP, columns | {"spoken": list(spoken)})


async def follow_incidents(
    deliveries: Sequence[Delivery[IncidentLinked | IncidentUnlinked | IncidentClosed]], work: Work
) -> None:
    """Tie incidents to problems as the desk says, and count a recurrence where one of them was closed.

    All problems concerned are locked at once, so that two batches, or a batch and a command, cannot both count from
    the same number. A problem that there is not here is nobody's fault to repair here: the incident keeps naming it
    in `known_incident`, where it is listed as stray.
    """
    transaction = work.transaction
    closed = Counter(each.message.aggregate_id for each in deliveries if isinstance(each.event, IncidentClosed))
    wanted = {problem for each in deliveries for problem in named(each.event)}
    if closed:
        wanted |= {row.id for row in await transaction.execute(BEHIND, {"incidents": list(closed)})}
    if not wanted:
        return
    problems = await transaction.load_many(Problem, wanted)
    if unknown := wanted - problems.keys():
        log.warning("problem.unknown", problems=sorted(map(str, unknown)))
    # The projection has counted the whole batch by now.
    counted = {row.id: row.closings for row in await transaction.execute(CLOSINGS, {"incidents": list(closed)})}
    closings = {id: counted[id] - of_batch for id, of_batch in closed.items()}
    effects = {problem.id: set(problem.incidents) for problem in problems.values()}
    for each in deliveries:
        id, number, at = each.message.aggregate_id, each.message.subject, each.message.occurred
        happened: list[tuple[Problem, list[Event]]] = []
        match each.event:
            case IncidentLinked(relation="problem", target=target, previous=previous):
                if previous in problems:
                    happened.append((problems[previous], untied(problems[previous], id, number)))
                if target in problems and takes(problems[target]):
                    happened.append((problems[target], tied(problems[target], id, number)))
            case IncidentUnlinked(relation="problem", target=target) if target in problems:
                happened.append((problems[target], untied(problems[target], id, number)))
            case IncidentClosed(problem=own):
                closings[id] += 1
                for problem in problems.values():
                    if problem.id == own or id in effects[problem.id]:
                        events = recurred(problem, id, number, at, closings[id], named=problem.id == own)
                        happened.append((problem, events))
        for problem, events in happened:
            if events:
                transaction.record(problem, events, each.cause(work.now))


def named(event: Event) -> Iterable[UUID]:
    """The problems that an incident's event speaks of."""
    match event:
        case IncidentLinked(relation="problem", target=target, previous=previous):
            return (target, previous) if previous else (target,)
        case IncidentUnlinked(relation="problem", target=target):
            return (target,)
        case IncidentClosed(problem=problem) if problem:
            return (problem,)
    return ()


async def follow_changes(deliveries: Sequence[Delivery[ChangeFact]], work: Work) -> None:
    """Let the problem that a change is to correct know how it stands, and go on where it waited for that.

    Problems are found by the wish that a change answers, or by the one that it names. All are locked at once, so that
    the fate of a change and a person's command are taken one after the other, each from what the other left.
    """
    transaction = work.transaction
    requests = {each.event.request for each in deliveries if each.event.request}
    named = {each.event.problem for each in deliveries if each.event.problem}
    if not requests and not named:
        return
    rows = await transaction.execute(WISHED, {"requests": list(requests)})
    wished: dict[UUID, UUID] = {row.change_request: row.id for row in rows}
    problems = await transaction.load_many(Problem, named | set(wished.values()))
    if unknown := named - problems.keys():
        log.warning("problem.unknown", problems=sorted(map(str, unknown)))
    for each in deliveries:
        message, event = each.message, each.event
        # An earlier wish is no problem's any more; its answer still names the problem.
        problem = problems.get(wished.get(event.request or NOBODY) or event.problem or NOBODY)
        if problem is None:
            continue
        events = follow(problem, message.aggregate_id, message.subject, event, message.occurred)
        if events:
            transaction.record(problem, events, each.cause(work.now))


HANDLERS: Handlers = (
    Projection(
        keep_incidents,
        (
            IncidentOpened,
            IncidentStarted,
            IncidentWaiting,
            IncidentResumed,
            IncidentResolved,
            IncidentReopened,
            IncidentClosed,
            IncidentCancelled,
            IncidentPrioritised,
            IncidentClassified,
            IncidentLinked,
            IncidentUnlinked,
            IncidentEdited,
        ),
        (KnownIncident.__table__,),
    ),
    Reaction(follow_incidents, (IncidentLinked, IncidentUnlinked, IncidentClosed)),
    Reaction(
        follow_changes,
        (
            ChangeSubmitted,
            ChangeClassified,
            ChangeApproved,
            ApprovalVoided,
            EmergencyAuthorised,
            ChangeRejected,
            ChangeCancelled,
            ChangeStarted,
            ChangeImplemented,
            ChangeFailed,
            ChangeBackedOut,
            ChangeClosed,
        ),
    ),
)
