"""The verbs of reviews and of the actions that are agreed on. Each changes the record and returns what is now true."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any
from uuid import UUID

from contracts.envelope import Event
from contracts.service_review import (
    AgreedActionCompleted,
    AgreedActionDropped,
    AgreedActionOverdue,
    AgreedActionRaised,
    AgreedActionRevised,
    ServiceReviewCancelled,
    ServiceReviewHeld,
    ServiceReviewPlanned,
)
from services.sla.domain.orders import Agreed, Complete, Drop, Hold, Revise
from services.sla.lifecycle import REVIEWS, TASKS, ReviewState, ReviewVerb, TaskState, TaskVerb
from services.sla.rules.agreements import AgreementVersion
from services.sla.tables import Review, Task
from shared.database.records import new
from shared.errors import Invalid


def of_review(row: Review) -> dict[str, Any]:
    """What each event of a review repeats."""
    return {name: getattr(row, name) for name in ("state", "agreement", "agreement_version", "due_on")}


def of_task(row: Task) -> dict[str, Any]:
    """What each event of an action repeats."""
    names = ("state", "source", "source_id", "source_number", "agreement", "title", "owner", "due_on")
    return {name: getattr(row, name) for name in names}


def plan(versions: Sequence[AgreementVersion], number: int, day: date) -> tuple[Review, list[Event]]:
    """A review that this version of an agreement asks for."""
    version = next(each for each in versions if each.version == number)
    customers = version.spec.customers
    row = new(
        Review,
        organisation=customers[0] if len(customers) == 1 else None,
        state=ReviewState.PLANNED,
        agreement=version.name,
        agreement_version=number,
        due_on=day,
        participants=[],
        notes="",
    )
    return row, [ServiceReviewPlanned(**of_review(row))]


def hold(review: Review, order: Hold, now: datetime) -> list[Event]:
    review.state = REVIEWS.after(ReviewState(review.state), ReviewVerb.HOLD)
    if order.held_on > now.date():
        raise Invalid.field("held_on", "a review is recorded when it was held: today or before")
    review.held_on, review.participants, review.notes = order.held_on, list(order.participants), order.notes
    held = ServiceReviewHeld(
        **of_review(review), held_on=order.held_on, participants=order.participants, notes=order.notes
    )
    return [held]


def call_off(review: Review, reason: str) -> list[Event]:
    review.state = REVIEWS.after(ReviewState(review.state), ReviewVerb.CANCEL)
    review.reason = reason
    return [ServiceReviewCancelled(**of_review(review), reason=reason)]


def agree(review: Review, order: Agreed, now: datetime) -> tuple[Task, list[Event]]:
    """An action that a held review agreed on."""
    review.state = REVIEWS.after(ReviewState(review.state), ReviewVerb.RAISE)
    return raised(order, "review", review.id, review.number, review.agreement, review.organisation, now)


def raised(
    order: Agreed, source: str, id: UUID, number: str, agreement: str, organisation: str | None, now: datetime
) -> tuple[Task, list[Event]]:
    """A new action."""
    task = new(
        Task,
        organisation=organisation,
        state=TaskState.OPEN,
        source=source,
        source_id=id,
        source_number=number,
        agreement=agreement,
        title=order.title,
        owner=order.owner,
        due_on=order.due_on,
        overdue_told=False,
        raised_at=now,
    )
    return task, [AgreedActionRaised(**of_task(task))]


def revise(task: Task, order: Revise, now: datetime) -> list[Event]:
    """Another owner or day; a new day that passes is told of again."""
    task.state = TASKS.after(TaskState(task.state), TaskVerb.REVISE)
    owner, due_on = task.owner, task.due_on
    task.owner, task.due_on = order.owner or owner, order.due_on or due_on
    if (task.owner, task.due_on) == (owner, due_on):
        return []
    task.overdue_told = task.overdue_told and task.due_on == due_on
    return [AgreedActionRevised(**of_task(task), previous_owner=owner, previous_due_on=due_on, reason=order.reason)]


def complete(task: Task, order: Complete, now: datetime) -> list[Event]:
    task.state = TASKS.after(TaskState(task.state), TaskVerb.COMPLETE)
    task.settled_at, task.result = now, order.result
    return [AgreedActionCompleted(**of_task(task), result=order.result)]


def drop(task: Task, order: Drop, now: datetime) -> list[Event]:
    task.state = TASKS.after(TaskState(task.state), TaskVerb.DROP)
    task.settled_at, task.result = now, order.reason
    return [AgreedActionDropped(**of_task(task), reason=order.reason)]


def overdue(task: Task) -> list[Event]:
    task.overdue_told = True
    return [AgreedActionOverdue(**of_task(task))]
