"""The verbs of configuration management. Each changes records and returns what is now true; MOVES is those of an
item's life, as data."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.cmdb.domain.orders import Move, Retire
from services.cmdb.lifecycle import Action


@dataclass(frozen=True, slots=True)
class Verb:
    """What an order of this class does to an item, in a sentence for the API's pages."""

    order: type[Move] | type[Retire]
    summary: str


MOVES: Mapping[Action, Verb] = {
    Action.TEST: Verb(Move, "It is being tested"),
    Action.GO_LIVE: Verb(Move, "It is in service from now on"),
    Action.MAINTAIN: Verb(Move, "It is in maintenance; it stays under change control"),
    Action.RETURN: Verb(Move, "Maintenance is over"),
    Action.RETIRE: Verb(Retire, "It is gone for good; its relationships end with it"),
}
