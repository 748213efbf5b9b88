"""What was behind it: changes that are suspected, confirmed or dismissed as its cause (INC-12), and known errors whose
workaround was used on it (INC-4)."""

from collections.abc import Sequence
from typing import Literal
from uuid import UUID

from contracts.envelope import Event
from contracts.incident_causes import ChangeConfirmed, ChangeDismissed, ChangeSuspected, WorkaroundApplied
from services.incident.domain.desk import Desk, Named, figures
from services.incident.domain.orders import ApplyWorkaround, ConfirmChange, DismissChange, SuspectChange
from services.incident.domain.particulars import MOST, AppliedWorkaround, Item, Suspect, found, item, put
from services.incident.domain.progress import move
from services.incident.lifecycle import LIFECYCLE, Action, State
from services.incident.tables import Incident
from shared.errors import Conflict, Invalid


def apply_workaround(incident: Incident, order: ApplyWorkaround, desk: Desk) -> list[Event]:
    move(incident, Action.APPLY_WORKAROUND)
    error = named(desk, "known_error")
    if found(incident.workarounds, "known_error", error.id) is None:
        room(incident.workarounds)
    applied = AppliedWorkaround(known_error=error.id, number=error.number, helped=order.helped, at=desk.now)
    incident.workarounds = put(incident.workarounds, "known_error", item(applied))
    return [
        WorkaroundApplied(
            **figures(incident),
            known_error=error.id,
            known_error_number=error.number,
            helped=order.helped,
            note=order.note,
        )
    ]


def suspect(incident: Incident, order: SuspectChange, desk: Desk) -> list[Event]:
    """By hand. One that was dismissed is suspected again by it."""
    move(incident, Action.SUSPECT_CHANGE)
    change = named(desk, "change")
    before = found(incident.suspects, "change", change.id)
    if before is not None and before["status"] != "dismissed":
        return []
    if before is None:
        room(incident.suspects)
    return [suspected(incident, change, "hand", (), None, order.reason)]


def propose(incident: Incident, change: Named, path: Sequence[str], minutes_after: int) -> list[Event]:
    """What fits by time and items. What a person has said of the change already stands, and so does a known cause."""
    known = found(incident.suspects, "change", change.id)
    full = len(incident.suspects or ()) >= MOST
    allowed = Action.SUSPECT_CHANGE in LIFECYCLE.allowed(State(incident.state))
    if known is not None or full or incident.cause_change is not None or not allowed:
        return []
    return [suspected(incident, change, "proposal", tuple(path), minutes_after, "")]


def suspected(
    incident: Incident,
    change: Named,
    by: Literal["hand", "proposal"],
    path: tuple[str, ...],
    minutes_after: int | None,
    reason: str,
) -> Event:
    known = Suspect(
        change=change.id, number=change.number, status="suspected", by=by, path=path, minutes_after=minutes_after
    )
    incident.suspects = put(incident.suspects, "change", item(known))
    return ChangeSuspected(
        **figures(incident),
        change=change.id,
        change_number=change.number,
        by=by,
        path=path,
        minutes_after=minutes_after,
        reason=reason,
    )


def confirm(incident: Incident, order: ConfirmChange, desk: Desk) -> list[Event]:
    move(incident, Action.CONFIRM_CHANGE)
    change = of(incident, order.change)
    if incident.cause_change == order.change:
        return []
    if incident.cause_change is not None:
        other = of(incident, incident.cause_change)
        raise Conflict(
            f"{other.number} is confirmed as its cause; dismiss that first", allowed=(Action.DISMISS_CHANGE,)
        )
    incident.cause_change = order.change
    incident.suspects = marked(incident.suspects, order.change, "confirmed")
    return [
        ChangeConfirmed(
            **figures(incident), change=order.change, change_number=change.number, reason=order.reason
        )
    ]  # fmt: skip


def dismiss(incident: Incident, order: DismissChange, desk: Desk) -> list[Event]:
    move(incident, Action.DISMISS_CHANGE)
    change = of(incident, order.change)
    if change.status == "dismissed":
        return []
    if incident.cause_change == order.change:
        incident.cause_change = None
    incident.suspects = marked(incident.suspects, order.change, "dismissed")
    return [
        ChangeDismissed(
            **figures(incident), change=order.change, change_number=change.number, reason=order.reason
        )
    ]  # fmt: skip


def of(incident: Incident, change: UUID) -> Suspect:
    suspect = found(incident.suspects, "change", change)
    if suspect is None:
        raise Conflict(f"the change {change} is not suspected here; suspect it first", allowed=(Action.SUSPECT_CHANGE,))
    return Suspect.model_validate(suspect)


def marked(suspects: Sequence[Item] | None, change: UUID, status: str) -> list[Item]:
    return [each | {"status": status} if each["change"] == str(change) else each for each in suspects or ()]


def named(desk: Desk, field: str) -> Named:
    """What the desk has looked up of the record that the order names."""
    if desk.named is None:
        raise Invalid.field(field, "nothing is known of it here")
    return desk.named


def room(items: Sequence[Item] | None) -> None:
    if len(items or ()) >= MOST:
        raise Conflict(f"a record names at most {MOST} of these", allowed=())
