"""The mapping of an estate as a YAML document: which files there are, what their rows are, and how they are related.

See examples/estate/wikimedia.yaml. A cell is a text with columns in braces, `"{host}"`, or a column whose values are
looked up or converted: `{column: page, values: {"True": 1, "False": 2}}`, `{column: port, kind: integer}`. In a rule
over two tables, columns are said with their table: `"{placements.host}"`.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from cli.api import Failed
from cli.documents import Unreadable, documents

Word = Annotated[str, Field(min_length=1, max_length=300)]
Value = str | int | float | bool | None


class Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class Column(Part):
    """A column's value. `values`: what stands for each of its values; one that is not listed makes the row a broken
    one. `kind`: what it is converted to. An empty cell is no value."""

    column: Word
    kind: Literal["text", "integer", "number", "boolean"] = "text"
    values: dict[str, Value] | None = None


Cell = Word | Column


class Table(Part):
    """A CSV file, packed by gzip where its name says so. `split`: columns that hold several values, and what stands
    between them; the row counts once for each."""

    file: Word
    split: dict[Word, Word] = Field(default_factory=dict)


class Items(Part):
    """Each row of the table is an item. `unless_empty`: rows in which one of these columns is empty are none.

    Several rows may name the same item, if they say the same of it."""

    table: Word
    type: Word
    name: Word
    status: Cell | None = None
    fields: dict[Literal["title", "owner", "supplier", "location", "item_version", "criticality"], Cell] = Field(
        default_factory=dict
    )
    attributes: dict[Word, Cell] = Field(default_factory=dict)
    unless_empty: tuple[Word, ...] = ()


class Join(Part):
    """With every row of another table whose columns have the same values: own column → its column."""

    table: Word
    on: dict[Word, Word] = Field(min_length=1)


class Match(Part):
    """With every row of another table whose column `text` the own column `pattern` fits: a regular expression between
    slashes is searched for in it, anything else is the text itself."""

    table: Word
    pattern: Word
    text: Word


class Relationships(Part):
    """Each row of the table, with each row that `join` or `match` finds for it, relates two items by their names."""

    kind: Literal["runs-on", "depends-on", "part-of", "supports", "owned-by"]
    table: Word
    source: Word
    target: Word
    join: Join | None = None
    match: Match | None = None
    unless_empty: tuple[Word, ...] = ()


class Mapping(Part):
    """A whole mapping. `source`: what the items and relationships are known to come from."""

    source: Annotated[str, Field(min_length=1, max_length=200)]
    tables: dict[Word, Table] = Field(min_length=1)
    items: tuple[Items, ...] = ()
    relationships: tuple[Relationships, ...] = ()


def mapping(path: Path) -> Mapping:
    """The mapping in this file. Raises Failed that names the line of each fault."""
    try:
        found = documents(path)
    except Unreadable as error:
        raise Failed(str(error.fault)) from error
    if len(found) != 1:
        raise Failed(f"{path}: a mapping is one document; there are {len(found)}")
    try:
        read = Mapping.model_validate(found[0].value)
    except ValidationError as error:
        faults = [
            found[0].fault(tuple(str(part) for part in each["loc"]), each["msg"])
            for each in error.errors(include_url=False, include_context=False)
        ]
        raise Failed("; ".join(f"{each.file}:{each.line}: {each.field}: {each.message}" for each in faults)) from error
    named = {items.table for items in read.items} | {rule.table for rule in read.relationships}
    named |= {each.table for rule in read.relationships for each in (rule.join, rule.match) if each}
    if unknown := sorted(named - read.tables.keys()):
        raise Failed(f"{path}: there is no table {', '.join(unknown)} in it")
    return read
