"""The configuration service on one screen."""

from collections.abc import Iterator, Sequence

from contracts.cmdb import AttributeTerms, ItemTypeVersioned
from services.cmdb.api import permissions, routers
from services.cmdb.handlers import HANDLERS
from services.cmdb.rules.types import ITEM_TYPE, ItemType
from services.cmdb.tables import Row
from shared.policies import Kind, Policy
from shared.service import Service


def versioned(policy: Policy) -> ItemTypeVersioned:
    terms: ItemType = policy.spec
    return ItemTypeVersioned(
        type=policy.name,
        type_version=policy.version,
        effective_from=policy.effective_from,
        nature=terms.nature,
        control=terms.control,
        required=terms.required,
        attributes=tuple(
            AttributeTerms(attribute=name, kind=each.kind, required=each.required, choices=each.choices)
            for name, each in terms.attributes.items()
        ),
    )


def one_nature(policies: Sequence[Policy]) -> Iterator[tuple[str, str, str, str]]:
    """Items keep the nature that they were registered with, so a type keeps its own."""
    first: dict[str, ItemType] = {}
    for policy in policies:
        if policy.kind != ITEM_TYPE:
            continue
        nature = first.setdefault(policy.name, policy.spec).nature
        if policy.spec.nature != nature:
            yield ITEM_TYPE, policy.name, "spec.nature", f"{policy.name} is a type of the nature {nature} for good"


service = Service(
    name="cmdb",
    title="Configuration management",
    clause="9.1",
    rows=Row.metadata,
    routers=routers,
    permissions=permissions,
    handlers=HANDLERS,
    policies=(Kind(ITEM_TYPE, ItemType, versioned, lambda policies: tuple(one_nature(policies))),),
)
