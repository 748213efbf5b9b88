"""The policy documents of this service: what they are checked for together, and the event that tells of each."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Literal
from uuid import UUID

from contracts.sla import (
    AgreementActivated,
    CalendarVersioned,
    ExceptionalDay,
    LevelTerms,
    ServicePublished,
    Span,
    TargetTerms,
)
from services.sla.domain.chains import overdrawn
from services.sla.lifecycle import SUCCESSORS
from services.sla.rules.agreement_spec import MEASURES, AgreementSpec, Target
from services.sla.rules.agreements import AgreementVersion, Book, faults
from services.sla.rules.calendar import CalendarVersion
from services.sla.rules.calendar_spec import CalendarSpec
from services.sla.rules.chains import supported
from services.sla.rules.durations import MICROSECOND
from services.sla.rules.level_spec import ClosedWithin, Level
from services.sla.rules.service_spec import ServiceSpec
from shared.policies import Kind, Policy

CALENDAR, AGREEMENT, SERVICE = "sla/Calendar", "sla/Agreement", "sla/Service"
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
KINDS_ON_THE_WIRE: Mapping[str, Literal["sla", "ola", "underpinning"]] = {
    "SLA": "sla",
    "OLA": "ola",
    "UC": "underpinning",
}


_books: dict[tuple[UUID, ...], Book] = {}


def book_of(policies: Iterable[Policy]) -> Book:
    """All versions of all calendars and agreements. The same policies give the same book, with what it has learnt:
    what is stored under an id never changes."""
    found = sorted(policies, key=lambda each: each.id)
    ids = tuple(each.id for each in found)
    book = _books.get(ids)
    if book is None:
        if len(_books) >= 8:
            _books.clear()
        book = _books[ids] = Book(
            (agreement_version(each) for each in found if each.kind == AGREEMENT),
            (calendar_version(each) for each in found if each.kind == CALENDAR),
        )
    return book


def calendar_version(policy: Policy) -> CalendarVersion:
    spec: CalendarSpec = policy.spec
    return spec.version(policy.name, policy.version, policy.effective_from)


def agreement_version(policy: Policy) -> AgreementVersion:
    return AgreementVersion(policy.name, policy.version, policy.effective_from, policy.spec)


def unfit(policies: Sequence[Policy]) -> list[tuple[str, str, str, str]]:
    """The faults of the newest version of each agreement: both parties have to sign it, every calendar and agreement
    it names has to be there from the day on which it takes effect, and what is applied now to support another one has
    to be able to."""
    newest = {(each.kind, each.name): each for each in policies}
    calendars = {name: calendar_version(each) for (kind, name), each in newest.items() if kind == CALENDAR}
    first = first_calendars(policies)
    found: list[tuple[str, str, str, str]] = []
    for (kind, name), policy in newest.items():
        if kind != AGREEMENT:
            continue
        spec: AgreementSpec = policy.spec
        said = list(faults(spec, calendars))
        if not spec.signed:
            missing = {"customer", "provider"} - {each.party for each in spec.signatures}
            said.append(("signatures", f"not signed by the {' and the '.join(sorted(missing))}: it binds nobody"))
        for field, of in (("targets", spec.targets), ("service_levels", spec.service_levels)):
            for number, promise in enumerate(of):
                begins = first.get(promise.calendar)
                if begins is not None and begins > policy.effective_from:
                    said.append((f"{field}.{number}.calendar", f"it takes effect later, at {begins.isoformat()}"))
        supports = [(f"supports.{number}", other) for number, other in enumerate(spec.supports)]
        for place, target in enumerate(spec.targets):
            supports += [(f"targets.{place}.supports.{number}", other) for number, other in enumerate(target.supports)]
        for path, other in supports:
            if (AGREEMENT, other) not in newest:
                said.append((path, f"there is no agreement {other!r}"))
        found += [(kind, name, f"spec.{path}", message) for path, message in said]
    if not found:
        fresh = {(each.name, each.version) for each in policies if each.kind == AGREEMENT and each.fresh}
        found = [(AGREEMENT, *each) for each in overdrawn(book_of(policies), fresh)]
    return found


def first_calendars(policies: Sequence[Policy]) -> dict[str, datetime]:
    """When the first version of each calendar takes effect."""
    return {each.name: each.effective_from for each in reversed(policies) if each.kind == CALENDAR}


def unlisted(policies: Sequence[Policy]) -> list[tuple[str, str, str, str]]:
    """The faults of services: the calendars of the newest versions have to be there when they take effect, and no
    version follows another in a state that cannot follow."""
    first = first_calendars(policies)
    found: list[tuple[str, str, str, str]] = []
    versions: dict[str, list[Policy]] = {}
    for each in policies:
        if each.kind == SERVICE:
            versions.setdefault(each.name, []).append(each)
    for name, of_name in versions.items():
        *before, newest = sorted(of_name, key=lambda each: each.version)
        for field in ("hours", "support_hours"):
            calendar = getattr(newest.spec, field)
            if calendar is None:
                continue
            if calendar not in first:
                found.append((SERVICE, name, f"spec.{field}", f"there is no calendar {calendar!r}"))
            elif first[calendar] > newest.effective_from:
                message = f"it takes effect later, at {first[calendar].isoformat()}"
                found.append((SERVICE, name, f"spec.{field}", message))
        allowed = SUCCESSORS[before[-1].spec.state] if before else frozenset({"proposed", "live"})
        if newest.spec.state not in allowed:
            was = before[-1].spec.state if before else "not there"
            message = f"it is {was}; what may follow is {', '.join(sorted(allowed))}"
            found.append((SERVICE, name, "spec.state", message))
    return found


def published(policy: Policy) -> ServicePublished:
    spec: ServiceSpec = policy.spec
    return ServicePublished(
        service=policy.name,
        service_version=policy.version,
        effective_from=policy.effective_from,
        title=spec.title,
        state=spec.state,
        owner=spec.owner,
        criticality=spec.criticality,
        customers=spec.customers,
        hours=spec.hours,
        support_hours=spec.support_hours,
        description=spec.description,
    )


def versioned(policy: Policy) -> CalendarVersioned:
    spec: CalendarSpec = policy.spec
    exceptions = tuple(ExceptionalDay(day=each.date, spans=_spans(each.spans)) for each in spec.exceptional)
    return CalendarVersioned(
        calendar=policy.name,
        calendar_version=policy.version,
        effective_from=policy.effective_from,
        zone=spec.zone,
        weekly={day: _spans(spans) for day, spans in zip(DAYS, spec.by_weekday(), strict=True)},
        country=spec.holidays.country,
        subdivision=spec.holidays.subdivision,
        holidays=spec.holidays.dates,
        exceptions=exceptions,
    )


def activated(policy: Policy) -> AgreementActivated:
    spec: AgreementSpec = policy.spec
    return AgreementActivated(
        agreement=policy.name,
        agreement_version=policy.version,
        kind=KINDS_ON_THE_WIRE[spec.kind],
        effective_from=policy.effective_from,
        until=spec.period.ends,
        parties=(spec.parties.customer, spec.parties.provider),
        services=spec.services,
        targets=tuple(_terms(target, kind) for target in spec.targets for kind in target.kinds),
        levels=tuple(_level(level) for level in spec.service_levels),
        supports=tuple(sorted({name for target in spec.targets for name in supported(spec, target)})),
    )


def _level(level: Level) -> LevelTerms:
    return LevelTerms(
        level=level.name,
        measure=level.measure,
        calendar=level.calendar,
        at_least=float(level.at_least),
        service=getattr(level, "service", None),
        record_kinds=getattr(level, "kinds", ()),
        within_microseconds=level.within // MICROSECOND if isinstance(level, ClosedWithin) else None,
    )


def _terms(target: Target, kind: str) -> TargetTerms:
    starts, stops = target.facts
    return TargetTerms(
        target=target.name,
        record_kind=kind,
        measure=target.measure if isinstance(target.measure, str) and target.measure in MEASURES else target.key,
        starts=starts,
        stops=stops,
        limits={str(priority): limit // MICROSECOND for priority, limit in sorted(target.limits.items())},
        calendar=target.calendar,
        pauses=(*target.pausing_reasons, *target.pausing_states),
        warnings=tuple(float(each) for each in target.warnings),
        on_change=target.on_priority_change,
        on_version=target.on_new_version,
        on_reopen=target.on_reopen,
    )


def _spans(spans: Iterable[tuple[int, int]]) -> tuple[Span, ...]:
    return tuple(Span(opens=_time(opening), closes=_time(closing)) for opening, closing in spans)


def _time(seconds: int) -> str:
    seconds = seconds if seconds <= 86_400 else seconds - 86_400
    return f"{seconds // 3600:02}:{seconds // 60 % 60:02}"


KINDS = (
    Kind(CALENDAR, CalendarSpec, versioned),
    Kind(AGREEMENT, AgreementSpec, activated, unfit),
    Kind(SERVICE, ServiceSpec, published, unlisted),
)
