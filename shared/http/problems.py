"""Refusals on the wire: RFC 9457 problem documents, all made here."""

from collections.abc import Sequence
from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException
from starlette.responses import JSONResponse, Response

from shared.database.faults import passing
from shared.errors import Invalid, Refusal, TooLarge, Unavailable

TYPES = "https://steward.dev/problems/"
log = structlog.get_logger(__name__)


class Misfit(BaseModel):
    """What is wrong with one field: `field` is a dotted path into the body, or a parameter's or header's name."""

    field: str
    message: str


def further(description: str) -> Any:
    """A member of some kinds of refusal only; where it is not there it has no value either."""

    def absent(schema: dict[str, Any]) -> None:
        del schema["default"]

    return Field(default=None, description=description, json_schema_extra=absent)


class Problem(BaseModel):
    """RFC 9457. `type` says which kind of refusal it is and stays the same; what comes after `detail` depends on it."""

    model_config = ConfigDict(extra="allow")

    type: str
    title: str
    status: int
    detail: str
    errors: list[Misfit] = further("Of `invalid`: each fault")
    allowed: list[str] = further("Of `conflict`: the moves that the record's state permits now")
    permission: str = further("Of `forbidden`: what the caller would need")
    roles: list[str] = further("Of `forbidden`: who has it")
    version: int = further("Of `stale`: the version that the record is at by now")


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


def refused(request: Request, error: Exception) -> Response:
    """The problem document of any way a request can fail. What nobody foresaw is logged whole and told briefly."""
    if isinstance(error, Refusal):
        return rendered(error)
    if isinstance(error, RequestValidationError):
        # FastAPI puts the place (body, query, path) first; it says nothing that the field's name does not.
        return rendered(invalid([{**each, "loc": each["loc"][1:]} for each in error.errors()]))
    if isinstance(error, HTTPException):
        return _plain(error)
    if unstorable(error):
        log.warning("http.unstorable", path=request.url.path, error=repr(error))
        return rendered(Invalid("a value of this request is outside what can be stored (a NUL, or out of range)"))
    if passing(error):
        log.warning("http.unavailable", path=request.url.path, error=repr(error))
        return rendered(Unavailable("the database does not answer just now; the same request may be sent again"))
    log.error("http.failed", path=request.url.path, exc_info=error)
    return rendered(Fault("this is a fault of ours; the log has it under the correlation id of this response"))


def unstorable(error: Exception) -> bool:
    """Whether driver or database (SQLSTATE class 22) refused a value as such. The net below the models' bounds."""
    return str(getattr(error, "sqlstate", None) or "").startswith("22")


class Fault(Refusal):
    status = 500
    type = "fault"
    title = "Something went wrong here"


def _plain(error: HTTPException) -> Response:
    """A refusal of the framework's own: no such path, no such method."""
    refusal = TooLarge(error.detail) if error.status_code == 413 else Refusal(error.detail)
    if error.status_code != 413:
        refusal.status, refusal.title = error.status_code, error.detail
        refusal.type = {404: "not-found", 405: "method-not-allowed"}.get(error.status_code, "bad-request")
    response = rendered(refusal)
    response.headers.update(error.headers or {})
    return response


def install(app: FastAPI) -> None:
    """Every way a request can fail ends in a problem document."""

    async def answer(request: Request, error: Exception) -> Response:
        return refused(request, error)

    for kind in (Refusal, RequestValidationError, HTTPException, Exception):
        app.add_exception_handler(kind, answer)
