"""The policy documents of this service: what they are checked for together, and the event that tells of each."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Literal
from uuid import UUID

from contracts.sla import AgreementActivated, CalendarVersioned, ExceptionalDay, Span, TargetTerms
from services.sla.rules.agreement_spec import MEASURES, AgreementSpec, Target
from services.sla.rules.agreements import AgreementVersion, Book, faults
from services.sla.rules.calendar import CalendarVersion
from services.sla.rules.calendar_spec import CalendarSpec
from services.sla.rules.durations import MICROSECOND
from shared.policies import Kind, Policy

CALENDAR, AGREEMENT = "sla/Calendar", "sla/Agreement"
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
    """The faults of the newest version of each agreement: both parties have to sign it, and every calendar and
    agreement it names has to be there from the day on which it takes effect."""
    newest = {(each.kind, each.name): each for each in policies}
    calendars = {name: calendar_version(each) for (kind, name), each in newest.items() if kind == CALENDAR}
    first = {each.name: each.effective_from for each in reversed(policies) if each.kind == CALENDAR}
    found: list[tuple[str, str, str, str]] = []
    for (kind, name), policy in newest.items():
        if kind != AGREEMENT:
            continue
        spec: AgreementSpec = policy.spec
        said = list(faults(spec, calendars))
        if not spec.signed:
            missing = {"customer", "provider"} - {each.party for each in spec.signatures}
            said.append(("signatures", f"not signed by the {' and the '.join(sorted(missing))}: it binds nobody"))
        for number, target in enumerate(spec.targets):
            begins = first.get(target.calendar)
            if begins is not None and begins > policy.effective_from:
                said.append((f"targets.{number}.calendar", f"it takes effect later, at {begins.isoformat()}"))
        for number, supported in enumerate(spec.supports):
            if (AGREEMENT, supported) not in newest:
                said.append((f"supports.{number}", f"there is no agreement {supported!r}"))
        found += [(kind, name, f"spec.{path}", message) for path, message in said]
    return found


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


KINDS = (Kind(CALENDAR, CalendarSpec, versioned), Kind(AGREEMENT, AgreementSpec, activated, unfit))
