"""The short path: one named authoriser now, the paperwork after, told when it is late, and a look back (CHG-8)."""

from datetime import datetime, timedelta

from contracts.change import EmergencyAuthorised
from contracts.change_emergency import PaperworkCompleted, PaperworkOverdue
from contracts.envelope import Event
from services.change.domain.approval import granted
from services.change.domain.desk import Desk, conflict, figures, forbidden, plans
from services.change.domain.orders import Authorise, Document
from services.change.domain.planning import PLAN
from services.change.domain.progress import move
from services.change.lifecycle import LIFECYCLE, Action, State
from services.change.rules import approval as rule
from services.change.rules.plans import PAPERWORK, lacks
from services.change.tables import Change


def authorise(change: Change, order: Authorise, desk: Desk) -> list[Event]:
    """Collisions and freezes do not stop an emergency: whoever authorises it answers for them."""
    LIFECYCLE.after(State(change.state), Action.AUTHORISE)
    if change.change_class != "emergency":
        conflict(rule.EMERGENCY, f"a {change.change_class} change is approved by the steps of the policy")
    if change.requester == desk.actor:
        forbidden(rule.REQUESTER, f"{change.requester} asked for {change.number}: somebody else authorises it")
    change.authorised_by, change.authorised_at = desk.actor, desk.now
    change.approvers = [desk.actor]
    change.paperwork_due = desk.now + timedelta(hours=desk.policy.paperwork_hours)
    authorised = EmergencyAuthorised(
        **figures(change), by=desk.actor, reason=order.reason, paperwork_due=change.paperwork_due
    )
    move(change, Action.AUTHORISE)
    return [authorised, granted(change, desk)]


def document(change: Change, order: Document, desk: Desk) -> list[Event]:
    """The plans as they were, and whether it truly was an emergency."""
    move(change, Action.DOCUMENT)
    if change.paperwork_due is None:
        conflict(rule.EMERGENCY, "only an emergency owes paperwork")
    if change.documented_at is not None:
        conflict(rule.EMERGENCY, f"its paperwork is there since {change.documented_at:%F %H:%M} UTC")
    for name in PLAN:
        if getattr(order, name) is not None:
            setattr(change, name, getattr(order, name))
    if found := lacks(change, PAPERWORK):
        conflict(rule.BACKOUT, f"the paperwork of an emergency has {', '.join(found)}", missing=found)
    change.documented_at, change.justified, change.review = desk.now, order.justified, order.review
    return [
        PaperworkCompleted(
            **figures(change),
            **plans(change),
            paperwork_due=change.paperwork_due,
            late=desk.now > change.paperwork_due,
            justified=order.justified,
            review=order.review,
        )
    ]


def overdue(change: Change, now: datetime) -> list[Event]:
    """Told once; nothing where it is not due, or is there."""
    due = change.paperwork_due
    if due is None or due > now or change.documented_at is not None or change.overdue:
        return []
    change.overdue = True
    return [PaperworkOverdue(**figures(change), paperwork_due=due)]
