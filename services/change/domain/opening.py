"""Recording a request for change: by a person, or by a wish of problem management (CHG-1)."""

from datetime import timedelta
from uuid import uuid5

from contracts.change import ChangeScheduled, ChangeSubmitted
from contracts.envelope import Event, Message
from contracts.problem import ChangeRequested
from services.change.domain.approval import beforehand
from services.change.domain.desk import Desk, conflict, figures, plans
from services.change.domain.orders import Request
from services.change.domain.planning import classified, rated, standard, window
from services.change.domain.progress import move
from services.change.lifecycle import Action, State
from services.change.rules import approval
from services.change.tables import Change
from shared.database.records import new

EMPTY: dict[str, object] = {
    "points": 0, "answers": [], "round": 0, "approvers": [], "acknowledged": {}, "overdue": False,
}  # fmt: skip


def request(order: Request, desk: Desk) -> tuple[Change, list[Event]]:
    """A new record; classified where its answers, its model or an emergency say as what."""
    given = order.model_dump(exclude={"emergency", "answers", "model", "items"})
    change = new(
        Change,
        **EMPTY,
        **given,
        state=State.REQUESTED,
        requester=desk.actor,
        requested_at=desk.now,
        items=list(dict.fromkeys(order.items)),
    )
    if order.model is not None:
        standard(change, order.model, desk)
        if change.planned_start is not None and change.planned_end is None:
            change.planned_end = change.planned_start + timedelta(minutes=desk.model(order.model).minutes)
    elif order.emergency or order.answers is not None:
        rated(change, order.answers, desk, emergency=order.emergency)
    window(change.planned_start, change.planned_end)
    frozen = [each for each in desk.collisions if each.forbids]
    if frozen and not order.emergency:
        conflict(approval.FREEZE, f"the freeze {frozen[0].with_what} covers it then", freeze=frozen[0].with_what)
    events: list[Event] = [submitted(change)]
    if change.change_class is not None:
        move(change, Action.CLASSIFY)
        events.append(classified(change, None))
    if change.planned_start is not None:
        events.append(ChangeScheduled(**figures(change)))
    return change, [*events, *beforehand(change, desk)]


def answering(wish: ChangeRequested, message: Message) -> tuple[Change, list[Event]]:
    """The request that a wish of problem management opens; the same one however often the wish is heard."""
    change = new(
        Change,
        **EMPTY,
        organisation=wish.organisation,
        state=State.REQUESTED,
        title=wish.title,
        description=wish.description,
        reason=wish.reason,
        benefit="",
        impact="",
        resources="",
        plan="",
        backout="",
        remedy="",
        requester=message.actor,
        requested_at=message.occurred,
        service=wish.service,
        items=[wish.ci] if wish.ci else [],
        problem=message.aggregate_id,
        request=wish.request,
    )
    change.id = uuid5(wish.request, "change")
    change.number = f"~{change.id}~"
    return change, [submitted(change)]


def submitted(change: Change) -> ChangeSubmitted:
    return ChangeSubmitted(
        **figures(change),
        **plans(change),
        description=change.description,
        reason=change.reason,
        benefit=change.benefit,
        impact=change.impact,
        resources=change.resources,
        outage_minutes=change.outage_minutes,
    )
