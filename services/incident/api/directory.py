"""The routes of the directory: support groups, and the people that work can be given to."""

from typing import Annotated

import msgspec
from fastapi import Query as InQuery
from pydantic import BaseModel, Field
from sqlalchemy import text
from starlette.responses import Response

from services.incident.queries import directory
from shared.database import Transaction
from shared.errors import Conflict
from shared.http.ask import JSON, Asked, Settled
from shared.http.query import Pages
from shared.http.route import Room
from shared.orders import Name, Order, Word

router = Room(tags=["directory"])

ADD_GROUP = text(
    "INSERT INTO support_group (name, line) VALUES (:name, :line) ON CONFLICT DO NOTHING RETURNING name, line, origin"
)
ADD_PERSON = text(
    'INSERT INTO person (name, "group") VALUES (:name, :group) ON CONFLICT DO NOTHING RETURNING name, "group", origin'
)


class NewGroup(Order):
    """`line`: 1 is the desk, higher ones are asked when it needs more skill."""

    name: Name
    line: Annotated[int, Field(ge=1, le=9)] | None = None


class NewPerson(Order):
    """`name` is what the token of the person says in `sub`, where the person uses Steward."""

    name: Name
    group: Name | None = None


class GroupView(BaseModel):
    """`origin` is the system whose history the entry came with."""

    name: str
    line: int | None
    origin: str | None


class PersonView(BaseModel):
    name: str
    group: str | None
    origin: str | None


class Groups(BaseModel):
    items: list[GroupView]
    next: str | None


class People(BaseModel):
    items: list[PersonView]
    next: str | None


class GroupQuery(Pages):
    """By name."""

    cursor: Word | None = None


class PeopleQuery(GroupQuery):
    group: Word | None = None


@router.reading("/groups", shows=Groups, summary="Support groups, by name")
async def groups(ask: Asked, query: Annotated[GroupQuery, InQuery()]) -> Response:
    ask.require("directory:read")
    items, after = await directory.page(ask.database, directory.GROUPS, query.limit, after=query.cursor)
    return Response(msgspec.json.encode({"items": items, "next": after}), media_type=JSON)


@router.reading("/people", shows=People, summary="People that work can be given to, by name")
async def people(ask: Asked, query: Annotated[PeopleQuery, InQuery()]) -> Response:
    ask.require("directory:read")
    items, after = await directory.page(
        ask.database, directory.PEOPLE, query.limit, after=query.cursor, group=query.group
    )
    return Response(msgspec.json.encode({"items": items, "next": after}), media_type=JSON)


@router.command("/groups", shows=GroupView, status=201, summary="Register a support group")
async def add_group(body: NewGroup, ask: Asked) -> Response:
    ask.require("directory:change")

    async def work(transaction: Transaction) -> Settled:
        added = (await transaction.execute(ADD_GROUP, {"name": body.name, "line": body.line})).one_or_none()
        if added is None:
            raise Conflict(f"there is a group {body.name!r} already", allowed=())
        return Settled(msgspec.json.encode(dict(added._mapping)).decode(), 201)

    return await ask.settle(work)


@router.command("/people", shows=PersonView, status=201, summary="Register somebody that work can be given to")
async def add_person(body: NewPerson, ask: Asked) -> Response:
    ask.require("directory:change")
    await directory.require(ask.database, body.group, None)

    async def work(transaction: Transaction) -> Settled:
        added = (await transaction.execute(ADD_PERSON, {"name": body.name, "group": body.group})).one_or_none()
        if added is None:
            raise Conflict(f"{body.name!r} is there already", allowed=())
        return Settled(msgspec.json.encode(dict(added._mapping)).decode(), 201)

    return await ask.settle(work)
