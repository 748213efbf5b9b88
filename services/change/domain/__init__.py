"""The verbs of a change. Each changes the record and returns what is now true; VERBS is all of them, as data."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from contracts.envelope import Event
from services.change.domain import approval, details, emergency, orders, planning, progress
from services.change.domain.desk import Desk, Ruled
from services.change.domain.opening import request
from services.change.lifecycle import Action
from services.change.tables import Change
from shared.orders import Order

__all__ = ["AROUND", "VERBS", "Desk", "Order", "Ruled", "Verb", "decide", "request"]


@dataclass(frozen=True, slots=True)
class Verb:
    """What an order of this class does to a change, in a sentence for the API's pages."""

    order: type[Order]
    act: Callable[[Change, Any, Desk], list[Event]]
    summary: str


VERBS: Mapping[Action, Verb] = {
    Action.CLASSIFY: Verb(orders.Classify, planning.classify, "Say its class: by answers, by a model, or an emergency"),
    Action.SCHEDULE: Verb(orders.Schedule, planning.schedule, "Give it a window, or another one"),
    Action.ACKNOWLEDGE: Verb(orders.Acknowledge, approval.acknowledge, "Say why it may stay in spite of a collision"),
    Action.APPROVE: Verb(orders.Approve, approval.approve, "Agree to it, for the step whose turn it is"),
    Action.AUTHORISE: Verb(orders.Authorise, emergency.authorise, "Let an emergency go ahead; its paperwork follows"),
    Action.VOID: Verb(orders.Void, approval.void, "Take back what was approved"),
    Action.REJECT: Verb(orders.Reject, approval.reject, "Refuse it; the record is kept"),
    Action.CANCEL: Verb(orders.Cancel, details.cancel, "Withdraw it before anything is altered"),
    Action.START: Verb(orders.Start, progress.start, "Its items are being altered now"),
    Action.COMPLETE: Verb(orders.Complete, progress.complete, "It was carried out as planned"),
    Action.FAIL: Verb(orders.Fail, progress.fail, "It did not succeed; back it out or repair it"),
    Action.BACK_OUT: Verb(orders.BackOut, progress.back_out, "It was reversed by its back-out plan"),
    Action.REPAIR: Verb(orders.Repair, progress.repair, "It failed, and was brought to its end by its remedy plan"),
    Action.DOCUMENT: Verb(orders.Document, emergency.document, "Give the paperwork that an emergency owes"),
    Action.CLOSE: Verb(orders.Close, progress.close, "Nothing more is to be done on it"),
    Action.ASSIGN: Verb(orders.Assign, details.assign, "Give it to a support group, a person, or both"),
    Action.COMMENT: Verb(orders.Comment, details.comment, "Write on it"),
    Action.EDIT: Verb(orders.Edit, planning.edit, "Correct or complete it; another scope voids what was approved"),
}
# The verbs that look at what is in the way, or at approvals. They work on a locked record.
AROUND = frozenset(
    {Action.CLASSIFY, Action.SCHEDULE, Action.ACKNOWLEDGE, Action.APPROVE, Action.REJECT, Action.START, Action.EDIT}
)


def decide(verb: Verb, change: Change, order: Order, desk: Desk) -> list[Event]:
    """Do it."""
    return verb.act(change, order, desk)
