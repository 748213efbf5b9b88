"""Policy documents that the tests of this service apply, as people would write them."""

from collections.abc import Mapping, Sequence
from typing import Any

Document = dict[str, Any]
LONG_AGO = "2020-01-01T00:00:00Z"
SIGNED = [
    {"party": "customer", "name": "Their director", "date": "2019-12-01"},
    {"party": "provider", "name": "Our director", "date": "2019-12-02"},
]
LIMITS = {1: "1h", 2: "2h", 3: "4h", 4: "8h", 5: "16h"}


def calendar(name: str = "office", effective_from: str = LONG_AGO, **spec: Any) -> Document:
    """09:00 to 17:00 UTC from Monday to Friday, unless the spec says otherwise."""
    content = {"zone": "UTC", "weekly": {"monday-friday": ["09:00-17:00"]}, **spec}
    return {"kind": "sla/Calendar", "name": name, "effective_from": effective_from, "spec": content}


def target(measure: str = "resolve", **values: Any) -> Document:
    return {
        "name": f"{measure} in time",
        "measure": measure,
        "kinds": ["incident"],
        "calendar": "office",
        "limits": LIMITS,
        "pausing_reasons": ["user"],
        **values,
    }


def agreement(
    *targets: Mapping[str, Any],
    name: str = "northwind",
    customers: Sequence[str] = ("northwind",),
    effective_from: str = LONG_AGO,
    **spec: Any,
) -> Document:
    """A signed agreement with one customer; without targets it promises to resolve."""
    content = {
        "kind": "SLA",
        "parties": {"customer": "Northwind", "provider": "Service desk"},
        "customers": list(customers),
        "period": {"from": "2020-01-01"},
        "targets": [dict(each) for each in (targets or (target(),))],
        "signatures": SIGNED,
        **spec,
    }
    return {"kind": "sla/Agreement", "name": name, "effective_from": effective_from, "spec": content}


def service(name: str, **spec: Any) -> Document:
    """A live service of the catalogue, unless the spec says otherwise."""
    content = {"title": name, "state": "live", "owner": "Mara", "criticality": 2, **spec}
    return {"kind": "sla/Service", "name": name, "effective_from": LONG_AGO, "spec": content}


def supporting(*targets: Mapping[str, Any], name: str, supports: Sequence[str], **spec: Any) -> Document:
    """An operational level agreement of somebody inside, behind other agreements, about a service of its own: the
    records of other tests get no clock of it."""
    content: Document = {"kind": "OLA", "parties": {"customer": "Service desk", "provider": name}}
    content |= {"supports": list(supports), "services": [name]}
    return agreement(*targets, name=name, customers=(), **{**content, **spec})


def availability(name: str, of: str, **values: Any) -> Document:
    """99.5 % of the office hours."""
    content = {"name": name, "measure": "availability", "service": of, "calendar": "office", "at_least": 99.5}
    return {**content, **values}
