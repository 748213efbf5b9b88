"""The service catalogue at an instant: each service with the agreements for it, and what does not fit together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from services.sla.domain.chains import sentence
from services.sla.domain.policies import AGREEMENT, SERVICE, book_of
from services.sla.rules.chains import chains
from services.sla.rules.documents import stored
from services.sla.rules.level_spec import Availability
from shared.policies import Policy

Seen = Callable[[Policy, str | None], bool]


def in_force(policies: Iterable[Policy], kind: str, at: datetime) -> dict[str, Policy]:
    """The version of each document of a kind that counts at the instant, by name."""
    found: dict[str, Policy] = {}
    for policy in sorted(policies, key=lambda each: (each.effective_from, each.version)):
        if policy.kind == kind and policy.effective_from <= at:
            found[policy.name] = policy
    return dict(sorted(found.items()))


def entries(policies: Sequence[Policy], at: datetime, organisation: str | None, seen: Seen) -> list[dict[str, Any]]:
    """The services of the catalogue that this organisation is offered, or all of them, each with the agreements in
    force for it that `seen` lets through."""
    book = book_of(policies)
    agreements = [
        (policy, binding)
        for name, policy in in_force(policies, AGREEMENT, at).items()
        if (binding := book.in_force(name, at)) is not None and seen(policy, organisation)
    ]
    return [
        {
            "name": name,
            "version": policy.version,
            "effective_from": policy.effective_from,
            **content(policy, organisation),
            "agreements": [
                promised(binding.name, binding.version, stored(binding.spec), name)
                for _, binding in agreements
                if not binding.spec.services or name in binding.spec.services
            ],
        }
        for name, policy in in_force(policies, SERVICE, at).items()
        if policy.spec.offered_to(organisation)
    ]


def content(policy: Policy, organisation: str | None) -> dict[str, Any]:
    """What the document says; a customer does not read who the other customers are."""
    spec = stored(policy.spec)
    if organisation is not None:
        spec["customers"] = [each for each in spec["customers"] if each == organisation]
    return spec


def promised(agreement: str, version: int, spec: dict[str, Any], service: str) -> dict[str, Any]:
    """What an agreement promises for a service."""
    return {
        "agreement": agreement,
        "version": version,
        "kind": spec["kind"],
        "targets": spec["targets"],
        "service_levels": [each for each in spec["service_levels"] if each.get("service", service) == service],
    }


def versions_of(policies: Iterable[Policy], name: str, at: datetime, organisation: str | None) -> list[dict[str, Any]]:
    """Every version of a service's entry that was offered to the organisation, newest first."""
    items: list[dict[str, Any]] = []
    following: datetime | None = None
    own = [each for each in policies if (each.kind, each.name) == (SERVICE, name)]
    for policy in sorted(own, key=lambda each: each.version, reverse=True):
        standing = "in force" if following is None or following > at else "replaced"
        items.append(
            {
                "version": policy.version,
                "effective_from": policy.effective_from,
                "ends_at": following,
                "standing": "coming" if policy.effective_from > at else standing,
                "spec": content(policy, organisation),
            }
        )
        following = policy.effective_from
        if not policy.spec.offered_to(organisation):
            items.pop()
    return items


def findings(policies: Sequence[Policy], at: datetime) -> list[dict[str, str]]:
    """What was accepted and does not fit at the instant. Where there is no catalogue, services are not looked up."""
    return [
        {"kind": kind, "name": name, "field": field, "message": message}
        for kind, name, field, message in (*_services(policies, at), *_chains(policies, at))
    ]


def _services(policies: Sequence[Policy], at: datetime) -> Iterator[tuple[str, str, str, str]]:
    catalogue = in_force(policies, SERVICE, at)
    if not catalogue:
        return
    book = book_of(policies)
    covered: set[str] = set()
    for name in sorted(book.agreements):
        version = book.in_force(name, at)
        if version is None:
            continue
        named = [(f"services.{number}", service) for number, service in enumerate(version.spec.services)]
        for number, level in enumerate(version.spec.service_levels):
            if isinstance(level, Availability):
                named.append((f"service_levels.{number}.service", level.service))
        if version.spec.kind == "SLA":
            covered.update(version.spec.services or catalogue)
        for field, service in named:
            if service not in catalogue:
                yield AGREEMENT, name, f"spec.{field}", f"the catalogue has no service {service!r}"
            elif catalogue[service].spec.state != "live":
                yield AGREEMENT, name, f"spec.{field}", f"{service!r} is {catalogue[service].spec.state}, not live"
    for service, policy in catalogue.items():
        if policy.spec.state == "live" and service not in covered:
            yield SERVICE, service, "name", "it is live, and no service level agreement in force names it"


def _chains(policies: Sequence[Policy], at: datetime) -> Iterator[tuple[str, str, str, str]]:
    for chain in chains(book_of(policies), at):
        if chain.begins > at:
            continue
        worst = chain.worst()
        if not chain.holds(worst):
            place = chain.agreement.spec.targets.index(chain.target)
            field = f"spec.targets.{place}.limits.{chain.priority}"
            yield AGREEMENT, chain.agreement.name, field, sentence(chain, worst)
