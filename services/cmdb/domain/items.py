"""The verbs of one item: register, edit, and the moves of its life."""

from typing import Any

from contracts.cmdb import FieldChange, ItemChanged, ItemRegistered, ItemStatusChanged
from contracts.envelope import Event
from services.cmdb.domain.control import controlled
from services.cmdb.domain.desk import Desk, InForce, figures
from services.cmdb.domain.orders import FIELDS, Edit, Fields, Move, Register, Retire
from services.cmdb.lifecycle import LIFECYCLE, Action, Status
from services.cmdb.rules.types import faults
from services.cmdb.tables import Item
from shared.database.records import new
from shared.errors import Conflict, Invalid

SHOWN_DEPENDENTS = 20


def register(order: Register, desk: Desk) -> tuple[Item, list[Event]]:
    """A new item, which obeys its type. Raises Invalid that names each field."""
    found = in_force(order.type, desk)
    said = values(order)
    obey(found, said)
    item = new(
        Item,
        name=order.name,
        type=order.type,
        type_version=found.version,
        nature=found.terms.nature,
        status=order.status,
        source=order.source,
        registered_at=desk.now,
        changed_at=desk.now,
        **said,
    )
    return item, [ItemRegistered(**figures(item))]


def edit(item: Item, order: Edit | Fields, desk: Desk) -> list[Event]:
    """What is sent replaces what it was; the whole item then obeys the version of its type that is in force now."""
    LIFECYCLE.after(Status(item.status), Action.EDIT)
    said = {name: getattr(item, name) for name in (*FIELDS, "attributes")}
    for name in order.model_fields_set & set(FIELDS):
        said[name] = getattr(order, name)
    said["links"] = list(said["links"] or ())
    said["attributes"] = merged(item.attributes, order.attributes or {})
    changes = differences(item, said)
    if not changes:
        return []
    found = in_force(item.type, desk)
    obey(found, said)
    for name, value in said.items():
        setattr(item, name, value)
    item.type_version, item.changed_at = found.version, desk.now
    change, told = controlled(item, item.status, changes, desk)
    return [ItemChanged(**figures(item), changes=changes, change=change), *told]


def move(item: Item, action: Action, order: Move | Retire, desk: Desk) -> list[Event]:
    """One step of its life. A step needs no fields, so that an item whose type has become stricter can be retired."""
    before = Status(item.status)
    item.status = LIFECYCLE.after(before, action)
    item.changed_at = desk.now
    change, told = controlled(item, before, ("status",), desk)
    changed = ItemStatusChanged(**figures(item), previous_status=before.value, change=change, reason=reason(order))
    return [changed, *told]


def free_to_retire(item: Item, order: Retire, dependents: list[str]) -> None:
    """Raises Conflict that names the items in service which depend on it, unless the order says why it must be."""
    if dependents and order.force is None:
        more = len(dependents) - SHOWN_DEPENDENTS
        shown = ", ".join(dependents[:SHOWN_DEPENDENTS]) + (f" and {more} more" if more > 0 else "")
        raise Conflict(
            f"{len(dependents)} items in service depend on {item.name}: {shown}; end these relationships first, or "
            "say with force why it is retired all the same",
            rule="dependents",
            dependents=dependents[:SHOWN_DEPENDENTS],
        )


def reason(order: Move | Retire) -> str:
    forced = order.force if isinstance(order, Retire) else None
    return "; ".join(each for each in (order.reason, forced) if each)


def in_force(type: str, desk: Desk) -> InForce:
    """Raises Invalid where there is no such type yet."""
    found = desk.types(type)
    if found is None:
        raise Invalid.field("type", f"no type {type!r} is in force")
    return found


def obey(found: InForce, said: dict[str, Any]) -> None:
    """Raises Invalid that names each field in which this does not obey the type."""
    if errors := faults(found.terms, said):
        raise Invalid(
            "; ".join(f"{field}: {message}" for field, message in errors[:5]),
            errors=[{"field": field, "message": message} for field, message in errors],
        )


def values(order: Fields) -> dict[str, Any]:
    """The columns of an order's fields; an attribute without a value is none."""
    said = {name: getattr(order, name) for name in FIELDS}
    return said | {"links": list(order.links), "attributes": merged({}, order.attributes)}


def merged(before: dict[str, Any], sent: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in (before | sent).items() if value is not None}


def differences(item: Item, said: dict[str, Any]) -> dict[str, FieldChange]:
    """Each field and attribute that would be another one."""
    changes: dict[str, FieldChange] = {}
    for name in FIELDS:
        before, after = getattr(item, name), said[name]
        if name == "links":
            before, after = "\n".join(before) or None, "\n".join(after) or None
        if before != after:
            changes[name] = FieldChange(before=before, after=after)
    for name in sorted(item.attributes.keys() | said["attributes"].keys()):
        before, after = item.attributes.get(name), said["attributes"].get(name)
        # For Python 1 is True and 1.0; for whoever reads the attribute it is not.
        if (type(before), before) != (type(after), after):
            changes[f"attributes.{name}"] = FieldChange(before=before, after=after)
    return changes
