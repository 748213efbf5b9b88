"""Every refusal Steward gives. Imports nothing, so that any layer may raise one; `shared.http` renders them.

Each class is one RFC 9457 problem type: its `type` is stable, its `status` is the HTTP status, its keyword arguments
become extension members of the problem document.
"""

from collections.abc import Iterable


class Refusal(Exception):
    """What was asked for cannot be done, and this says why, in a sentence for the person who asked."""

    status = 400
    type = "bad-request"
    title = "The request cannot be understood"

    def __init__(self, detail: str, **members: object) -> None:
        super().__init__(detail)
        self.detail = detail
        self.members = members


class Unauthenticated(Refusal):
    status = 401
    type = "unauthenticated"
    title = "Who is asking is not known"


class Forbidden(Refusal):
    status = 403
    type = "forbidden"
    title = "The caller may not do this"


class NotFound(Refusal):
    status = 404
    type = "not-found"
    title = "There is no such thing, or not for this caller"


class Conflict(Refusal):
    """The record's state does not permit this. `allowed` lists the moves it permits now."""

    status = 409
    type = "conflict"
    title = "The record's state does not permit this"

    def __init__(self, detail: str, *, allowed: Iterable[str] | None = None, **members: object) -> None:
        if allowed is not None:
            members["allowed"] = list(allowed)
        super().__init__(detail, **members)


class Stale(Refusal):
    status = 412
    type = "stale"
    title = "The record has changed since it was read"


class TooLarge(Refusal):
    status = 413
    type = "too-large"
    title = "The request is larger than this service takes"


class Invalid(Refusal):
    """`errors` lists {field, message} for each fault; `field` is a dotted path into the body, query or header."""

    status = 422
    type = "invalid"
    title = "The request's content is not valid"

    def __init__(self, detail: str, *, errors: list[dict[str, object]] | None = None, **members: object) -> None:
        super().__init__(detail, **({"errors": errors} if errors is not None else {}), **members)

    @classmethod
    def field(cls, field: str, message: str) -> "Invalid":
        return cls(f"{field}: {message}", errors=[{"field": field, "message": message}])


class KeyReused(Refusal):
    status = 422
    type = "idempotency-key-reused"
    title = "This Idempotency-Key was used for another request"


class PreconditionRequired(Refusal):
    status = 428
    type = "precondition-required"
    title = "Say which version you read: send If-Match"


class Unavailable(Refusal):
    status = 503
    type = "unavailable"
    title = "A part this needs does not answer just now"
