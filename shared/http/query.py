"""The parameters of a route that reads, from its query string: its own, and those of lists."""

import re
from collections.abc import Iterable
from functools import cache
from typing import Annotated, Any, ClassVar, Self
from uuid import UUID

from pydantic import BaseModel, Field

from shared.errors import Invalid

ISO = re.compile(r"\d{4}-\d\d-\d\d")


class Parameters(BaseModel, extra="forbid", frozen=True):
    """A subclass adds what its route takes; what it does not have is refused by name."""

    # Beyond what a column of theirs can hold, numbers are refused rather than asked for.
    largest: ClassVar[int] = 2**31 - 1

    @classmethod
    def read(cls, pairs: Iterable[tuple[str, str]]) -> Self:
        """From a query string's pairs; a parameter that may come several times is a list. Raises ValidationError, or
        Invalid for what PostgreSQL has no place for."""
        found: dict[str, Any] = {}
        for name, value in pairs:
            if "\0" in value:
                raise Invalid.field(name, "a text without the character NUL")
            # Pydantic takes 0.5 for half a second after the beginning of 1970.
            if name in times(cls) and not ISO.match(value):
                raise Invalid.field(name, "a date or instant as of ISO 8601, for instance 2026-03-02T09:00:00Z")
            if name in many(cls):
                found.setdefault(name, []).append(value)
            else:
                found[name] = value
        query = cls.model_validate(found)
        for name, value in query:
            for each in value if isinstance(value, list) else (value,):
                if isinstance(each, int) and abs(each) > cls.largest:
                    raise Invalid.field(name, f"a number between {-cls.largest} and {cls.largest}")
        return query


class Pages(Parameters):
    """Of a list in one order: `cursor` is what the page before gave as `next`."""

    limit: Annotated[int, Field(ge=1, le=200)] = 50
    cursor: Annotated[str, Field(max_length=8000)] | None = None


class PagesById(Pages):
    """The same, where the cursor is an id."""

    cursor: UUID | None = None  # type: ignore[assignment]  # an id is narrower than any text


class Query(Pages):
    """Of a list that is filtered and sorted; a subclass adds its filters."""

    sort: str | None = None

    def filters(self) -> dict[str, Any]:
        common = Query.model_fields
        return {name: value for name, value in self if name not in common and value is not None}


class OpenQuery(Query):
    """Of records that are open or not. A subclass has the filter `state` and says which states are `over`."""

    over: ClassVar[frozenset[str]]

    open: bool | None = None

    def filters(self) -> dict[str, Any]:
        found = super().filters()
        # Said so, the page is read in order from the index of open records instead of being sorted out of all of them.
        if "state" in found and self.over.isdisjoint(found["state"]):
            found.setdefault("open", True)
        return found


@cache
def times(cls: type[Parameters]) -> frozenset[str]:
    """The parameters of a query that are dates or instants."""
    return frozenset(name for name, field in cls.model_fields.items() if "date" in str(field.annotation).lower())


@cache
def many(cls: type[Parameters]) -> frozenset[str]:
    """The parameters of a query that are lists."""
    return frozenset(name for name, field in cls.model_fields.items() if "list[" in str(field.annotation))
