"""Support groups and people that work can be given to: who is there, and whom a misspelt name may have meant."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Any
from weakref import WeakKeyDictionary

from sqlalchemy import TextClause, text

from shared.database import Database
from shared.errors import Invalid

GROUP = text("SELECT name FROM support_group WHERE name = :name")
PERSON = text("SELECT name FROM person WHERE name = :name")
# Names of about the same length first: what is nearest to a misspelt one is hardly much longer or shorter.
NEAR_GROUPS = text("SELECT name FROM support_group ORDER BY abs(length(name) - length(:name)), name LIMIT 1000")
NEAR_PEOPLE = text("SELECT name FROM person ORDER BY abs(length(name) - length(:name)), name LIMIT 1000")
GROUPS = text(
    "SELECT name, line, origin FROM support_group WHERE CAST(:after AS text) IS NULL OR name > :after "
    "ORDER BY name LIMIT :limit"
)
PEOPLE = text(
    'SELECT name, "group", origin FROM person WHERE (CAST(:after AS text) IS NULL OR name > :after) '
    'AND (CAST(:group AS text) IS NULL OR "group" = :group) ORDER BY name LIMIT :limit'
)
KEPT = 10_000


@dataclass(slots=True)
class Known:
    """Names seen in the database. Nothing is ever taken out of the directory, so that a name seen once stays right on
    every replica; one not seen yet is looked up."""

    groups: set[str] = field(default_factory=set)
    people: set[str] = field(default_factory=set)


SEEN: WeakKeyDictionary[Database, Known] = WeakKeyDictionary()


async def require(database: Database, group: str | None, assignee: str | None) -> None:
    """Raises Invalid that names each field whose group or person is not in the directory, with near matches."""
    known = SEEN.setdefault(database, Known())
    errors: list[dict[str, object]] = []
    if group is not None and not await there(database, known.groups, GROUP, group):
        errors.append(await unknown(database, "group", group, NEAR_GROUPS))
    if assignee is not None and not await there(database, known.people, PERSON, assignee):
        errors.append(await unknown(database, "assignee", assignee, NEAR_PEOPLE))
    if errors:
        raise Invalid("; ".join(f"{each['field']}: {each['message']}" for each in errors), errors=errors)


async def there(database: Database, seen: set[str], sql: TextClause, name: str) -> bool:
    if name in seen:
        return True
    if not await database.rows(sql, {"name": name}):
        return False
    if len(seen) >= KEPT:
        seen.clear()
    seen.add(name)
    return True


async def unknown(database: Database, name: str, given: str, sql: TextClause) -> dict[str, object]:
    near = nearest(given, [row.name for row in await database.rows(sql, {"name": given})])
    meant = f"; near it: {', '.join(near)}" if near else ""
    return {"field": name, "message": f"the directory has no {given!r}{meant}", "near": near}


def nearest(given: str, names: Iterable[str]) -> list[str]:
    """Up to three of the names that look like the given one, whatever its case, the nearest first."""
    by_fold: dict[str, list[str]] = {}
    for name in names:
        by_fold.setdefault(name.casefold(), []).append(name)
    return [name for fold in get_close_matches(given.casefold(), by_fold, 3) for name in by_fold[fold]][:3]


async def page(
    database: Database, sql: TextClause, limit: int, **parameters: object
) -> tuple[list[dict[str, Any]], Any]:
    """Up to `limit` entries by name, and the name to go on after, or None."""
    rows = await database.rows(sql, {**parameters, "limit": limit + 1})
    items = [dict(row._mapping) for row in rows[:limit]]
    return items, items[-1]["name"] if len(rows) > limit else None
