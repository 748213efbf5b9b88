"""One request: who asks, when, under which key and precondition; and the ways it can end.

`Ask` is what routes work with. `create` and `change` are the whole path of a command: decide, render, save in one
statement, answer. A repeated Idempotency-Key gets the first answer again, whatever the record's state is by now.
"""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property, partial
from hashlib import sha256
from typing import TYPE_CHECKING, Annotated, Any
from uuid import UUID

import asyncpg
import msgspec
from fastapi import Depends, Request
from pydantic import BaseModel
from sqlalchemy.orm.attributes import instance_dict
from starlette.responses import Response
from starlette.types import Scope
from uuid_utils.compat import uuid7

from contracts.envelope import Event
from shared.auth import Caller
from shared.database import Answer, Cause, Database, Faster, Record, Transaction
from shared.database.engine import Repeated
from shared.database.page import Listing, page_parameters, page_text
from shared.database.records import R, noun, unnumbered
from shared.errors import Conflict, Invalid, KeyReused, NotFound, PreconditionRequired, Refusal, Stale
from shared.http.query import Query as Query
from shared.telemetry import traceparent

if TYPE_CHECKING:
    from shared.service import Runtime

# How often a command decides again without a lock, before it takes one: on a record that many change, somebody would
# be faster every time.
TRIES = 3
JSON = "application/json"
ETAG = re.compile(r'(?:W/)?"?([0-9]{1,10})"?')


@dataclass(frozen=True)
class View:
    """How a record is shown: the fields of `model` are its columns, but for what `computed` adds for this caller.

    The text is written straight from the columns; a test proves that it is what the model would have written.
    """

    model: type[BaseModel]
    computed: Callable[[Any, Caller], Mapping[str, object]] = lambda record, caller: {}

    @cached_property
    def fields(self) -> tuple[str, ...]:
        return tuple(self.model.model_fields)

    def text(self, record: Record, caller: Caller) -> str:
        known = {**instance_dict(record), **self.computed(record, caller)}
        return msgspec.json.encode({name: known[name] for name in self.fields}).decode()


@dataclass(frozen=True, slots=True)
class Settled:
    """What a command answers. `headers` are not stored: a repeated request reads the record anew if it needs them."""

    body: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


def header(scope: Scope, name: bytes) -> str | None:
    """One header of a request, by its lower-case name; the last where it came several times."""
    found: dict[bytes, bytes] | None = scope.get("steward.headers")
    if found is None:
        found = scope["steward.headers"] = dict(scope["headers"])
    value = found.get(name)
    return None if value is None else value.decode("latin-1")


def seen(given: str | None, etag: str) -> Iterable[str]:
    """The ETags of If-None-Match, without the mark of weak ones (RFC 9110, 13.1.2); `*` is any, so this one."""
    if given is None:
        return ()
    return (etag if each == "*" else each.removeprefix("W/") for each in map(str.strip, given.split(",")))


async def _said(settled: "Settled", _: Transaction) -> "Settled":
    return settled


class Ask:
    """A request to one service."""

    def __init__(self, request: Request, runtime: "Runtime", caller: Caller, body: bytes = b"") -> None:
        self.request = request
        self.runtime = runtime
        self.caller = caller
        self.body = body
        self.now: datetime = runtime.clock.now()
        self.correlation: UUID = request.scope.get("correlation") or uuid7()

    @property
    def database(self) -> Database:
        return self.runtime.database

    def require(self, permission: str) -> None:
        """Raises Forbidden unless the caller has this permission."""
        self.runtime.permissions.require(self.caller, permission)

    @property
    def scope(self) -> str | None:
        """The one organisation whose records this caller sees; None: all. The only place where this is decided."""
        return self.caller.organisation

    def cause(self, occurred: datetime | None = None) -> Cause:
        return Cause(
            actor=self.caller.subject,
            occurred=occurred or self.now,
            recorded=self.now,
            correlation=self.correlation,
            traceparent=traceparent(self.request.scope),
        )

    @cached_property
    def key(self) -> str | None:
        return header(self.request.scope, b"idempotency-key")

    def check_key(self) -> None:
        """Raises Invalid where there is a key and it is none that can be kept."""
        if self.key is not None and not 1 <= len(self.key) <= 200:
            raise Invalid.field("Idempotency-Key", "between 1 and 200 characters")

    def expected(self, *, required: bool = False) -> int | None:
        """The version that If-Match names. Raises PreconditionRequired, or Invalid where it is no ETag of ours."""
        given = header(self.request.scope, b"if-match")
        if given is None or given == "*":
            if required and given is None:
                raise PreconditionRequired("send If-Match with the ETag of what you read")
            return None
        found = ETAG.fullmatch(given)
        if found is None:
            raise Invalid.field("If-Match", "this is no ETag of a record here")
        return int(found[1])

    @cached_property
    def fingerprint(self) -> bytes:
        """What makes a repeated request the same one: its method, path, query and body."""
        scope = self.request.scope
        head = f"{scope['method']} {scope['path']}?{scope['query_string'].decode('latin-1')}\n".encode()
        return sha256(head + self.body).digest()

    def _answer(self, status: int, body: str) -> Answer | None:
        if self.key is None:
            return None
        return Answer(self.caller.subject, self.key, self.fingerprint, status, body)

    async def _before(self, otherwise: Refusal) -> Response:
        """The stored answer of this key, or the refusal: a repeated command must not be refused for having worked."""
        stored = await self.database.answer(self.caller.subject, self.key) if self.key is not None else None
        if stored is None:
            raise otherwise
        if stored.fingerprint != self.fingerprint:
            raise KeyReused("this Idempotency-Key came before with another request; take a new one")
        headers = {"Idempotency-Replayed": "true"}
        answered = msgspec.json.decode(stored.body)
        if isinstance(answered, dict) and "version" in answered:
            headers["ETag"] = f'"{answered["version"]}"'
            if stored.status == 201:
                headers["Location"] = f"{self.request.scope['path']}/{answered['id']}"
        return Response(stored.body, stored.status, headers, media_type=JSON)

    async def create(
        self, record: Record, events: Sequence[Event], view: View, *, occurred: datetime | None = None
    ) -> Response:
        """Save a new record with its first events. 201, with ETag and Location."""
        record.version = len(events)
        body = view.text(record, self.caller)
        try:
            await self.database.save(record, events, self.cause(occurred), self._answer(201, body))
        except Repeated:
            return await self._before(Conflict("the same request is being answered just now"))
        self.runtime.saved()
        body = body.replace(unnumbered(record.id), record.number)
        location = f"{self.request.scope['path']}/{record.id}"
        return Response(body, 201, {"ETag": f'"{record.version}"', "Location": location}, media_type=JSON)

    async def change(
        self, cls: type[R], id: UUID, decide: Callable[[R], Sequence[Event]], view: View, *, match: bool = False
    ) -> Response:
        """Load, decide, save; again where somebody was faster, unless the caller said which version it means.

        `decide` changes the record and returns the events; none: nothing is written. `match`: If-Match is required.
        """
        # What cannot be read is refused whatever was answered to this key before.
        expected = self.expected(required=match)
        try:
            return await self._change(cls, id, decide, view, expected)
        except Refusal as refusal:
            return await self._before(refusal)

    async def _change(
        self, cls: type[R], id: UUID, decide: Callable[[R], Sequence[Event]], view: View, expected: int | None
    ) -> Response:
        for _ in range(TRIES):
            record = await self.load(cls, id)
            if expected is not None and record.version != expected:
                raise Stale(f"{record.number} is at version {record.version} by now", version=record.version)
            events = decide(record)
            record.version += len(events)
            body = view.text(record, self.caller)
            etag = {"ETag": f'"{record.version}"'}
            if not events:
                if self.key is None:
                    return Response(body, 200, etag, media_type=JSON)
                return await self.settle(partial(_said, Settled(body, headers=etag)))
            try:
                await self.database.save(record, events, self.cause(), self._answer(200, body))
            except Faster:
                continue
            except Repeated:
                return await self._before(Conflict("the same request is being answered just now"))
            self.runtime.saved()
            return Response(body, 200, etag, media_type=JSON)

        async def insist(transaction: Transaction) -> Settled:
            record = (await transaction.load_many(cls, [id])).get(id)
            if record is None or self.scope not in (None, record.organisation):
                raise NotFound(f"no {noun(cls)} {id}")
            transaction.record(record, decide(record), self.cause())
            return Settled(view.text(record, self.caller), headers={"ETag": f'"{record.version}"'})

        return await self.settle(insist)

    async def settle(self, work: Callable[[Transaction], Awaitable["Settled"]]) -> Response:
        """A command that needs a transaction: what it writes and its stored answer are committed together or not."""
        try:
            async with self.database.transaction() as transaction:
                done = await work(transaction)
                await transaction.flush()
                if (answer := self._answer(done.status, done.body)) is not None:
                    await transaction.answer(answer, self.now)
        except Refusal as refusal:
            return await self._before(refusal)
        except asyncpg.UniqueViolationError as error:
            if error.constraint_name != "pk_idempotency":
                raise
            return await self._before(Conflict("the same request is being answered just now"))
        self.runtime.saved()
        return Response(done.body, done.status, dict(done.headers), media_type=JSON)

    async def load(self, cls: type[R], id: UUID) -> R:
        """The record, if there is one and this caller may see it; otherwise NotFound, the same in both cases."""
        record = await self.database.load(cls, id, self.scope)
        if record is None:
            raise NotFound(f"no {noun(cls)} {id}")
        return record

    async def show(self, cls: type[R], id: UUID, view: View) -> Response:
        record = await self.load(cls, id)
        etag = f'"{record.version}"'
        if etag in seen(header(self.request.scope, b"if-none-match"), etag):
            return Response(status_code=304, headers={"ETag": etag})
        return Response(view.text(record, self.caller), 200, {"ETag": etag}, media_type=JSON)

    async def found(
        self, listing: Listing, query: Query, more: Mapping[str, object] | None = None
    ) -> tuple[Sequence[Any], str]:
        """The rows of a page as `page_text` takes them, one beyond it where there is one, and the order's name. `more`
        are the values of parameters that the listing's own expressions have."""
        statement, parameters, order = page_parameters(
            listing, query.filters(), query.sort, query.cursor, query.limit, self.scope
        )
        try:
            return await self.database.rows(statement, parameters | dict(more or {})), order
        except asyncpg.DataError as error:
            if query.cursor is None:
                raise
            raise Invalid.field("cursor", "this is not a cursor of this list") from error

    async def page(
        self, listing: Listing, query: Query, chosen: Mapping[str, Mapping[str, str]] | None = None
    ) -> Response:
        """One page of a list; `chosen` gives, for each of the listing's chosen fields, the JSON text by value."""
        rows, order = await self.found(listing, query)
        return Response(page_text(listing, rows, query.limit, order, chosen or {}), media_type=JSON)


def asked(request: Request) -> Ask:
    """The dependency that stands for `Ask` in a route's signature; `shared.http.route` answers it."""
    raise AssertionError("routes that take Ask are declared on shared.http.route.Room")


Asked = Annotated[Ask, Depends(asked)]
