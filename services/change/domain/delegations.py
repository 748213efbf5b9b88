"""Who approves in whose place: granted by the approver, for a time, and taken back before its end (CHG-4)."""

from datetime import timedelta

from contracts.change_rules import DelegationEnded, DelegationGranted
from contracts.envelope import Event
from services.change.domain.desk import Desk, forbidden
from services.change.domain.orders import End, Grant
from services.change.rules import approval
from services.change.tables import Delegation
from shared.database.records import new
from shared.errors import Conflict, Invalid

LONGEST = timedelta(days=366)


def grant(order: Grant, desk: Desk) -> tuple[Delegation, list[Event]]:
    """The caller's own approvals, with the caller's own roles: what was delegated to them is not theirs to pass on."""
    begins = order.begins or desk.now
    if order.delegate == desk.actor:
        raise Invalid.field("delegate", "somebody else")
    if begins < desk.now:
        raise Invalid.field("begins", "now or later")
    if not begins < order.ends <= begins + LONGEST:
        raise Invalid.field("ends", f"after it begins, and at most {LONGEST.days} days later")
    delegation = new(
        Delegation,
        approver=desk.actor,
        delegate=order.delegate,
        roles=sorted(desk.roles),
        begins=begins,
        ends=order.ends,
        granted_at=desk.now,
    )
    return delegation, [DelegationGranted(**terms(delegation))]


def end(delegation: Delegation, order: End, desk: Desk) -> list[Event]:
    if delegation.approver != desk.actor and "administrator" not in desk.roles:
        forbidden(approval.OWN, f"{delegation.approver} granted it: they take it back")
    if delegation.ended_at is not None or delegation.ends <= desk.now:
        raise Conflict("it has ended already", allowed=())
    delegation.ended_at = desk.now
    return [DelegationEnded(**terms(delegation) | {"ends": desk.now})]


def terms(delegation: Delegation) -> dict[str, object]:
    return {
        "approver": delegation.approver,
        "delegate": delegation.delegate,
        "begins": delegation.begins,
        "ends": delegation.ends,
        "roles": tuple(delegation.roles),
    }
