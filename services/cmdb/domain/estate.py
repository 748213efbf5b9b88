"""Taking in a whole estate: what it makes new, changes and ends, decided whole before anything is written.

An estate follows the same rules as a person: types, change control, circles, dependents. Everything that is wrong is
found at once and named by its place in the order. An item that another source keeps may be related to, but is not
altered: the last writer never wins in silence.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Any
from uuid import UUID

from contracts.cmdb import FieldChange, ItemChanged, UnauthorisedChangeFound
from contracts.envelope import Event
from services.cmdb.domain.desk import Desk, figures
from services.cmdb.domain.items import edit, free_to_retire, move, register
from services.cmdb.domain.orders import Estate, EstateItem, EstateRelationship, Move, Register, Retire
from services.cmdb.domain.relationships import Told, end, relate, touched
from services.cmdb.lifecycle import IN_SERVICE, LIFECYCLE, Action, Status
from services.cmdb.rules.relationships import ACYCLIC, circle
from services.cmdb.tables import Item, Relationship
from shared.errors import Conflict, Invalid, Refusal

Edge = tuple[str, str, str]
"""(source, kind, target), by names."""


@dataclass(frozen=True, slots=True)
class Present:
    """What is there, locked: the items that the estate names or its source keeps, with those related to the latter;
    the relationships that hold and start at one of them; and of the kinds that must not run in a circle, every
    relationship that holds, as names."""

    items: Mapping[str, Item]
    held: Mapping[Edge, Relationship]
    ways: Mapping[str, Iterable[tuple[str, str]]]


@dataclass
class Plan:
    """What would be. `told` is what has to be written."""

    told: list[Told] = field(default_factory=list)
    added: list[str] = field(default_factory=list)
    changed: dict[str, dict[str, FieldChange]] = field(default_factory=dict)
    retired: list[str] = field(default_factory=list)
    unchanged: int = 0
    related: list[Edge] = field(default_factory=list)
    ended: list[Edge] = field(default_factory=list)
    unchanged_relationships: int = 0


class Planner:
    """Works one estate out against what is present."""

    def __init__(self, estate: Estate, present: Present, desk: Desk) -> None:
        self.estate = estate
        self.present = present
        self.desk = desk
        self.items = dict(present.items)
        self.new: set[UUID] = set()
        self.refused: set[str] = set()
        self.named = {row.name for row in estate.items}
        self.plan = Plan()
        self.errors: list[dict[str, object]] = []

    def planned(self) -> Plan:
        """Raises Invalid that names every fault."""
        self.take_items()
        wanted = self.take_relationships()
        ended = self.prune(wanted) if self.estate.prune else set()
        self.no_circles(ended)
        if self.errors:
            raise Invalid(
                "; ".join(f"{each['field']}: {each['message']}" for each in self.errors[:5]), errors=self.errors
            )
        self.plan.told = gathered(self.plan.told)
        return self.plan

    def fault(self, place: str, refusal: Refusal) -> None:
        """What a verb refused, at the place in the order that it came from."""
        listed = refusal.members.get("errors")
        if isinstance(listed, list):
            self.errors += [{"field": f"{place}.{each['field']}", "message": each["message"]} for each in listed]
        else:
            self.errors.append({"field": place, "message": refusal.detail})

    def take_items(self) -> None:
        seen: dict[str, int] = {}
        for place, row in enumerate(self.estate.items):
            if row.name in seen:
                self.fault(f"items.{place}", Invalid.field("name", f"items.{seen[row.name]} has this name"))
                continue
            seen[row.name] = place
            try:
                self.take_item(row)
            except Refusal as refusal:
                self.refused.add(row.name)
                self.fault(f"items.{place}", refusal)

    def take_item(self, row: EstateItem) -> None:
        item = self.items.get(row.name)
        if item is None:
            said = row.model_dump(exclude_unset=True) | {"source": self.estate.source}
            order = Register.model_validate(said | {"status": row.status or Status.LIVE.value})
            item, events = register(order, self.desk)
            self.items[item.name] = item
            self.new.add(item.id)
            self.plan.told.append((item, events))
            self.plan.added.append(item.name)
            return
        if item.type != row.type:
            raise Invalid.field("type", f"{item.number} {item.name} is of the type {item.type} for good")
        events = edit(item, row, self.desk)
        events += self.step(item, row)
        if not events:
            self.plan.unchanged += 1
            return
        if item.source != self.estate.source:
            raise Conflict(f"{item.number} {item.name} is kept by {item.source} and would be altered", rule="source")
        self.plan.told.append((item, events))
        self.plan.changed[item.name] = differences(events)

    def step(self, item: Item, row: EstateItem) -> list[Event]:
        """The one step of its life that leads to the status that the estate has."""
        if row.status in (None, item.status):
            return []
        for (before, action), after in LIFECYCLE.moves.items():
            if (before, after) == (item.status, row.status):
                return move(item, action, Move(), self.desk)
        raise Invalid.field("status", f"no step leads from {item.status} to {row.status}")

    def take_relationships(self) -> set[Edge]:
        wanted: dict[Edge, int] = {}
        for place, row in enumerate(self.estate.relationships):
            edge = (row.source, row.kind, row.target)
            if edge in wanted:
                self.fault(f"relationships.{place}", Conflict(f"relationships.{wanted[edge]} is the same"))
                continue
            wanted[edge] = place
            if self.refused.intersection((row.source, row.target)):
                continue  # what is wrong is said of the item
            try:
                self.take_relationship(row, edge)
            except Refusal as refusal:
                self.fault(f"relationships.{place}", refusal)
        return set(wanted)

    def take_relationship(self, row: EstateRelationship, edge: Edge) -> None:
        for end_of_it in ("source", "target"):
            if getattr(row, end_of_it) not in self.items:
                raise Invalid.field(end_of_it, f"there is no item {getattr(row, end_of_it)}")
        if edge in self.present.held:
            self.plan.unchanged_relationships += 1
            return
        source, target = self.items[row.source], self.items[row.target]
        _, told = relate(source, row.kind, target, self.desk, self.estate.source, self.new)
        self.plan.told += told
        self.plan.related.append(edge)

    def prune(self, wanted: set[Edge]) -> set[Edge]:
        """End what the source does not know any more; the relationships that this ends."""
        gone = [
            item for item in self.present.items.values()
            if item.source == self.estate.source and item.name not in self.named and item.status != Status.RETIRED
        ]  # fmt: skip
        names = {item.name for item in gone}
        for edge in wanted:
            for name in {edge[0], edge[2]} & names:
                self.fault("relationships", Conflict(f"{name} is named here, and is not among the items any more"))
        ended = {
            edge: each for edge, each in self.present.held.items()
            if (each.origin == self.estate.source and edge not in wanted) or {edge[0], edge[2]} & names
        }  # fmt: skip
        for edge, each in ended.items():
            self.attempt("prune", lambda edge=edge, each=each: self.end_one(edge, each, names))
        for item in gone:
            self.attempt("prune", lambda item=item: self.retire(item, ended))
        return set(ended)

    def attempt(self, place: str, act: Any) -> None:
        try:
            act()
        except Refusal as refusal:
            self.fault(place, refusal)

    def end_one(self, edge: Edge, each: Relationship, gone: set[str]) -> None:
        """Ending it alters both ends; where one of them is retired, that alone is what has to be allowed."""
        ends = (edge[0], edge[2])
        altered = [] if gone.intersection(ends) else [self.items[name] for name in ends]
        change, told = touched(altered, each.kind, self.desk)
        reason = f"the estate {self.estate.source} does not have it any more"
        self.plan.told += [(each, end(each, reason, self.desk, change)), *told]
        self.plan.ended.append(edge)

    def retire(self, item: Item, ended: Mapping[Edge, Relationship]) -> None:
        dependents = {each.dependent for each in ended.values() if each.provider == item.id}
        rely = sorted(
            other.name for other in self.items.values()
            if other.id in dependents and other.status in IN_SERVICE and other.nature != "team"
            and not (self.lost(other) or self.released(item, other, ended))
        )  # fmt: skip
        order = Retire(reason=f"the estate {self.estate.source} does not have it any more", force=self.estate.force)
        free_to_retire(item, order, rely)
        self.plan.told.append((item, move(item, Action.RETIRE, order, self.desk)))
        self.plan.retired.append(item.name)

    def lost(self, other: Item) -> bool:
        """It goes itself."""
        return other.source == self.estate.source and other.name not in self.named

    def released(self, item: Item, other: Item, ended: Mapping[Edge, Relationship]) -> bool:
        """Its source itself says, with this estate, that it does not depend on the item any more."""
        between = [each for each in ended.values() if (each.provider, each.dependent) == (item.id, other.id)]
        return all(each.origin == self.estate.source for each in between)

    def no_circles(self, ended: set[Edge]) -> None:
        for kind in ACYCLIC:
            new = {(source, target): None for source, each, target in self.plan.related if each == kind}
            if not new:
                continue
            over = {(source, target) for source, each, target in ended if each == kind}
            found = circle([*(way for way in self.present.ways.get(kind, ()) if way not in over), *new])
            if found:
                closing = next(way for way in pairwise(found) if way in new)
                place = next(
                    place for place, row in enumerate(self.estate.relationships)
                    if (row.source, row.kind, row.target) == (closing[0], kind, closing[1])
                )  # fmt: skip
                way = " → ".join(found)
                self.fault(f"relationships.{place}", Conflict(f"this closes a circle of {kind}: {way}", rule="circle"))


def differences(events: Iterable[Event]) -> dict[str, FieldChange]:
    """What these events of an item say is another than before."""
    changes: dict[str, FieldChange] = {}
    for event in events:
        if isinstance(event, ItemChanged):
            changes |= event.changes
        elif (previous := getattr(event, "previous_status", None)) is not None:
            changes["status"] = FieldChange(before=previous, after=event.status)  # type: ignore[attr-defined]
    return changes


def gathered(told: Iterable[Told]) -> list[Told]:
    """One entry for each record, and one remark for each item that was altered without leave, however often."""
    by_record: dict[UUID, tuple[Item | Relationship, list[Event]]] = {}
    remarks: dict[UUID, dict[str, None]] = {}
    for record, events in told:
        kept = by_record.setdefault(record.id, (record, []))[1]
        for event in events:
            if isinstance(event, UnauthorisedChangeFound):
                remarks.setdefault(record.id, {}).update(dict.fromkeys(event.fields))
            else:
                kept.append(event)
    for id, fields in remarks.items():
        record, kept = by_record[id]
        assert isinstance(record, Item)
        kept.append(UnauthorisedChangeFound(**figures(record), fields=tuple(fields)))
    return list(by_record.values())
