"""From rows to an estate: what each row says by the mapping, and why a row says nothing that can be used."""

import math
import re
from collections.abc import Callable, Iterator, Sequence
from collections.abc import Mapping as Columns
from dataclasses import dataclass, field
from typing import Any

from cli.api import Failed
from cli.estate.mapping import Cell, Column, Items, Mapping, Relationships
from cli.estate.patterns import NotPlain, Pattern
from cli.estate.reading import Place, Reject, Row, Rows

BRACES = re.compile(r"\{([^{}]*)\}")
Related = tuple[str, str, str]
"""(source, kind, target), by names."""


class Broken(Exception):
    """A row that cannot be used; the text says why."""


@dataclass
class Estate:
    """What is to be sent, each with the row that says it, and the rows that cannot be."""

    items: dict[str, tuple[dict[str, Any], Place]] = field(default_factory=dict)
    relationships: dict[Related, Place] = field(default_factory=dict)
    rejects: dict[tuple[Place, str], Reject] = field(default_factory=dict)

    def reject(self, place: Place, reason: str) -> None:
        self.rejects.setdefault((place, reason), Reject(place, reason))


def plan(mapping: Mapping, tables: Columns[str, Rows]) -> Estate:
    """Raises Failed for a mapping that speaks of columns which the files do not have."""
    estate = Estate()
    for rows in tables.values():
        for reject in rows.rejects:
            estate.reject(reject.place, reject.reason)
    for items in mapping.items:
        _items(items, tables, estate)
    for relationships in mapping.relationships:
        _relationships(relationships, tables, estate)
    return estate


def _items(rule: Items, tables: Columns[str, Rows], estate: Estate) -> None:
    columns = {rule.table: tables[rule.table].columns}
    name = template(rule.name, rule.table, columns)
    status = cell(rule.status, rule.table, columns) if rule.status is not None else None
    fields = {key: cell(each, rule.table, columns) for key, each in rule.fields.items()}
    attributes = {key: cell(each, rule.table, columns) for key, each in rule.attributes.items()}
    _known(rule.unless_empty, rule.table, columns)
    for row in tables[rule.table].rows:
        if any(not row.values[column] for column in rule.unless_empty):
            continue
        found = {rule.table: row}
        try:
            item = {"name": name(found), "type": rule.type} | {key: each(found) for key, each in fields.items()}
            item["attributes"] = {key: each(found) for key, each in attributes.items()}
            if status is not None and (said := status(found)) is not None:
                item["status"] = said
            _once(estate, item, row.place)
        except Broken as broken:
            estate.reject(row.place, str(broken))


def _once(estate: Estate, item: dict[str, Any], place: Place) -> None:
    """Several rows may name an item; what they say of it has to agree."""
    if item["name"] not in estate.items:
        estate.items[item["name"]] = (item, place)
        return
    before, first = estate.items[item["name"]]
    for key, value in item.items():
        if before.get(key, value) != value:
            raise Broken(f"{item['name']}: {key} is {value!r} here and {before[key]!r} in {first}")


def _relationships(rule: Relationships, tables: Columns[str, Rows], estate: Estate) -> None:
    if rule.join and rule.match:
        raise Failed(f"the relationships {rule.kind} of {rule.table} have both join and match; they can have one")
    used = [rule.table, *(each.table for each in (rule.join, rule.match) if each)]
    columns = {table: tables[table].columns for table in used}
    source, target = (template(each, rule.table, columns) for each in (rule.source, rule.target))
    _known(rule.unless_empty, rule.table, columns)
    others = _others(rule, tables, columns)
    for row in tables[rule.table].rows:
        if any(not row.values[column] for column in rule.unless_empty):
            continue
        try:
            for found in others(row):
                found[rule.table] = row
                estate.relationships.setdefault((source(found), rule.kind, target(found)), row.place)
        except Broken as broken:
            estate.reject(row.place, str(broken))


def _others(
    rule: Relationships, tables: Columns[str, Rows], columns: Columns[str, Sequence[str]]
) -> Callable[[Row], Iterator[dict[str, Row]]]:
    """The rows of the other table that go with a row, each by its table's name."""
    if rule.join:
        other, on = rule.join.table, rule.join.on
        _known(on, rule.table, columns)
        _known(on.values(), other, columns)
        by_values: dict[tuple[str, ...], list[Row]] = {}
        for each in tables[other].rows:
            by_values.setdefault(tuple(each.values[column] for column in on.values()), []).append(each)
        return lambda row: ({other: each} for each in by_values.get(tuple(row.values[column] for column in on), ()))
    if rule.match:
        match = rule.match
        _known([match.pattern], rule.table, columns)
        _known([match.text], match.table, columns)
        by_text: dict[str, list[Row]] = {}
        for each in tables[match.table].rows:
            by_text.setdefault(each.values[match.text], []).append(each)

        def fitting(row: Row) -> Iterator[dict[str, Row]]:
            fits = _fits(row.values[match.pattern])
            for text, rows in by_text.items():
                if fits(text):
                    # One is enough: the rows differ in what the rule does not ask for, or relate the same twice.
                    yield from ({match.table: each} for each in rows)

        return fitting
    return lambda row: iter(({},))


def _fits(pattern: str) -> Callable[[str], bool]:
    """Raises Broken for what begins like an expression and is none."""
    if not pattern.startswith("/"):
        return pattern.__eq__
    if len(pattern) < 2 or not pattern.endswith("/"):
        raise Broken(f"{pattern} is an expression without its end")
    try:
        return Pattern(pattern[1:-1]).search
    except NotPlain as error:
        raise Broken(str(error)) from error


def template(text: str, table: str, columns: Columns[str, Sequence[str]]) -> Callable[[Columns[str, Row]], str]:
    """What a text with columns in braces says for some rows. It raises Broken where that is nothing."""
    parts: list[tuple[str, str] | str] = []
    for number, part in enumerate(BRACES.split(text)):
        if number % 2 == 0:
            parts.append(part)
            continue
        of, dot, name = part.partition(".")
        place = (of, name) if dot and of in columns else (table, part)
        _known([place[1]], place[0], columns)
        parts.append(place)

    def say(rows: Columns[str, Row]) -> str:
        said = "".join(each if isinstance(each, str) else rows[each[0]].values[each[1]] for each in parts).strip()
        if not said or any(not isinstance(each, str) and not rows[each[0]].values[each[1]] for each in parts):
            raise Broken(f"there is nothing in {text}")
        return said

    return say


def cell(rule: Cell, table: str, columns: Columns[str, Sequence[str]]) -> Callable[[Columns[str, Row]], Any]:
    """What a field says for a row; None where its columns are empty."""
    if isinstance(rule, Column):
        _known([rule.column], table, columns)
        return lambda rows: convert(rule, rows[table].values[rule.column])
    say = template(rule, table, columns)

    def said(rows: Columns[str, Row]) -> str | None:
        try:
            return say(rows)
        except Broken:
            return None

    return said


def convert(rule: Column, text: str) -> Any:
    """Raises Broken for a value that is not listed, or not of its kind."""
    if rule.values is not None:
        if text not in rule.values:
            raise Broken(f"{rule.column} is {text!r}, which the mapping does not know")
        return rule.values[text]
    if not text:
        return None
    try:
        match rule.kind:
            case "text":
                return text
            case "integer":
                return int(text)
            case "number":
                if not math.isfinite(number := float(text)):
                    raise ValueError(text)
                return number
            case "boolean":
                return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError):
        raise Broken(f"{rule.column} is {text!r}, which is no {rule.kind}") from None


def _known(names: Any, table: str, columns: Columns[str, Sequence[str]]) -> None:
    if unknown := [name for name in names if name not in columns[table]]:
        raise Failed(f"the table {table} has no column {', '.join(unknown)}; it has {', '.join(columns[table])}")
