"""The catalogue of services, what stands behind each promise, and what in the documents does not fit together."""

import asyncio
from datetime import datetime
from typing import Annotated, Any

import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel, Field
from starlette.responses import Response

from services.sla.api.agreements import Version, WhenQuery, seen_by
from services.sla.domain.catalogue import entries, findings, versions_of
from services.sla.domain.chains import shown
from services.sla.domain.policies import book_of
from services.sla.rules.agreements import Book
from services.sla.rules.chains import chains
from services.sla.rules.service_spec import ServiceState
from shared.errors import NotFound
from shared.http.ask import JSON, Asked
from shared.http.route import Room
from shared.orders import Word

router = Room(tags=["service catalogue"])


class Entry(BaseModel):
    """A service as the catalogue has it at the instant. `agreements` are those in force for it then, with the targets
    and levels that they promise for it; a customer's contact sees its own."""

    name: str
    version: int
    effective_from: datetime
    title: str
    state: ServiceState
    owner: str
    criticality: int
    description: str
    customers: list[str]
    hours: str | None
    support_hours: str | None
    contacts: list[dict[str, Any]]
    prerequisites: list[str]
    security: str
    agreements: list[dict[str, Any]]


class Entries(BaseModel):
    items: list[Entry]


class EntryVersions(Entry):
    """With every version of the entry, newest first."""

    versions: list[Version]


class Finding(BaseModel):
    """Something in the documents that was accepted and does not fit: which document, where in it, and why."""

    kind: str
    name: str
    field: str
    message: str


class Findings(BaseModel):
    items: list[Finding]


class Chain(BaseModel):
    """A promise for one priority, with what stands behind it, one after the other. `worst_microseconds` is what can
    pass of the promise while each of them is kept, for a record that begins at `begins_at`; null: they never end."""

    agreement: str
    agreement_version: int
    target: str
    measure: str
    priority: int
    limit_microseconds: int
    supports: list[dict[str, Any]]
    worst_microseconds: int | None
    begins_at: datetime
    from_at: datetime
    until: datetime | None
    supported: bool
    because: str | None


class Chains(BaseModel):
    items: list[Chain]


class ServiceQuery(WhenQuery):
    """`q` is looked for in names, titles and descriptions, whatever the case of its letters."""

    state: list[ServiceState] | None = None
    customer: Word | None = None
    owner: Word | None = None
    criticality: Annotated[int, Field(ge=1, le=3)] | None = None
    q: Word | None = None


class ChainQuery(WhenQuery):
    """`at`: chains that hold then or later; from now on where it is left out."""

    agreement: Word | None = None
    supported: bool | None = None


@router.reading("/services", shows=Entries, summary="The catalogue of services at an instant; contacts see their own")
async def services(ask: Asked, query: Annotated[ServiceQuery, InQuery()]) -> Response:
    ask.require("service:read")
    wanted = (query.q or "").casefold()
    items = [
        each
        for each in entries(ask.runtime.policies.found, query.at or ask.now, ask.scope, seen_by)
        if (query.state is None or each["state"] in query.state)
        and (query.customer is None or not each["customers"] or query.customer in each["customers"])
        and query.owner in (None, each["owner"])
        and query.criticality in (None, each["criticality"])
        and any(wanted in each[field].casefold() for field in ("name", "title", "description"))
    ]
    return Response(msgspec.json.encode({"items": items}), media_type=JSON)


@router.reading("/services/{name}", shows=EntryVersions, summary="One service with its agreements and all versions")
async def service(name: str, ask: Asked, query: Annotated[WhenQuery, InQuery()]) -> Response:
    ask.require("service:read")
    at = query.at or ask.now
    for entry in entries(ask.runtime.policies.found, at, ask.scope, seen_by):
        if entry["name"] == name:
            content = {**entry, "versions": versions_of(ask.runtime.policies.found, name, at, ask.scope)}
            return Response(msgspec.json.encode(content), media_type=JSON)
    raise NotFound(f"no service {name!r}")


@router.reading("/chains", shows=Chains, summary="What stands behind each promise, and whether it holds")
async def chains_of(ask: Asked, query: Annotated[ChainQuery, InQuery()]) -> Response:
    ask.require("chain:read")
    book = book_of(ask.runtime.policies.found)
    # Years of calendars take a while to go through; other requests are answered meanwhile.
    items = await asyncio.to_thread(judged, book, query.at or ask.now, query.agreement)
    if query.supported is not None:
        items = [each for each in items if each["supported"] == query.supported]
    return Response(msgspec.json.encode({"items": items}), media_type=JSON)


def judged(book: Book, after: datetime, agreement: str | None) -> list[dict[str, Any]]:
    return [shown(each) for each in chains(book, after) if agreement in (None, each.agreement.name)]


@router.reading("/findings", shows=Findings, summary="What in the documents in force does not fit together")
async def found(ask: Asked, query: Annotated[WhenQuery, InQuery()]) -> Response:
    ask.require("chain:read")
    items = await asyncio.to_thread(findings, ask.runtime.policies.found, query.at or ask.now)
    return Response(msgspec.json.encode({"items": items}), media_type=JSON)
