"""Calendars, agreements and facts for the tests of the SLA rules, by a few words each."""

import os
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from services.sla.rules.agreement_spec import AgreementSpec
from services.sla.rules.agreements import AgreementVersion, Book, Subject
from services.sla.rules.calendar import CalendarVersion
from services.sla.rules.calendar_spec import CalendarSpec
from services.sla.rules.facts import Fact

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
OFFICE_HOURS: dict[str, Any] = {"zone": "UTC", "weekly": {"monday-friday": ["09:00-17:00"]}}
ALWAYS: dict[str, Any] = {"zone": "UTC", "weekly": {"monday-sunday": ["00:00-24:00"]}}


def examples(default: int) -> int:
    """How many examples hypothesis tries: STEWARD_EXAMPLES, or else the default."""
    return int(os.environ.get("STEWARD_EXAMPLES", default))


def at(text: str) -> datetime:
    """An instant in UTC, for instance `at("2026-03-02 09:00")`."""
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def hours(number: float) -> timedelta:
    return timedelta(hours=number)


def calendar(
    spec: dict[str, Any], name: str = "hours", version: int = 1, since: datetime = LONG_AGO
) -> CalendarVersion:
    return CalendarSpec.model_validate(spec).version(name, version, since)


def target(**other: Any) -> dict[str, Any]:
    return {"name": "t", "measure": "close", "calendar": "hours", "limits": {1: "4h", 2: "8h", 3: "40h"}} | other


def agreement(
    *targets: dict[str, Any], name: str = "sla", version: int = 1, since: datetime = LONG_AGO, **other: Any
) -> AgreementVersion:
    spec = {
        "kind": "SLA",
        "parties": {"customer": "all", "provider": "us"},
        "period": {"from": "2000-01-01"},
        "targets": targets or (target(),),
        "signatures": [
            {"party": "customer", "name": "c", "date": "2000-01-01"},
            {"party": "provider", "name": "p", "date": "2000-01-01"},
        ],
    } | other
    return AgreementVersion(name, version, since, AgreementSpec.model_validate(spec))


def book(*agreements: AgreementVersion, hours: CalendarVersion | Iterable[CalendarVersion] | None = None) -> Book:
    calendars = [calendar(OFFICE_HOURS)] if hours is None else [hours] if isinstance(hours, CalendarVersion) else hours
    return Book(agreements or [agreement()], calendars)


def facts(*story: tuple[Any, ...], priority: int = 2) -> list[Fact]:
    """Facts from (instant as text, kind, and in any order a reason as text or the priority from then on)."""
    found: list[Fact] = []
    for number, (when, kind, *more) in enumerate(story, 1):
        priority = next((each for each in more if isinstance(each, int)), priority)
        reason = next((each for each in more if isinstance(each, str)), None)
        found.append(Fact(number, at(when), kind, Subject("incident", priority, "northwind", "mail"), reason))
    return found
