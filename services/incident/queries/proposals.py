"""What the desk is offered where an incident is, or is to be, opened (INC-4): known errors, problems, recent changes.

Each is found by what the incident is about: its item or one that this depends on, its service, or the words of its
title; and is ranked in that order. What only words speak for has to share two of them, or the only one there is.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import TextClause, text

from services.incident.queries.estate import Surroundings
from services.incident.tables import ERROR_WORDS, PROBLEM_WORDS
from shared.database import Database

MOST = 20


def found_by(source: str, shown: str, about: str, place: str, words: str, valid: str) -> TextClause:
    """`about` and `place`: whether a row is about one of :names, and the place of the first of them it is about."""
    title = "to_tsvector('english', CAST(:title AS text))"
    query = "CAST(replace(CAST(plainto_tsquery('english', CAST(:title AS text)) AS text), '&', '|') AS tsquery)"
    return text(
        f"SELECT {shown}, place, same_service, shared FROM (SELECT *, {place} AS place, "
        f"coalesce(service = :service, false) AS same_service, "
        f"ts_rank({words}, {query}) AS rank, cardinality(ARRAY(SELECT unnest(tsvector_to_array({words})) INTERSECT "
        f"SELECT unnest(tsvector_to_array({title})))) AS shared "
        f"FROM {source} WHERE {valid} AND ({about} OR service = :service OR {words} @@ {query})) AS found "
        "WHERE place IS NOT NULL OR same_service OR shared >= "
        f"greatest(1, least(2, cardinality(tsvector_to_array({title})))) "
        "ORDER BY place NULLS LAST, same_service DESC, rank DESC, number LIMIT :limit"
    )


PLACE_OF_ITEMS = (
    "(SELECT min(place) FROM unnest(CAST(:names AS text[])) WITH ORDINALITY AS n (name, place) WHERE name = ANY(items))"
)
ERRORS = found_by(
    "known_error",
    "id, number, problem, problem_number, title, symptom, workaround, valid_from, valid_to",
    "items && CAST(:names AS text[])",
    PLACE_OF_ITEMS,
    ERROR_WORDS,
    "state = 'published' AND valid_from <= :at AND (valid_to IS NULL OR valid_to > :at)",
)
PROBLEMS = found_by(
    "known_problem",
    "id, number, state, title, workaround",
    "ci = ANY(CAST(:names AS text[]))",
    "array_position(CAST(:names AS text[]), ci)",
    PROBLEM_WORDS,
    "state IN ('new', 'active', 'waiting')",
)
CHANGES = text(
    "SELECT id, number, state, title, started_at, ended_at, place FROM "
    f"(SELECT *, {PLACE_OF_ITEMS} AS place FROM recent_change "
    "WHERE started_at <= :at AND greatest(started_at, coalesce(ended_at, started_at)) >= :since) AS found "
    "WHERE place IS NOT NULL OR service = :service "
    "ORDER BY place NULLS LAST, greatest(started_at, coalesce(ended_at, started_at)) DESC, number LIMIT :limit"
)


@dataclass(frozen=True, slots=True)
class About:
    """What is asked about: an incident that is open, or one that is about to be."""

    at: datetime
    around: Surroundings
    service: str | None
    title: str | None

    @property
    def wanted(self) -> dict[str, Any]:
        names = {"names": self.around.names, "service": self.service}
        return names | {"title": self.title or "", "limit": MOST}


async def errors(database: Database, about: About) -> list[dict[str, Any]]:
    return [offered(row, about) for row in await database.rows(ERRORS, about.wanted | {"at": about.at})]


async def problems(database: Database, about: About) -> list[dict[str, Any]]:
    return [offered(row, about) for row in await database.rows(PROBLEMS, about.wanted)]


def offered(row: Any, about: About) -> dict[str, Any]:
    """A row with why it is offered: `matched` says by what, and `path` over which items."""
    shown = dict(row._mapping)
    path = way(shown.pop("place"), about)
    by = {"item": path, "service": shown.pop("same_service"), "words": shown.pop("shared")}
    return shown | {"matched": [name for name, holds in by.items() if holds], "path": path}


async def changes(database: Database, about: About, window: timedelta) -> list[dict[str, Any]]:
    parameters = {name: value for name, value in about.wanted.items() if name != "title"}
    parameters |= {"at": about.at, "since": about.at - window}
    found = []
    for row in await database.rows(CHANGES, parameters):
        shown = dict(row._mapping)
        path = way(shown.pop("place"), about)
        ended = shown["ended_at"]
        last = ended if ended is not None and ended <= about.at else shown["started_at"]
        found.append(shown | {"minutes_ago": (about.at - last) // timedelta(minutes=1), "path": path})
    return found


def way(place: int | None, about: About) -> list[str]:
    """The items from the one that was found, by its place among the names, to the incident's own."""
    return about.around.paths[about.around.names[place - 1]] if place is not None else []
