"""Parents, children and duplicates (INC-9): what ties two of our records, and what children do when their parent ends.

A family has one level. A parent tells of its children too, so that its version, which guards every command on it, moves
with them: a resolution can never overlook a child that was linked meanwhile.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from contracts.envelope import Event
from contracts.incident import IncidentLinked, IncidentUnlinked
from services.incident.domain.desk import Desk, figures
from services.incident.domain.orders import Cancel, Close, Resolve
from services.incident.domain.progress import DUPLICATE, cancel, close, move, resolve, resolved
from services.incident.lifecycle import OPEN, Action
from services.incident.tables import Incident
from shared.errors import Conflict, Invalid

# The verbs that end the work on a record, and so concern its children.
ENDINGS: Mapping[Action, Callable[[Incident, Any, Desk], list[Event]]] = {
    Action.RESOLVE: resolve,
    Action.CLOSE: close,
    Action.CANCEL: cancel,
}
FOLLOWED = "resolved with parent"
Told = tuple[Incident, list[Event]]


def adopt(child: Incident, parent: Incident, desk: Desk) -> list[Told]:
    """Make one record the parent of another. Raises Invalid or Conflict where that made more than one level."""
    move(child, Action.LINK)
    if child.id == parent.id:
        raise Invalid.field("parent", "a record cannot belong to itself")
    if child.parent == parent.id:
        return []
    if child.parent is not None:
        raise Conflict("it has a parent already; unlink that first", allowed=(Action.UNLINK,))
    if child.children:
        raise Conflict(f"{child.number} has children itself; a family has one level", allowed=())
    if parent.parent is not None:
        raise Invalid.field("parent", f"{parent.number} is a child itself; a family has one level")
    if child.state in OPEN and parent.state not in OPEN:
        raise Invalid.field("parent", f"{parent.number} is {parent.state}: there is no resolution left to follow")
    child.parent = parent.id
    parent.children += 1
    return [
        (child, [linked(child, "parent", parent)]),
        (parent, [linked(parent, "child", child)]),
    ]


def part(child: Incident, parent: Incident, desk: Desk) -> list[Told]:
    """Undo `adopt`."""
    move(child, Action.UNLINK)
    child.parent = None
    parent.children -= 1
    return [
        (child, [IncidentUnlinked(**figures(child), relation="parent", target=parent.id)]),
        (parent, [IncidentUnlinked(**figures(parent), relation="child", target=child.id)]),
    ]


def repeat(incident: Incident, original: Incident, desk: Desk) -> list[Told]:
    """Say that a record tells what another one told before. Never in a ring: an original is no duplicate itself."""
    move(incident, Action.LINK)
    if incident.id == original.id:
        raise Invalid.field("duplicate_of", "a record cannot repeat itself")
    if original.duplicate_of is not None:
        raise Invalid.field("duplicate_of", f"{original.number} is a duplicate itself; name the record that it repeats")
    if original.organisation != incident.organisation:
        raise Invalid.field("duplicate_of", f"{original.number} is another organisation's; it can only be the parent")
    if incident.duplicate_of == original.id:
        return []
    previous, incident.duplicate_of = incident.duplicate_of, original.id
    return [(incident, [linked(incident, "duplicate_of", original, previous=previous)])]


def linked(incident: Incident, relation: str, target: Incident, **more: Any) -> Event:
    return IncidentLinked(**figures(incident), relation=relation, target=target.id, target_number=target.number, **more)


def concerns_children(incident: Incident, action: Action) -> bool:
    """Whether this verb on this record has to be decided with its children at hand."""
    return bool(incident.children) and action in ENDINGS and incident.state in OPEN


def end(parent: Incident, children: Sequence[Incident], action: Action, order: Any, desk: Desk) -> list[Told]:
    """End the work on a parent: its open children are resolved with it, each by its own events for its own user.

    Raises Conflict where there is nothing that children could follow: a cancelled or repeated parent resolves nothing.
    """
    told: list[Told] = [(parent, ENDINGS[action](parent, order, desk))]
    following = [child for child in children if child.state in OPEN]
    if following and (isinstance(order, Cancel) or parent.closure_code == DUPLICATE):
        names = ", ".join(child.number for child in following[:5])
        raise Conflict(f"it has open children ({names}); unlink or resolve them first", allowed=(Action.RESOLVE,))
    if isinstance(order, Close):
        order = Resolve(resolution_code=order.closure_code or FOLLOWED, note=order.note, cause_code=parent.cause_code)
    return told + [(child, [resolved(child, order, desk, with_parent=parent.id)]) for child in following]
