"""What changes on a record without deciding anything: who carries it out, what is written on it; and withdrawing it."""

from contracts.change import ChangeAssigned, ChangeCancelled, ChangeCommented
from contracts.envelope import Event
from services.change.domain.desk import Desk, figures, own
from services.change.domain.orders import Assign, Cancel, Comment
from services.change.domain.progress import move
from services.change.lifecycle import Action
from services.change.rules import approval
from services.change.tables import Change


def assign(change: Change, order: Assign, desk: Desk) -> list[Event]:
    move(change, Action.ASSIGN)
    before = (change.group, change.assignee)
    sent = order.model_fields_set
    change.group = order.group if "group" in sent else change.group
    change.assignee = order.assignee if "assignee" in sent else change.assignee
    if (change.group, change.assignee) == before:
        return []
    return [
        ChangeAssigned(
            **figures(change), previous_group=before[0], previous_assignee=before[1], reason=order.reason
        )
    ]  # fmt: skip


def comment(change: Change, order: Comment, desk: Desk) -> list[Event]:
    move(change, Action.COMMENT)
    return [ChangeCommented(**figures(change), text=order.text)]


def cancel(change: Change, order: Cancel, desk: Desk) -> list[Event]:
    own(change, desk, approval.OWN)
    move(change, Action.CANCEL)
    change.closed_at = desk.now
    return [ChangeCancelled(**figures(change), reason=order.reason)]
