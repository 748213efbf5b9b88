"""What change management does when something happened elsewhere: wishes, items, dependencies, major incidents."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import text

from contracts.cmdb import (
    ItemChanged,
    ItemFact,
    ItemRegistered,
    ItemStatusChanged,
    RelationshipAdded,
    RelationshipFact,
    RelationshipRemoved,
    UnauthorisedChangeFound,
)
from contracts.major_incident import (
    MajorIncidentDeclared,
    MajorIncidentFact,
    MajorIncidentReviewed,
    MajorIncidentStoodDown,
    MajorRoleAssigned,
    MajorUpdateMissed,
    MajorUpdateSent,
)
from contracts.problem import ChangeRequested
from services.change.domain.opening import answering
from services.change.tables import Knowledge, KnownItem, KnownMajor, KnownRelationship
from shared.events.handling import Delivery, Handlers, Projection, Reaction, Work

log = structlog.get_logger(__name__)

ITEMS = text(
    "INSERT INTO known_item (id, name, nature, type, status) SELECT * FROM unnest(CAST(:id AS uuid[]), "
    "CAST(:name AS text[]), CAST(:nature AS text[]), CAST(:type AS text[]), CAST(:status AS text[])) "
    "ON CONFLICT (id) DO UPDATE SET nature = excluded.nature, type = excluded.type, status = excluded.status"
)
RELATIONSHIPS = text(
    "INSERT INTO known_relationship (id, provider, dependent, provider_ci, dependent_ci, valid_from, valid_to) "
    "SELECT * FROM unnest(CAST(:id AS uuid[]), CAST(:provider AS uuid[]), CAST(:dependent AS uuid[]), "
    "CAST(:provider_ci AS text[]), CAST(:dependent_ci AS text[]), CAST(:valid_from AS timestamptz[]), "
    "CAST(:valid_to AS timestamptz[])) "
    "ON CONFLICT (id) DO UPDATE SET valid_from = excluded.valid_from, valid_to = excluded.valid_to"
)
MAJORS = text(
    "INSERT INTO known_major (id, number, state, service, ci, declared_at) SELECT * FROM unnest(CAST(:id AS uuid[]), "
    "CAST(:number AS text[]), CAST(:state AS text[]), CAST(:service AS text[]), CAST(:ci AS text[]), "
    "CAST(:declared_at AS timestamptz[])) ON CONFLICT (id) DO UPDATE SET state = excluded.state, "
    "service = excluded.service, ci = excluded.ci"
)
HEARD = text(
    "INSERT INTO knowledge (one, heard) VALUES (1, :count) "
    "ON CONFLICT (one) DO UPDATE SET heard = knowledge.heard + excluded.heard"
)
ANSWERED = text("SELECT request FROM change WHERE request = ANY(CAST(:requests AS uuid[]))")


async def keep(work: Work, statement: Any, rows: dict[UUID, dict[str, Any]]) -> None:
    """One row of each, as the batch left it, in the order of their ids as everybody who locks several rows does."""
    ordered = [rows[id] for id in sorted(rows)]
    await work.transaction.execute(statement, {name: [row[name] for row in ordered] for name in ordered[0]})


async def keep_items(deliveries: Sequence[Delivery[ItemFact]], work: Work) -> None:
    """Keep which items there are; a request may name no others."""
    await keep(
        work,
        ITEMS,
        {
            id: {"id": id, "name": event.ci, "nature": event.nature, "type": event.type, "status": event.status}
            for id, event in ((each.message.aggregate_id, each.event) for each in deliveries)
        },
    )


async def keep_relationships(deliveries: Sequence[Delivery[RelationshipFact]], work: Work) -> None:
    """Keep what depends on what. With other dependencies other changes collide, so they are looked for anew."""
    rows: dict[UUID, dict[str, Any]] = {}
    for each in deliveries:
        event, id = each.event, each.message.aggregate_id
        ends = {event.source: event.source_ci, event.target: event.target_ci}
        rows[id] = {
            "id": id,
            "provider": event.provider,
            "dependent": event.dependent,
            "provider_ci": ends[event.provider],
            "dependent_ci": ends[event.dependent],
            "valid_from": event.valid_from,
            "valid_to": event.valid_to,
        }
    await keep(work, RELATIONSHIPS, rows)
    await work.transaction.execute(HEARD, {"count": len(deliveries)})


async def keep_majors(deliveries: Sequence[Delivery[MajorIncidentFact]], work: Work) -> None:
    """Keep which major incidents are open, and what they concern."""
    await keep(
        work,
        MAJORS,
        {
            message.aggregate_id: {
                "id": message.aggregate_id,
                "number": message.subject,
                "state": event.state,
                "service": event.service,
                "ci": event.ci,
                "declared_at": event.declared_at,
            }
            for message, event in ((each.message, each.event) for each in deliveries)
        },
    )
    await work.transaction.execute(HEARD, {"count": len(deliveries)})


async def answer_wishes(deliveries: Sequence[Delivery[ChangeRequested]], work: Work) -> None:
    """Open a request for each wish of problem management (PRB-5), unless somebody has recorded it by hand."""
    transaction = work.transaction
    requests = [each.event.request for each in deliveries]
    answered = {row.request for row in await transaction.execute(ANSWERED, {"requests": requests})}
    for each in deliveries:
        if each.event.request in answered:
            log.info("wish.answered_already", problem=each.message.subject, request=str(each.event.request))
            continue
        answered.add(each.event.request)
        change, events = answering(each.event, each.message)
        transaction.record(change, events, each.cause(work.now))


HANDLERS: Handlers = (
    Projection(
        keep_items,
        (ItemRegistered, ItemChanged, ItemStatusChanged, UnauthorisedChangeFound),
        (KnownItem.__table__,),
    ),
    Projection(
        keep_relationships,
        (RelationshipAdded, RelationshipRemoved),
        (KnownRelationship.__table__, Knowledge.__table__),
    ),
    Projection(
        keep_majors,
        (
            MajorIncidentDeclared,
            MajorRoleAssigned,
            MajorUpdateSent,
            MajorUpdateMissed,
            MajorIncidentStoodDown,
            MajorIncidentReviewed,
        ),
        (KnownMajor.__table__, Knowledge.__table__),
    ),
    Reaction(answer_wishes, (ChangeRequested,)),
)
