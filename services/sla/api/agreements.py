"""Calendars and agreements in all their versions, and the questions that people have about working time."""

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from typing import Annotated, Any, Literal

import msgspec
from fastapi import Query as InQuery
from pydantic import AwareDatetime, BaseModel, Field
from starlette.responses import Response

from services.sla.domain.hours import days
from services.sla.domain.policies import AGREEMENT, CALENDAR, book_of
from services.sla.rules.calendar import CalendarVersion
from services.sla.rules.documents import stored
from services.sla.rules.durations import MICROSECOND, duration_text, parse_duration
from shared.errors import Invalid, NotFound
from shared.http.ask import JSON, Ask, Asked
from shared.http.query import Parameters
from shared.http.route import Room
from shared.policies import Policy

router = Room(tags=["calendars and agreements"])
LONGEST = timedelta(days=366)


class Version(BaseModel):
    """`standing` at the instant asked for: coming, in force, replaced by a later version, or over (its period ended).
    `ends_at` is when a later version or the end of its period ended it, or will."""

    version: int
    effective_from: datetime
    ends_at: datetime | None
    standing: Literal["coming", "in force", "replaced", "over"]
    spec: dict[str, Any]


class Versions(BaseModel):
    name: str
    versions: list[Version]


class Documents(BaseModel):
    items: list[Versions]


class WhenQuery(Parameters):
    """`at`: the instant at which to say what is in force; now where it is left out."""

    at: AwareDatetime | None = None


class OfVersion(Parameters):
    """`version`: which version of the calendar to ask; the one in force at the beginning where it is left out."""

    version: Annotated[int, Field(ge=1)] | None = None


class ElapsedQuery(OfVersion):
    start: AwareDatetime
    end: AwareDatetime


class DueQuery(OfVersion):
    """`length` is working time: 6h24m, 2d 4h, PT6H24M."""

    start: AwareDatetime
    length: Annotated[str, Field(max_length=60)]


class DaysQuery(OfVersion):
    """Local days from `first` to `last`, both included."""

    first: date
    last: date


class Elapsed(BaseModel):
    calendar: str
    version: int
    microseconds: int
    duration: str


class Due(BaseModel):
    """`due_at` is when the length is used up, `late_from` the first open instant from then on; null: never."""

    calendar: str
    version: int
    due_at: datetime | None
    late_from: datetime | None


class Day(BaseModel):
    """One local day. `spans` are in UTC, half open."""

    date: date
    holiday: bool
    exceptional: bool
    spans: list[dict[str, datetime]]


class Days(BaseModel):
    calendar: str
    version: int
    zone: str
    days: list[Day]


def versions(ask: Ask, kind: str) -> dict[str, list[Policy]]:
    """Every version of the documents of a kind that this caller may see, by name. A customer's contact sees the
    service level agreements of its own organisation, and those with all; what stands behind them is the provider's."""
    found: dict[str, list[Policy]] = {}
    for policy in ask.runtime.policies.found:
        if policy.kind == kind and (kind == CALENDAR or seen_by(policy, ask.scope)):
            found.setdefault(policy.name, []).append(policy)
    return found


def seen_by(policy: Policy, organisation: str | None) -> bool:
    if organisation is None:
        return True
    return policy.spec.kind == "SLA" and (not policy.spec.customers or organisation in policy.spec.customers)


def described(name: str, policies: Iterable[Policy], at: datetime) -> dict[str, Any]:
    items: list[dict[str, Any]] = []
    following: datetime | None = None
    for policy in sorted(policies, key=lambda each: each.version, reverse=True):
        over = policy.spec.period.ends if policy.kind == AGREEMENT else None
        ends = min((each for each in (following, over) if each is not None), default=None)
        if policy.effective_from > at:
            standing = "coming"
        elif ends is None or ends > at:
            standing = "in force"
        else:
            standing = "over" if ends == over else "replaced"
        items.append(
            {
                "version": policy.version,
                "effective_from": policy.effective_from,
                "ends_at": ends,
                "standing": standing,
                "spec": stored(policy.spec),
            }
        )
        following = policy.effective_from
    return {"name": name, "versions": items}


async def listed(ask: Ask, kind: str, query: WhenQuery) -> Response:
    found = versions(ask, kind)
    items = [described(name, found[name], query.at or ask.now) for name in sorted(found)]
    return Response(msgspec.json.encode({"items": items}), media_type=JSON)


async def one(ask: Ask, kind: str, name: str, query: WhenQuery) -> Response:
    found = versions(ask, kind).get(name)
    if found is None:
        raise NotFound(f"no {kind.partition('/')[2].lower()} {name!r}")
    return Response(msgspec.json.encode(described(name, found, query.at or ask.now)), media_type=JSON)


@router.reading("/calendars", shows=Documents, summary="Every calendar, its version in force and all others")
async def calendars(ask: Asked, query: Annotated[WhenQuery, InQuery()]) -> Response:
    ask.require("calendar:read")
    return await listed(ask, CALENDAR, query)


@router.reading("/calendars/{name}", shows=Versions, summary="One calendar, its version in force and all others")
async def calendar(name: str, ask: Asked, query: Annotated[WhenQuery, InQuery()]) -> Response:
    ask.require("calendar:read")
    return await one(ask, CALENDAR, name, query)


@router.reading("/agreements", shows=Documents, summary="Every agreement, its version in force and all others")
async def agreements(ask: Asked, query: Annotated[WhenQuery, InQuery()]) -> Response:
    ask.require("agreement:read")
    return await listed(ask, AGREEMENT, query)


@router.reading("/agreements/{name}", shows=Versions, summary="One agreement, its version in force and all others")
async def agreement(name: str, ask: Asked, query: Annotated[WhenQuery, InQuery()]) -> Response:
    ask.require("agreement:read")
    return await one(ask, AGREEMENT, name, query)


def chosen(ask: Ask, name: str, version: int | None, at: datetime) -> CalendarVersion:
    """The version asked for, or the one in force at the instant; the first one before any was."""
    found = book_of(ask.runtime.policies.found).calendars.get(name)
    if found is None:
        raise NotFound(f"no calendar {name!r}")
    if version is None:
        return ([each for each in found if each.effective_from <= at] or found[:1])[-1]
    for each in found:
        if each.version == version:
            return each
    raise NotFound(f"calendar {name!r} has no version {version}")


@router.reading("/calendars/{name}/elapsed", shows=Elapsed, summary="The working time between two instants")
async def elapsed(name: str, ask: Asked, query: Annotated[ElapsedQuery, InQuery()]) -> Response:
    ask.require("calendar:read")
    asked = chosen(ask, name, query.version, query.start)
    length = asked.elapsed(query.start, query.end)
    content = {
        "calendar": name,
        "version": asked.version,
        "microseconds": length // MICROSECOND,
        "duration": duration_text(length),
    }
    return Response(msgspec.json.encode(content), media_type=JSON)


@router.reading("/calendars/{name}/due", shows=Due, summary="When a length of working time is used up")
async def due(name: str, ask: Asked, query: Annotated[DueQuery, InQuery()]) -> Response:
    ask.require("calendar:read")
    asked = chosen(ask, name, query.version, query.start)
    try:
        due_at = asked.add(query.start, parse_duration(query.length))
    except ValueError as error:
        raise Invalid.field("length", str(error)) from error
    content = {
        "calendar": name,
        "version": asked.version,
        "due_at": due_at,
        "late_from": asked.next_open(due_at) if due_at else None,
    }
    return Response(msgspec.json.encode(content), media_type=JSON)


@router.reading("/calendars/{name}/days", shows=Days, summary="When a calendar is open, day by day, a year at most")
async def opening(name: str, ask: Asked, query: Annotated[DaysQuery, InQuery()]) -> Response:
    ask.require("calendar:read")
    if not timedelta(0) <= query.last - query.first <= LONGEST:
        raise Invalid.field("last", "between the first day and a year later")
    asked = chosen(ask, name, query.version, ask.now)
    content = {
        "calendar": name,
        "version": asked.version,
        "zone": str(asked.zone),
        "days": list(days(asked, query.first, query.last)),
    }
    return Response(msgspec.json.encode(content), media_type=JSON)
