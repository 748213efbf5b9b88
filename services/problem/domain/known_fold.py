"""A known error's state from its events alone."""

from collections.abc import Iterable
from typing import Any

from contracts.envelope import Message, registry
from contracts.known_error import (
    KnownErrorFact,
    KnownErrorPublished,
    KnownErrorRetired,
    KnownErrorReviewOverdue,
    KnownErrorRevised,
)
from services.problem.domain.known_errors import TOLD


def fold_known_error(messages: Iterable[Message]) -> dict[str, Any]:
    """The columns of the record whose events these are, from the first one on. Raises TypeError for another event."""
    state: dict[str, Any] = {}
    for message in messages:
        event = registry()[message.type].model_validate_json(message.data)
        if not isinstance(event, KnownErrorFact):
            raise TypeError(f"{message.type} is no event of a known error")
        state |= {name: getattr(event, name) for name in TOLD} | {"items": list(event.items)}
        state |= {"id": message.aggregate_id, "number": message.subject, "version": message.sequence}
        match event:
            case KnownErrorPublished():
                state |= {"published_at": message.occurred, "organisation": message.organisation}
                state |= dict.fromkeys(("overdue_since", "retired_at", "retired_because"))
                state["review_due_at"] = event.review_at
            case KnownErrorRevised() if "review_at" in event.fields:
                state |= {"review_due_at": event.review_at, "overdue_since": None}
            case KnownErrorReviewOverdue():
                state |= {"review_due_at": None, "overdue_since": event.review_at}
            case KnownErrorRetired(reason=reason):
                state |= {"review_due_at": None, "retired_at": message.occurred, "retired_because": reason}
    return state
