"""Refusals on the wire: RFC 9457 problem documents, all made here."""

from collections.abc import Sequence
from typing import Any, cast

import asyncpg
import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, ValidationError
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from shared.errors import Invalid, Refusal, TooLarge, Unavailable
from shared.events.inbox import passing

TYPES = "https://steward.dev/problems/"
log = structlog.get_logger(__name__)


class Problem(BaseModel):
    """RFC 9457. Further members depend on the type: `errors`, `allowed`, `permission`, …"""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str


def rendered(refusal: Refusal) -> Response:
    body = {
        "type": TYPES + refusal.type,
        "title": refusal.title,
        "status": refusal.status,
        "detail": refusal.detail,
        **refusal.members,
    }
    headers = {}
    if refusal.status == 401:
        headers["WWW-Authenticate"] = str(body.pop("challenge", "Bearer"))
    if refusal.status == 503:
        headers["Retry-After"] = "1"
    return JSONResponse(body, refusal.status, headers, media_type="application/problem+json")


def invalid(errors: Sequence[Any], within: str = "") -> Invalid:
    """Pydantic's findings as one refusal that names each field by a dotted path."""
    found: list[dict[str, object]] = []
    for error in errors:
        path = ".".join(str(part) for part in error["loc"]) or within or "body"
        message = "this field is not known here" if error["type"] == "extra_forbidden" else error["msg"]
        found.append({"field": path, "message": message})
    return Invalid("; ".join(f"{each['field']}: {each['message']}" for each in found[:5]), errors=found)


def install(app: FastAPI) -> None:
    """Every way a request can fail ends in a problem document; what nobody foresaw is logged whole and told briefly."""

    async def refusal(_: Request, error: Exception) -> Response:
        return rendered(cast("Refusal", error))

    async def validation(_: Request, error: Exception) -> Response:
        found = cast("RequestValidationError | ValidationError", error).errors()
        # FastAPI puts the place (body, query, path) first; it says nothing that the field's name does not.
        places = {"body", "query", "path", "header"}
        return rendered(invalid([{**each, "loc": each["loc"][1:] if each["loc"][:1] and each["loc"][0] in places
                                  else each["loc"]} for each in found]))  # fmt: skip

    async def plain(_: Request, error: Exception) -> Response:
        known = cast("HTTPException", error)
        refusal = TooLarge(known.detail) if known.status_code == 413 else Refusal(known.detail)
        if known.status_code != 413:
            refusal.status, refusal.type = (
                known.status_code,
                {404: "not-found", 405: "method-not-allowed"}.get(known.status_code, "bad-request"),
            )
            refusal.title = known.detail
        response = rendered(refusal)
        response.headers.update(known.headers or {})
        return response

    async def unforeseen(request: Request, error: Exception) -> Response:
        if passing(error) or isinstance(error, PoolTimeout):
            log.warning("http.unavailable", path=request.url.path, error=repr(error))
            return rendered(Unavailable("the database does not answer just now; the same request may be sent again"))
        log.error("http.failed", path=request.url.path, exc_info=error)
        broken = Refusal("this is a fault of ours; the log has it under the correlation id of this response")
        broken.status, broken.type, broken.title = 500, "fault", "Something went wrong here"
        return rendered(broken)

    app.add_exception_handler(Refusal, refusal)
    app.add_exception_handler(RequestValidationError, validation)
    app.add_exception_handler(ValidationError, unforeseen)
    app.add_exception_handler(HTTPException, plain)
    app.add_exception_handler(DBAPIError, unforeseen)
    app.add_exception_handler(asyncpg.PostgresError, unforeseen)
    app.add_exception_handler(asyncpg.InterfaceError, unforeseen)
    app.add_exception_handler(OSError, unforeseen)
    app.add_exception_handler(TimeoutError, unforeseen)
    app.add_exception_handler(PoolTimeout, unforeseen)
    app.add_exception_handler(Exception, unforeseen)
