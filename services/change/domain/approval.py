"""Approving, by the steps of the policy; refusing; and what makes approvals void (CHG-4)."""

from collections.abc import Sequence

from contracts.change import ApprovalGiven, ApprovalVoided, ChangeApproved, ChangeRejected
from contracts.change_collisions import CollisionAcknowledged
from contracts.envelope import Event
from services.change.domain.desk import Desk, conflict, figures, forbidden
from services.change.domain.orders import Acknowledge, Approve, Reject, Void
from services.change.domain.progress import move, planned
from services.change.lifecycle import LIFECYCLE, Action, State
from services.change.rules import approval as rule
from services.change.rules.approval import Given, Step, awaited, missing
from services.change.rules.collisions import Collision
from services.change.tables import Change
from shared.errors import Forbidden, NotFound


def approve(change: Change, order: Approve, desk: Desk) -> list[Event]:
    """One person agrees. The change is approved with the last one whom the policy asks for."""
    if change.started_at is not None:
        conflict(rule.AFTERWARDS, f"{change.number} was started at {change.started_at:%F %H:%M} UTC")
    approved = LIFECYCLE.after(State(change.state), Action.APPROVE)
    if change.change_class == "emergency":
        conflict(rule.EMERGENCY, "an emergency is authorised by one named person, not approved by steps")
    if change.planned_end is not None and change.planned_end <= desk.now:
        conflict(rule.AFTERWARDS, f"its window ended at {change.planned_end:%F %H:%M} UTC")
    by_whom(change, order, desk)
    steps = desk.policy.steps(change.change_class or "")
    step = turn(steps, order, desk)
    planned(change)
    in_the_way(change, desk)
    given = Given(step.step, desk.actor, order.for_whom, desk.now, order.note)
    left = missing(step, [*desk.given, given])
    change.approvers = [*change.approvers, desk.actor]
    events: list[Event] = [
        ApprovalGiven(
            **figures(change), step=step.step, by=desk.actor, for_whom=order.for_whom, note=order.note, missing=left
        )
    ]
    if awaited(steps, [*desk.given, given]) is None:
        change.state = approved
        events.append(granted(change, desk))
    return events


def by_whom(change: Change, order: Approve, desk: Desk) -> None:
    """Separation of duties. The database holds it as well; this says it in words."""
    if change.requester in (desk.actor, order.for_whom):
        forbidden(
            rule.REQUESTER, f"{change.requester} asked for {change.number}: neither they nor their delegate approve it"
        )
    if order.for_whom is not None and desk.delegated is None:
        forbidden(rule.DELEGATED, f"there is no delegation of {order.for_whom} to {desk.actor} now")
    person = order.for_whom or desk.actor
    for each in desk.given:
        if desk.actor == each.by or person == each.counted:
            conflict(rule.ONCE, f"{each.by} approved step {each.step!r} already, for {each.counted}")


def turn(steps: Sequence[Step], order: Approve, desk: Desk) -> Step:
    """The step whose turn it is, where this person has its role and means it."""
    step = awaited(steps, desk.given)
    if step is None:
        conflict(rule.ORDER, "no step of the policy waits for an approval")
    roles = desk.roles if order.for_whom is None else desk.delegated or frozenset()
    if order.step is not None and order.step != step.step:
        conflict(rule.ORDER, f"step {step.step!r} comes first", step=step.step, role=step.role)
    if step.role in roles:
        return step
    later = [each for each in steps[steps.index(step) + 1 :] if each.role in roles]
    if later:
        conflict(rule.ORDER, f"step {step.step!r} comes before {later[0].step!r}", step=step.step, role=step.role)
    person = order.for_whom or desk.actor
    detail = f"step {step.step!r} needs the role {step.role}, which {person} does not have"
    raise Forbidden(detail, rule=rule.ROLE, role=step.role)


def in_the_way(change: Change, desk: Desk) -> None:
    """Refuses what has no window, or what something is in the way of that nobody has answered for."""
    if change.planned_start is None:
        conflict(rule.WINDOW_FIRST, "an approval is for a window: schedule it first")
    frozen = [each for each in desk.collisions if each.forbids]
    if frozen:
        conflict(rule.FREEZE, f"the freeze {frozen[0].with_what} covers it", freeze=frozen[0].with_what)
    if left := unanswered(change, desk.collisions):
        conflict(
            rule.COLLISION,
            f"{len(left)} collisions wait for somebody who says why it may stay",
            collisions=[str(each.id) for each in left],
        )


def unanswered(change: Change, collisions: Sequence[Collision]) -> list[Collision]:
    return [each for each in collisions if str(each.id) not in change.acknowledged]


def granted(change: Change, desk: Desk) -> ChangeApproved:
    """It may be carried out now. Keeps by which policy."""
    change.policy, change.policy_version = desk.approval.name, desk.approval.version
    return ChangeApproved(
        **figures(change),
        approvers=tuple(change.approvers),
        policy=change.policy,
        policy_version=change.policy_version,
    )


def beforehand(change: Change, desk: Desk) -> list[Event]:
    """What was approved with its model needs no approval of its own, once it has a window and nothing in the way."""
    if (
        change.state != State.ASSESSED
        or change.change_class != "standard"
        or change.planned_start is None
        or desk.policy.steps("standard")
        or any(each.forbids for each in desk.collisions)
        or unanswered(change, desk.collisions)
    ):
        return []
    move(change, Action.APPROVE)
    return [granted(change, desk)]


def acknowledge(change: Change, order: Acknowledge, desk: Desk) -> list[Event]:
    move(change, Action.ACKNOWLEDGE)
    found = next((each for each in desk.collisions if each.id == order.collision), None)
    if found is None:
        raise NotFound(f"{change.number} has no collision {order.collision} now")
    if found.forbids and change.change_class != "emergency":
        conflict(rule.FREEZE, f"nobody can agree to a change in the freeze {found.with_what}; it has to be moved")
    if change.acknowledged.get(str(found.id)) == order.reason:
        return []
    change.acknowledged = change.acknowledged | {str(found.id): order.reason}
    return [CollisionAcknowledged(**figures(change), **told(found), reason=order.reason), *beforehand(change, desk)]


def told(found: Collision) -> dict[str, object]:
    """A collision as its events have it."""
    return {
        "collision": found.id,
        "kind": found.kind,
        "other": found.other,
        "other_number": found.other_number,
        "with_what": found.with_what,
        "path": found.path,
        "overlap_start": found.overlap_start,
        "overlap_end": found.overlap_end,
    }


def void(change: Change, order: Void, desk: Desk) -> list[Event]:
    """Take the approvals back by hand."""
    LIFECYCLE.after(State(change.state), Action.VOID)
    if change.state == State.ASSESSED and not change.approvers:
        return []
    return voided(change, order.reason)


def voided(change: Change, reason: str) -> list[Event]:
    """Nothing that was given counts any more, where something was."""
    if change.state != State.APPROVED and not change.approvers:
        return []
    move(change, Action.VOID)
    approvers, change.approvers = change.approvers, []
    change.round += 1
    change.policy = change.policy_version = None
    change.authorised_by = change.authorised_at = change.paperwork_due = change.documented_at = None
    change.justified = change.review = None
    change.overdue = False
    return [ApprovalVoided(**figures(change), reason=reason, approvers=tuple(approvers))]


def reject(change: Change, order: Reject, desk: Desk) -> list[Event]:
    move(change, Action.REJECT)
    change.closed_at = desk.now
    steps = desk.policy.steps(change.change_class or "")
    step = awaited(steps, desk.given)
    return [ChangeRejected(**figures(change), reason=order.reason, step=step.step if step else None)]
