"""What is said of a promise that nothing supports: to whoever applies the document, and as an event.

An OLA or underpinning contract is refused when it is applied, if it is meant to support a promise and cannot. A promise
to a customer is not refused because the inside has not followed yet: nor is a calendar. What they leave without support
is told as `chain.unsupported` and listed until the documents behind it follow.
"""

from collections.abc import Collection, Iterator
from typing import Any
from uuid import UUID, uuid5

from contracts.sla import ChainUnsupported, SupportingTarget
from services.sla.rules.agreements import Book
from services.sla.rules.chains import Chain, chains
from services.sla.rules.durations import MICROSECOND, duration_text
from services.sla.rules.worst_case import Worst

CHAINS = UUID("6f2b7c1e-5d0a-5b8e-9c3f-4a1d2e7b9f60")


def overdrawn(book: Book, fresh: Collection[tuple[str, int]]) -> Iterator[tuple[str, str, str]]:
    """(agreement, path, message) for each limit of these new versions by which a promise cannot be kept."""
    told: set[tuple[str, str]] = set()
    for chain in chains(book):
        new = [each for each in chain.supports if (each.agreement.name, each.agreement.version) in fresh]
        if not new:
            continue
        worst = chain.worst()
        if chain.holds(worst):
            continue
        for each in new:
            path = f"spec.targets.{each.place}.limits.{chain.priority}"
            if (each.agreement.name, path) not in told:
                told.add((each.agreement.name, path))
                yield each.agreement.name, path, sentence(chain, worst)


def sentence(chain: Chain, worst: Worst) -> str:
    """Why a promise is not supported, with the figures."""
    steps = " then ".join(
        f"{each.agreement.name} {each.target.name!r} {duration_text(each.limit)} of {each.calendar.name}"
        for each in chain.supports
    )
    promise = f"{chain.agreement.name} (version {chain.agreement.version}) promises {chain.target.name!r} within "
    promise += f"{duration_text(chain.limit)} of {chain.calendar.name}"
    began = worst.begins_at.isoformat().replace("+00:00", "Z")
    if worst.length is None:
        return f"{promise}; {steps} never ends for a record that begins at {began}"
    return f"{promise}; {steps} can take {duration_text(worst.length)} of it, for a record that begins at {began}"


def chain_id(chain: Chain) -> UUID:
    """The same for the same promise and the same versions behind it, whenever it is found."""
    supports = [
        f"{each.agreement.name}/{each.agreement.version}/{each.target.name}/{each.calendar.version}"
        for each in chain.supports
    ]
    own = f"{chain.agreement.name}/{chain.agreement.version}/{chain.target.name}/{chain.priority}"
    return uuid5(CHAINS, "\n".join([own, str(chain.calendar.version), *supports]))


def unsupported(chain: Chain, worst: Worst) -> ChainUnsupported:
    return ChainUnsupported(
        agreement=chain.agreement.name,
        agreement_version=chain.agreement.version,
        target=chain.target.name,
        measure=chain.target.key,
        priority=chain.priority,
        limit_microseconds=chain.limit // MICROSECOND,
        supports=tuple(
            SupportingTarget(
                agreement=each.agreement.name,
                agreement_version=each.agreement.version,
                target=each.target.name,
                calendar=each.calendar.name,
                limit_microseconds=each.limit // MICROSECOND,
            )
            for each in chain.supports
        ),
        worst_microseconds=None if worst.length is None else worst.length // MICROSECOND,
        begins_at=worst.begins_at,
        from_at=chain.begins,
        until=chain.ends,
    )


def shown(chain: Chain) -> dict[str, Any]:
    """A promise with what stands behind it, as people see it."""
    worst = chain.worst()
    content = unsupported(chain, worst).model_dump(mode="json")
    holds = chain.holds(worst)
    return {**content, "supported": holds, "because": None if holds else sentence(chain, worst)}
