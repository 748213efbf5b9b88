"""Which agreement and which of its targets apply to a record at an instant, and by which versions.

**The most specific agreement wins.** Candidates are the agreements that are signed, in force at the instant (their
latest version with `effective_from` at or before it, and its period holds it), cover the record's organisation and
service, and have a target for its kind. For SLAs, for OLAs of one provider and for underpinning contracts of one
provider, each by itself, one candidate wins: one that names the organisation before one for all; then one that names
the service; then the later `effective_from`; then the first by name. It wins as a whole: a measure or priority for
which it promises nothing is not promised by a less specific one either.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from services.sla.rules.agreement_spec import AgreementSpec, Target
from services.sla.rules.calendar import CalendarVersion


class Subject(NamedTuple):
    """What decides which terms apply to a record."""

    kind: str
    priority: int
    organisation: str | None = None
    service: str | None = None


@dataclass(frozen=True, slots=True)
class AgreementVersion:
    """One immutable version of an agreement."""

    name: str
    version: int
    effective_from: datetime
    spec: AgreementSpec

    @property
    def line(self) -> str:
        """Agreements of one line compete for a record; those of different lines each have their clocks."""
        return self.spec.kind if self.spec.kind == "SLA" else f"{self.spec.kind}:{self.spec.parties.provider}"

    def covers(self, subject: Subject) -> tuple[bool, bool] | None:
        """How specifically (organisation named, service named) it covers the subject; None where it does not."""
        spec = self.spec
        if spec.customers and subject.organisation not in spec.customers:
            return None
        if spec.services and subject.service not in spec.services:
            return None
        if not any(subject.kind in target.kinds for target in spec.targets):
            return None
        return bool(spec.customers), bool(spec.services)


class Held(NamedTuple):
    """The versions by which a clock is judged; what a stored clock keeps of its terms."""

    agreement: str
    agreement_version: int
    target: str
    priority: int
    calendar: str
    calendar_version: int


@dataclass(frozen=True, slots=True)
class Terms:
    """What one clock is judged by. `key` says what is measured, for whom: the line and the measure.

    `stops` are the facts that end the measuring; `reopens` says whether a reopening undoes them.
    """

    key: str
    held: Held
    target: Target
    limit: timedelta
    calendar: CalendarVersion
    start: str
    stops: frozenset[str]
    reopens: bool


class Book:
    """All versions of all agreements and calendars. Immutable; unsigned agreements are left out. `starts` are the kinds
    of facts that any target is measured from."""

    def __init__(self, agreements: Iterable[AgreementVersion], calendars: Iterable[CalendarVersion]) -> None:
        self.calendars: dict[str, list[CalendarVersion]] = {}
        for calendar in sorted(calendars, key=lambda each: (each.effective_from, each.version)):
            self.calendars.setdefault(calendar.name, []).append(calendar)
        self.agreements: dict[str, list[AgreementVersion]] = {}
        for agreement in sorted(agreements, key=lambda each: (each.effective_from, each.version)):
            if agreement.spec.signed:
                self.agreements.setdefault(agreement.name, []).append(agreement)
        instants = {each.effective_from for versions in self.agreements.values() for each in versions}
        for versions in self.agreements.values():
            for each in versions:
                instants |= {edge for edge in (each.spec.period.begins, each.spec.period.ends) if edge is not None}
        instants |= {each.effective_from for of_name in self.calendars.values() for each in of_name}
        specs = [each.spec for versions in self.agreements.values() for each in versions]
        self.starts = frozenset(target.facts[0] for spec in specs for target in spec.targets)
        self._changes = sorted(instant.astimezone(UTC) for instant in instants)
        self._terms: dict[tuple[Subject, int, tuple[str, int] | None], dict[str, Terms]] = {}
        self._held: dict[Held, Terms] = {}

    def terms(self, subject: Subject, at: datetime, pinned: tuple[str, int] | None = None) -> Mapping[str, Terms]:
        """The terms of each clock that the subject is under at the instant, by key. `pinned` names an agreement and
        the version of it that counts, whichever is in force."""
        known = (subject, bisect_right(self._changes, at), pinned)
        found = self._terms.get(known)
        if found is None:
            if len(self._terms) > 20_000:
                self._terms.clear()
            found = self._terms[known] = self._find(subject, at, pinned)
        return found

    def recall(self, held: Held) -> Terms:
        """The terms that a clock was given. Raises KeyError for versions that the book does not have."""
        found = self._held.get(held)
        if found is None:
            agreement = next(each for each in self.agreements[held.agreement] if each.version == held.agreement_version)
            target = next(each for each in agreement.spec.targets if each.name == held.target)
            calendar = next(each for each in self.calendars[held.calendar] if each.version == held.calendar_version)
            found = self._held[held] = _terms(agreement, target, held.priority, calendar)
        return found

    def after_new_version(self, terms: Terms, at: datetime) -> Terms:
        """The terms that follow at the instant: by the versions in force then of the same agreement and calendar.
        Where that agreement no longer promises this, or is over, the old ones stay."""
        held = terms.held
        agreement = self.in_force(held.agreement, at)
        if agreement is None:
            return terms
        for target in agreement.spec.targets:
            same = target.key == terms.target.key and set(target.kinds) & set(terms.target.kinds)
            if same and held.priority in target.limits:
                return self._with_calendar(agreement, target, held.priority, at)
        return terms

    def new_versions(self, held: Held, after: datetime, until: datetime) -> list[datetime]:
        """The instants in (after, until] at which a version of the held agreement or calendar takes effect."""
        versions = [*self.agreements.get(held.agreement, ()), *self.calendars.get(held.calendar, ())]
        return sorted({each.effective_from for each in versions if after < each.effective_from <= until})

    def in_force(self, name: str, at: datetime) -> AgreementVersion | None:
        """The version of an agreement that binds at the instant."""
        latest = None
        for agreement in self.agreements.get(name, ()):
            if agreement.effective_from <= at:
                latest = agreement
        return latest if latest is not None and latest.spec.period.holds(at) else None

    def begins(self, name: str) -> list[datetime]:
        """The instants at which a version of the agreement takes effect or its period begins, in order."""
        versions = self.agreements.get(name, ())
        return sorted({each.effective_from for each in versions} | {each.spec.period.begins for each in versions})

    def _find(self, subject: Subject, at: datetime, pinned: tuple[str, int] | None) -> dict[str, Terms]:
        winners: dict[str, tuple[tuple[bool, bool, datetime], AgreementVersion]] = {}
        for name in sorted(self.agreements):
            if pinned is not None and name == pinned[0]:
                agreement = next((each for each in self.agreements[name] if each.version == pinned[1]), None)
            else:
                agreement = self.in_force(name, at)
            covered = agreement.covers(subject) if agreement is not None else None
            if agreement is None or covered is None:
                continue
            rank = (*covered, agreement.effective_from)
            if agreement.line not in winners or rank > winners[agreement.line][0]:
                winners[agreement.line] = rank, agreement
        found: dict[str, Terms] = {}
        for _, agreement in winners.values():
            for target in agreement.spec.targets:
                if subject.kind in target.kinds and subject.priority in target.limits:
                    terms = self._with_calendar(agreement, target, subject.priority, at)
                    found[terms.key] = terms
        return found

    def _with_calendar(self, agreement: AgreementVersion, target: Target, priority: int, at: datetime) -> Terms:
        versions = self.calendars[target.calendar]
        calendar = versions[0]
        for each in versions:
            if each.effective_from <= at:
                calendar = each
        return self.recall(
            Held(agreement.name, agreement.version, target.name, priority, calendar.name, calendar.version)
        )


def faults(spec: AgreementSpec, calendars: Mapping[str, CalendarVersion]) -> list[tuple[str, str]]:
    """(field, message) for each reference of an agreement that leads nowhere, and for each limit that is never used
    up within a century of its beginning. `calendars` are those known, in their latest version."""
    found: list[tuple[str, str]] = []
    if spec.service_hours is not None and spec.service_hours not in calendars:
        found.append(("service_hours", f"there is no calendar {spec.service_hours!r}"))
    for number, level in enumerate(spec.service_levels):
        if level.calendar not in calendars:
            found.append((f"service_levels.{number}.calendar", f"there is no calendar {level.calendar!r}"))
    for number, target in enumerate(spec.targets):
        calendar = calendars.get(target.calendar)
        if calendar is None:
            found.append((f"targets.{number}.calendar", f"there is no calendar {target.calendar!r}"))
            continue
        for priority, limit in target.limits.items():
            due = calendar.add(spec.period.begins, limit)
            if due is None or due.year > spec.period.first.year + 100:
                message = f"{calendar.name!r} is not open for that long within a century"
                found.append((f"targets.{number}.limits.{priority}", message))
    return found


def _terms(agreement: AgreementVersion, target: Target, priority: int, calendar: CalendarVersion) -> Terms:
    start, stop = target.facts
    # Who resolves has taken up, who closes has resolved: a record that skips a step ends those clocks too.
    implied = {"taken_up": {"taken_up", "resolved", "closed"}}.get(stop, {stop, "closed"})
    return Terms(
        key=f"{agreement.line}:{target.key}",
        held=Held(agreement.name, agreement.version, target.name, priority, calendar.name, calendar.version),
        target=target,
        limit=target.limits[priority],
        calendar=calendar,
        start=start,
        stops=frozenset(implied - {start}),
        reopens=stop in {"resolved", "closed"},
    )
