"""What was, from the events alone: an item or relationship after its events, as timelines prove and as-of queries ask.

Each event repeats the whole of what it is about, so the newest one up to an instant is the state at that instant.
"""

from collections.abc import Iterable
from typing import Any

from contracts.cmdb import ItemFact, RelationshipFact
from contracts.envelope import Message, registry

State = dict[str, Any]
ITEM = tuple(name for name in ItemFact.model_fields if name != "ci")
RELATIONSHIP = tuple(RelationshipFact.model_fields)
UNTOLD = frozenset({"change"})
# What tells that an item was altered without leave alters nothing itself.
REMARKS = frozenset({"ci.unauthorised_change"})


def fold(messages: Iterable[Message]) -> State:
    """The columns of the record whose events these are, from the first one on, in their order.

    Raises TypeError for an event that is neither an item's nor a relationship's.
    """
    state: State = {}
    for message in messages:
        event = registry()[message.type].model_validate_json(message.data)
        match event:
            case ItemFact():
                state |= {name: getattr(event, name) for name in ITEM} | {"name": event.ci, "links": list(event.links)}
                state.setdefault("registered_at", message.occurred)
                if event.name not in REMARKS:
                    state["changed_at"] = message.occurred
            case RelationshipFact():
                state |= {name: getattr(event, name) for name in RELATIONSHIP if name not in UNTOLD}
            case _:
                raise TypeError(f"{message.type} tells of no item or relationship")
        state |= {"id": message.aggregate_id, "number": message.subject, "version": message.sequence}
        state["organisation"] = message.organisation
    return state
