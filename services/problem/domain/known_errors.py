"""Known errors: what the desk may use while a cause is not removed (PRB-4)."""

from datetime import datetime
from typing import Any

from contracts.envelope import Event
from contracts.known_error import (
    KnownErrorFact,
    KnownErrorPublished,
    KnownErrorRetired,
    KnownErrorReviewOverdue,
    KnownErrorRevised,
)
from services.problem.domain.desk import Desk
from services.problem.domain.orders import PublishKnownError, RetireKnownError, ReviseKnownError
from services.problem.lifecycle import KNOWN_ERROR, KnownAction, KnownState, State
from services.problem.tables import KnownError, Problem
from shared.database.records import new
from shared.errors import Conflict, Invalid

TOLD = tuple(KnownErrorFact.model_fields)
EXPIRED = "It was valid until now"
REMOVABLE = frozenset({"service", "category", "valid_to"})


def facts(known: KnownError) -> dict[str, Any]:
    """The record, which each of its events repeats."""
    return {name: getattr(known, name) for name in TOLD} | {"items": tuple(known.items)}


def publish(order: PublishKnownError, problem: Problem, desk: Desk) -> tuple[KnownError, list[Event]]:
    if problem.state == State.CANCELLED:
        raise Conflict(f"{problem.number} is cancelled: there is no problem whose error this could be", allowed=())
    workaround = order.workaround or problem.workaround
    if workaround is None:
        raise Invalid.field("workaround", f"{problem.number} has none recorded: say what the desk may do")
    known = new(
        KnownError,
        organisation=problem.organisation,
        state=KnownState.PUBLISHED,
        problem=problem.id,
        problem_number=problem.number,
        title=order.title or problem.title,
        symptom=order.symptom,
        workaround=workaround,
        items=list(order.items if order.items is not None else [problem.ci] if problem.ci else []),
        service=order.service or problem.service,
        category=order.category or problem.category,
        valid_from=order.valid_from or desk.now,
        valid_to=order.valid_to,
        review_at=order.review_at,
        review_due_at=order.review_at,
        published_at=desk.now,
    )
    if known.review_at <= desk.now:
        raise Invalid.field("review_at", "a review lies in the future")
    if known.valid_to is not None and known.valid_to <= desk.now:
        raise Invalid.field("valid_to", "this is over already")
    in_order(known)
    return known, [KnownErrorPublished(**facts(known))]


def in_order(known: KnownError) -> None:
    """Raises Invalid where it would be valid for no instant."""
    if known.valid_to is not None and known.valid_to <= known.valid_from:
        raise Invalid.field("valid_to", f"after valid_from, {known.valid_from.isoformat()}")


def revise(known: KnownError, order: ReviseKnownError, desk: Desk) -> list[Event]:
    known.state = KNOWN_ERROR.after(KnownState(known.state), KnownAction.REVISE)
    changed = []
    for name in sorted(order.model_fields_set):
        after = getattr(order, name)
        if after is None and name not in REMOVABLE:
            raise Invalid.field(name, "this cannot be taken away")
        after = list(after) if name == "items" else after
        if getattr(known, name) != after:
            changed.append(name)
            setattr(known, name, after)
    if not changed:
        return []
    if "review_at" in changed:
        if known.review_at <= desk.now:
            raise Invalid.field("review_at", "a review lies in the future")
        known.review_due_at, known.overdue_since = known.review_at, None
    if "valid_to" in changed and known.valid_to is not None and known.valid_to <= desk.now:
        raise Invalid.field("valid_to", "this is over already; retire it to end it now")
    in_order(known)
    return [KnownErrorRevised(**facts(known), fields=tuple(changed))]


def retire(known: KnownError, order: RetireKnownError, desk: Desk) -> list[Event]:
    return retired(known, order.reason, desk.now)


def retired(known: KnownError, reason: str, at: datetime) -> list[Event]:
    """It is not to be used from now on: whoever asks what was valid then gets the true answer later too."""
    known.state = KNOWN_ERROR.after(KnownState(known.state), KnownAction.RETIRE)
    known.valid_to = max(known.valid_from, min(known.valid_to or at, at))
    known.review_due_at = None
    known.retired_at, known.retired_because = at, reason
    return [KnownErrorRetired(**facts(known), reason=reason)]


def review_overdue(known: KnownError) -> list[Event]:
    """The date of its review has passed; told once for each date."""
    known.review_due_at, known.overdue_since = None, known.review_at
    return [KnownErrorReviewOverdue(**facts(known))]


def due(known: KnownError, now: datetime) -> list[tuple[datetime, list[Event]]]:
    """What has come true of it by now without anybody's doing, each with its own instant, in their order."""
    happened: list[tuple[datetime, list[Event]]] = []
    ends = known.valid_to if known.valid_to is not None and known.valid_to <= now else None
    review_at = known.review_due_at
    if review_at is not None and review_at <= now and (ends is None or review_at < ends):
        happened.append((review_at, review_overdue(known)))
    if ends is not None:
        happened.append((ends, retired(known, EXPIRED, ends)))
    return happened
