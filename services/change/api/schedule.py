"""The routes of the forward schedule: a list, a month by its days, a calendar to subscribe to, the outlook (CHG-6)."""

from collections.abc import Iterable
from datetime import UTC, datetime, time, timedelta
from typing import Annotated
from zoneinfo import ZoneInfo

from fastapi import Query as InQuery
from icalendar import Calendar
from icalendar import Event as Entry
from pydantic import AwareDatetime, BaseModel, Field, model_validator
from starlette.responses import Response

from contracts.change import ScheduledChange
from services.change.queries import schedule as queries
from services.change.queries.schedule import FORWARD, LOOKED_AT, WHOLE, entries
from shared.errors import Invalid
from shared.http.ask import JSON, Asked, Query
from shared.http.route import Room

router = Room(tags=["schedule"])
HORIZON = timedelta(weeks=12)
LONGEST = timedelta(days=731)
DAY = timedelta(days=1)
# What was asked for may come or not; what is withdrawn has to be taken out of calendars that have it.
STATUS = {"requested": "TENTATIVE", "assessed": "TENTATIVE", "rejected": "CANCELLED", "cancelled": "CANCELLED"}


class Day(BaseModel):
    """The changes whose windows meet this day."""

    date: str
    changes: list[ScheduledChange]


class Schedule(BaseModel):
    """Half open. `items` in the order of their start; `days` where a month was asked for, those with changes."""

    begins: AwareDatetime
    ends: AwareDatetime
    items: list[ScheduledChange]
    days: list[Day] | None = None


class Outlook(BaseModel):
    """What is planned to be unavailable of a service: the outages that its changes state, or their whole windows."""

    service: str
    changes: list[str]
    window_minutes: int
    outage_minutes: int
    availability: float


class Projection(BaseModel):
    begins: AwareDatetime
    ends: AwareDatetime
    items: list[Outlook]


class SpanQuery(Query):
    """From `since` (now) to `until` (twelve weeks later), for one `service` or all."""

    limit: None = None  # type: ignore[assignment]  # a span is the bound here, not a page
    cursor: None = None
    sort: None = None
    since: AwareDatetime | None = None
    until: AwareDatetime | None = None
    service: str | None = None

    def span(self, now: datetime, back: timedelta = timedelta()) -> tuple[datetime, datetime]:
        """Raises Invalid for one that ends before it begins, or is too long."""
        begins = self.since or now - back
        ends = self.until or begins + back + HORIZON
        if not begins < ends <= begins + LONGEST:
            raise Invalid.field("until", f"after since, and at most {LONGEST.days} days later")
        return begins, ends


class ScheduleQuery(SpanQuery):
    """`month`, such as 2026-03, in the days of `zone`; what is over is in it too."""

    month: Annotated[str, Field(pattern=r"^[0-9]{4}-(0[1-9]|1[0-2])$")] | None = None
    zone: str = "UTC"

    @model_validator(mode="after")
    def readable(self) -> "ScheduleQuery":
        if self.month is not None and (self.since or self.until):
            raise ValueError("a month, or since and until")
        if self.month is not None and not 1970 <= int(self.month[:4]) <= 2200:
            raise ValueError("a month between 1970 and 2200")
        try:
            ZoneInfo(self.zone)
        except (KeyError, ValueError, OSError) as error:
            raise ValueError(f"{self.zone!r} is no IANA zone, such as Europe/Berlin") from error
        return self


class Feed(Response):
    """RFC 5545."""

    media_type = "text/calendar"


@router.reading("/schedule", shows=Schedule, summary="The forward schedule of change")
async def schedule(ask: Asked, query: Annotated[ScheduleQuery, InQuery()]) -> Response:
    ask.require("change:read")
    if query.month is None:
        begins, ends = query.span(ask.now)
        found = await entries(ask.database, FORWARD, begins, ends, ask.now, query.service)
        shown = Schedule(begins=begins, ends=ends, items=[each.line for each in found])
        return Response(shown.model_dump_json(), media_type=JSON)
    zone = ZoneInfo(query.zone)
    first = datetime.combine(datetime.fromisoformat(f"{query.month}-01"), time(), zone)
    following = (first.replace(day=1, tzinfo=None) + 32 * DAY).replace(day=1, tzinfo=zone)
    begins, ends = first.astimezone(UTC), following.astimezone(UTC)
    found = await entries(ask.database, LOOKED_AT, begins, ends, ask.now, query.service)
    lines = [each.line for each in found]
    shown = Schedule(begins=begins, ends=ends, items=lines, days=list(by_day(lines, first, following, zone)))
    return Response(shown.model_dump_json(), media_type=JSON)


def by_day(lines: list[ScheduledChange], first: datetime, following: datetime, zone: ZoneInfo) -> Iterable[Day]:
    """Each local day of the month that a window meets; days are as long as the clocks make them."""
    date = first.date()
    while date < following.date():
        begins, ends = (datetime.combine(each, time(), zone) for each in (date, date + DAY))
        of_day = [line for line in lines if line.planned_start < ends and line.planned_end > begins]
        if of_day:
            yield Day(date=date.isoformat(), changes=of_day)
        date += DAY


@router.reading("/schedule/availability", shows=Projection, summary="Projected availability of the services affected")
async def availability(ask: Asked, query: Annotated[SpanQuery, InQuery()]) -> Response:
    ask.require("change:read")
    begins, ends = query.span(ask.now)
    found = await entries(ask.database, FORWARD, begins, ends, ask.now)
    outlook = queries.outlook([each.line for each in found], begins, ends)
    items = [Outlook(**vars(each)) for each in outlook if query.service in (None, each.service)]
    return Response(Projection(begins=begins, ends=ends, items=items).model_dump_json(), media_type=JSON)


@router.reading(
    "/schedule.ics",
    response_class=Feed,
    summary="The schedule as an iCalendar feed (RFC 5545), four weeks back as well",
)
async def calendar(ask: Asked, query: Annotated[SpanQuery, InQuery()]) -> Response:
    ask.require("change:read")
    begins, ends = query.span(ask.now, back=timedelta(weeks=4))
    found = await entries(ask.database, WHOLE, begins, ends, ask.now, query.service)
    feed = Calendar()
    feed.add("prodid", "-//Steward//Forward schedule of change//EN")
    feed.add("version", "2.0")
    feed.add("method", "PUBLISH")
    feed.add("x-wr-calname", "Forward schedule of change")
    for each in found:
        feed.add_component(event(each, ask.now))
    return Response(feed.to_ical(), media_type="text/calendar; charset=utf-8")


def event(each: queries.Entry, now: datetime) -> Entry:
    """A change as an event. Its UID is the change's for ever; whoever has a lower SEQUENCE takes this one instead."""
    line = each.line
    found = Entry()
    found.add("uid", f"{line.change}@change.steward")
    found.add("sequence", each.version)
    found.add("dtstamp", now)
    found.add("created", each.requested_at)
    found.add("dtstart", line.planned_start)
    found.add("dtend", line.planned_end)
    found.add("summary", f"{line.number} {line.title}")
    found.add("description", each.description)
    found.add("status", STATUS.get(line.state, "CONFIRMED"))
    found.add("transp", "TRANSPARENT")
    found.add("categories", [*([line.change_class] if line.change_class else []), *line.affected_services])
    return found
