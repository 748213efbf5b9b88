"""Routes that FastAPI describes and we execute.

FastAPI's signature of a route is what OpenAPI shows. Its dependency solving and response serialisation cost as much as
the database's part of a command (docs/decisions), so a route whose parameters are all of the kinds below is executed
by a plan made once: path ids, one body model, one query model, and `Asked`.
"""

import inspect
from collections.abc import Awaitable, Callable, Coroutine, Iterator, Sequence
from functools import lru_cache
from typing import Any, get_type_hints
from uuid import UUID

import msgspec
from fastapi import APIRouter, FastAPI, Request
from fastapi.routing import APIRoute
from pydantic import BaseModel, ValidationError
from starlette.datastructures import QueryParams
from starlette.exceptions import HTTPException
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from shared.errors import Invalid, NotFound, TooLarge
from shared.http.ask import Ask, Asked, header
from shared.http.problems import invalid, refused
from shared.http.query import Parameters

Step = Callable[[Request, Ask], Any]
LONGEST_KNOWN = 1000
"""Bytes of a query string that is remembered; a longer one is read anew."""


class PlannedRoute(APIRoute):
    """One route; see the module."""

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        endpoint = self.endpoint
        steps, body = plan(endpoint)

        async def handle(request: Request) -> Response:
            runtime = request.app.state.runtime
            content = await request.body() if body is not None else b""
            authorization = header(request.scope, b"authorization")
            caller = runtime.tokens.cached(authorization) or await runtime.tokens.caller(authorization)
            ask = Ask(request, runtime, caller, content)
            # Refused here, also where a command needs no key because repeating it changes nothing anyway.
            ask.check_key()
            arguments = {name: step(request, ask) for name, step in steps.items()}
            if body is not None:
                arguments[body[0]] = parsed(body[1], content)
            answer: Response = await endpoint(**arguments)
            return answer

        return handle


Handle = Callable[[Request], Coroutine[Any, Any, Response]]


class Dispatch:
    """ASGI: finds a planned route by its path's parts and runs it; everything else is FastAPI's.

    What FastAPI and Starlette do around a route (two exit stacks, a middleware for each kind of error, a body limit)
    is a third of a command's time in this process; a planned route needs a path, a body with a bound, and a refusal
    turned into a problem document.
    """

    def __init__(self, app: FastAPI, prefix: str, routers: Sequence[APIRouter], largest: int) -> None:
        self.app = app
        self.largest = largest
        # A path is looked up as it is, then with None in each set of places where some route of its length has a
        # parameter; there are one or two such sets.
        self.routes: dict[tuple[str, tuple[str | None, ...]], tuple[str, tuple[str, ...], Handle]] = {}
        self.places: dict[tuple[str, int], list[tuple[int, ...]]] = {}
        for route in (each for router in routers for each in router.routes):
            if not isinstance(route, PlannedRoute):
                continue
            path, handle = f"{prefix}{route.path}", route.get_route_handler()
            parts = path.split("/")
            at = tuple(n for n, part in enumerate(parts) if part.startswith("{"))
            shape = tuple(None if n in at else part for n, part in enumerate(parts))
            for method in route.methods or ():
                self.routes[method, shape] = (path, tuple(parts[n][1:-1] for n in at), handle)
                known = self.places.setdefault((method, len(parts)), [])
                if at not in known:
                    known.append(at)
                    known.sort(key=len)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        found = self._found(scope["method"], scope["path"])
        if found is None:
            known = sorted({method for method, _ in self.places if self._found(method, scope["path"])})
            if known:
                error = HTTPException(405, "Method Not Allowed", {"Allow": ", ".join(known)})
                await refused(Request(scope), error)(scope, receive, send)
            else:
                await self.app(scope, receive, send)
            return
        scope["app"], scope["route_path"], scope["path_params"], handle = self.app, *found
        request = Request(scope, bounded(scope, receive, self.largest), send)
        try:
            response = await handle(request)
        except Exception as error:
            response = refused(request, error)
        await response(scope, receive, send)

    def _found(self, method: str, path: str) -> tuple[str, dict[str, str], Handle] | None:
        parts = path.split("/")
        for places in self.places.get((method, len(parts)), ()):
            shape: list[str | None] = [*parts]
            for place in places:
                shape[place] = None
            route = self.routes.get((method, tuple(shape)))
            if route is not None:
                pattern, names, handle = route
                return pattern, {name: parts[place] for name, place in zip(names, places, strict=True)}, handle
        return None


def bounded(scope: Scope, receive: Receive, largest: int) -> Receive:
    """The request's body, refused once it is larger than the bound, whatever its header said."""
    for name, value in scope["headers"]:
        if name == b"content-length" and value.isdigit() and int(value) > largest:
            return too_large(largest)
    received = 0

    async def counted() -> Message:
        nonlocal received
        message = await receive()
        received += len(message.get("body", b""))
        if received > largest:
            raise TooLarge(f"a request's body may have {largest} bytes")
        return message

    return counted


def too_large(largest: int) -> Receive:
    async def refuse() -> Message:
        raise TooLarge(f"a request's body may have {largest} bytes")

    return refuse


def parsed(model: type[BaseModel], content: bytes) -> BaseModel:
    """The body as its model, types as they are described: "2" is no number. An empty body is an empty object. Raises
    Invalid that names each field."""
    try:
        body = model.model_validate_json(content or b"{}", strict=True)
    except ValidationError as error:
        raise invalid(error.errors(include_url=False, include_context=False)) from error
    if b"\\u0000" in content and (places := list(_nul(msgspec.json.decode(content)))):
        raise invalid([{"loc": place, "type": "nul", "msg": "a text without the character NUL"} for place in places])
    return body


def _nul(tree: Any, at: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    """Where in a JSON document a text has the one character that PostgreSQL's texts cannot hold."""
    if isinstance(tree, str) and "\0" in tree:
        yield at
    elif isinstance(tree, dict | list):
        for key, value in tree.items() if isinstance(tree, dict) else enumerate(tree):
            yield from _nul(key, at)
            yield from _nul(value, (*at, key))


def plan(endpoint: Callable[..., Any]) -> tuple[dict[str, Step], tuple[str, type[BaseModel]] | None]:
    """How each argument is made from a request, and which one is the body. Raises TypeError for any other kind."""
    steps: dict[str, Step] = {}
    body = None
    hints = get_type_hints(endpoint, include_extras=True)
    for name in inspect.signature(endpoint).parameters:
        kind = hints[name]
        plain = getattr(kind, "__origin__", kind)
        if kind == Asked:
            steps[name] = _ask
        elif plain is UUID:
            steps[name] = _id(name)
        elif plain is str:
            steps[name] = _text(name)
        elif isinstance(plain, type) and issubclass(plain, Parameters):
            steps[name] = _query(plain)
        elif isinstance(plain, type) and issubclass(plain, BaseModel):
            body = (name, plain)
        else:
            raise TypeError(f"{endpoint.__name__}: a route cannot take {name}: {kind}")
    return steps, body


def _ask(_: Request, ask: Ask) -> Ask:
    return ask


def _id(name: str) -> Step:
    def step(request: Request, _: Ask) -> UUID:
        try:
            return UUID(request.path_params[name])
        except ValueError:
            raise NotFound(f"{request.path_params[name]!r} is no id") from None

    return step


def _text(name: str) -> Step:
    def step(request: Request, _: Ask) -> str:
        value: str = request.path_params[name]
        if "\0" in value:
            raise NotFound("there is nothing of that name")
        return value

    return step


def _query(cls: type[Parameters]) -> Step:
    # Whoever watches a list asks for it in the same words again and again. What was read is frozen, so all may have it.
    known = lru_cache(maxsize=200)(lambda given: cls.read(QueryParams(given).multi_items()))

    def step(request: Request, _: Ask) -> Parameters:
        given = request.scope["query_string"]
        try:
            return known(given) if len(given) <= LONGEST_KNOWN else cls.read(QueryParams(given).multi_items())
        except ValidationError as error:
            raise invalid(error.errors(include_url=False, include_context=False), "query") from error

    return step


REFUSALS: dict[int | str, dict[str, Any]] = {
    "4XX": {"description": "Refused; the problem document says why", "content": {
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}},
}  # fmt: skip
KEY = {"name": "Idempotency-Key", "in": "header", "required": False,
       "schema": {"type": "string", "minLength": 1, "maxLength": 200},
       "description": "A repeated request with the same key gets the first answer and changes nothing"}  # fmt: skip
MATCH = {"name": "If-Match", "in": "header", "required": False,
         "schema": {"type": "string", "pattern": r'^(\*|(W/)?"?[0-9]{1,10}"?)$'},
         "description": "The ETag of what was read; refused with 412 where the record has changed since"}  # fmt: skip


class Room(APIRouter):
    """A service's router: its routes are planned, and told in OpenAPI what every route has."""

    def __init__(self, **options: Any) -> None:
        super().__init__(route_class=PlannedRoute, responses=REFUSALS, **options)

    def command(
        self,
        path: str,
        *,
        shows: type[BaseModel] | None = None,
        status: int = 200,
        match: bool = False,
        method: str = "POST",
        **options: Any,
    ) -> Callable[[Callable[..., Awaitable[Response]]], Any]:
        """A route that changes something. `match`: If-Match is required."""
        parameters = [KEY] if method == "POST" else []
        if "{id}" in path:
            parameters = [*parameters, {**MATCH, "required": match}]
        return self.api_route(
            path, methods=[method], response_model=shows, status_code=status,
            openapi_extra={"parameters": parameters}, **options,
        )  # fmt: skip

    def reading(
        self, path: str, *, shows: Any = None, **options: Any
    ) -> Callable[[Callable[..., Awaitable[Response]]], Any]:
        """A route that changes nothing."""
        return self.api_route(path, methods=["GET"], response_model=shows, **options)


__all__ = ["Asked", "Invalid", "Room"]
