"""Read by schemathesis: what a well-meant request has that a schema cannot say, so that it gets as far as the rules."""

from itertools import count
from typing import Any

import schemathesis
from schemathesis.generation import GenerationMode

numbers = count(1)


@schemathesis.hook
def before_call(_: Any, case: schemathesis.Case[Any], __: Any) -> None:
    if case.meta is None or case.meta.generation.mode is not GenerationMode.POSITIVE:
        return
    # One key, one request: those that are made up repeat themselves.
    if "Idempotency-Key" in case.headers:
        case.headers["Idempotency-Key"] = f"schemathesis-{next(numbers)}"
    # Whatever the record's version is by now.
    if "If-Match" in case.headers:
        case.headers["If-Match"] = "*"
    # Cursors come from the page before.
    case.query.pop("cursor", None)
