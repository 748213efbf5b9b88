"""`steward import estate`: tables become items and relationships of the configuration service, all or none of them.

The server validates everything before it writes anything, in one transaction; what it refuses is told by the row it
came from. The same files again change nothing.
"""

import asyncio
import json
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any
from uuid import uuid4

import typer

from cli.api import Api, Failed, Refused, connected
from cli.estate.mapping import Mapping, mapping
from cli.estate.planner import Estate, plan
from cli.estate.reading import Reject, rows_of
from cli.progress import Progress
from cli.tokens import DEFAULT_DATA, DEFAULT_URL, Data, Token, Url, bearer


@dataclass(frozen=True, slots=True)
class Options:
    dry_run: bool
    partial: bool
    prune: bool
    change: str | None
    force: str | None


def estate(
    folder: Annotated[Path, typer.Argument(exists=True, file_okay=False, help="Where the tables are.")],
    map: Annotated[Path, typer.Option("--map", exists=True, dir_okay=False, help="What they mean, YAML.")],
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    token: Token = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would change, change nothing.")] = False,
    partial: Annotated[bool, typer.Option("--partial", help="Leave broken rows out, else they stop all.")] = False,
    prune: Annotated[
        bool, typer.Option("--prune", help="Retire and end what the source has no more; needs every row.")
    ] = False,
    change: Annotated[str | None, typer.Option(help="The approved change that allows it, for instance CHG-17.")] = None,
    force: Annotated[str | None, typer.Option(help="Why --prune may retire what items in service depend on.")] = None,
) -> None:
    """Import an estate: services, hosts, teams and what depends on what.

    Either every row is imported or, unless --partial, nothing is; each broken row is named with its reason. Items under
    change control need the approved change like everywhere else. The last line of the output is the outcome as JSON.
    """
    started = time.monotonic()
    options = Options(dry_run, partial, prune, change, force)
    rules = mapping(map)
    found = _read(folder, rules)
    told = _broken(list(found.rejects.values()), options)
    outcome = asyncio.run(_import(found, rules.source, options, url, bearer(token, data), told))
    if dry_run:
        _show(outcome)
    print(json.dumps(_figures(outcome, len(found.rejects)) | {"seconds": round(time.monotonic() - started, 3)}))


def _read(folder: Path, rules: Mapping) -> Estate:
    """The tables, and what they say by the mapping."""
    tables = {}
    sizes = {name: (folder / table.file) for name, table in rules.tables.items()}
    with Progress(sum(path.stat().st_size for path in sizes.values() if path.exists())) as progress:
        position = 0
        for name, table in rules.tables.items():
            tables[name] = rows_of(folder, table)
            position += sizes[name].stat().st_size
            progress.rows(tables[name].count, position)
        return plan(rules, tables)


def _broken(rejects: list[Reject], options: Options) -> set[Reject]:
    """Tell each broken row. Raises Failed where they stop the import."""
    for reject in rejects:
        print(reject, file=sys.stderr)
    if rejects and not options.partial:
        raise Failed(f"nothing was imported: {_rows(len(rejects))} broken; --partial leaves them out")
    if rejects and options.prune:
        raise Failed(f"nothing was imported: {_rows(len(rejects))} broken, and --prune would retire what they name")
    return set(rejects)


def _rows(count: int) -> str:
    return "1 row is" if count == 1 else f"{count} rows are"


async def _import(
    found: Estate, source: str, options: Options, url: str, token: str, told: set[Reject]
) -> dict[str, Any]:
    """What the server says of it. With --partial, what it refuses is left out until it refuses nothing."""
    async with connected(url, token) as api:
        while True:
            try:
                answer = await _post(api, found, source, options, dry_run=options.dry_run)
            except Refused as refused:
                rejects = _refused(refused, found)
                if not rejects:
                    raise
                found.rejects |= {(each.place, each.reason): each for each in rejects}
                _broken([each for each in rejects if each not in told], options)
                told |= set(rejects)
            else:
                return answer


async def _post(api: Api, found: Estate, source: str, options: Options, *, dry_run: bool) -> dict[str, Any]:
    body = {
        "source": source,
        "items": [item for item, _ in found.items.values()],
        "relationships": [{"source": start, "kind": kind, "target": end} for start, kind, end in found.relationships],
        "prune": options.prune,
        "change": options.change,
        "force": options.force,
    }
    # Sent again after a lost answer, it gets the answer that was lost.
    query = {"dry_run": "true"} if dry_run else {}
    answer: dict[str, Any] = await api.post("/cmdb/estate", body, key=uuid4().hex, **query)
    return answer


def _refused(refused: Refused, found: Estate) -> list[Reject]:
    """The rows that the server's faults come from; they are taken out, with the relationships of an item that goes."""
    items, relationships = list(found.items), list(found.relationships)
    rejects: list[Reject] = []
    gone: dict[str, list[str]] = {}
    for name, message in refused.errors:
        part, _, rest = name.partition(".")
        number, _, at = rest.partition(".")
        reason = f"{at}: {message}" if at else message
        if part == "items" and number.isdigit() and int(number) < len(items):
            gone.setdefault(items[int(number)], []).append(reason)
        elif part == "relationships" and number.isdigit() and int(number) < len(relationships):
            edge = relationships[int(number)]
            if edge in found.relationships:
                rejects.append(Reject(found.relationships.pop(edge), f"{' '.join(edge)}: {reason}"))
        else:
            raise Failed(f"nothing was imported: {name}: {message}") from refused
    for name, reasons in gone.items():
        _, place = found.items.pop(name)
        with_it = [edge for edge in found.relationships if name in (edge[0], edge[2])]
        for edge in with_it:
            del found.relationships[edge]
        rejects.append(Reject(place, f"{name}: {'; '.join(reasons)}; its {len(with_it)} relationships go with it"))
    return rejects


def _figures(outcome: dict[str, Any], rejected: int) -> dict[str, Any]:
    items, related = outcome["items"], outcome["relationships"]
    return {
        "items": len(items["added"]) + len(items["changed"]) + items["unchanged"],
        "relationships": len(related["added"]) + related["unchanged"],
        "added": len(items["added"]) + len(related["added"]),
        "changed": len(items["changed"]),
        "ended": len(items["retired"]) + len(related["ended"]),
        "unchanged": items["unchanged"] + related["unchanged"],
        "rejected": rejected,
        "dry_run": outcome["dry_run"],
    }


def _show(outcome: dict[str, Any]) -> None:
    """The difference, a line for each thing."""
    items, related = outcome["items"], outcome["relationships"]
    for name in items["added"]:
        print(f"+ {name}")
    for item in items["changed"]:
        for field, change in item["changes"].items():
            print(f"~ {item['name']} {field}: {change['before']!r} → {change['after']!r}")
    for name in items["retired"]:
        print(f"- {name}")
    for sign, edges in (("+", related["added"]), ("-", related["ended"])):
        for edge in edges:
            print(f"{sign} {edge['source']} {edge['kind']} {edge['target']}")
