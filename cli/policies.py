"""`steward apply`: policies in YAML files, checked whole by the services they belong to before anything changes."""

import asyncio
import re
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from cli.api import Api, Failed, Refused, connected
from cli.documents import Document, Fault, Unreadable, documents
from cli.tokens import DEFAULT_DATA, DEFAULT_URL, Data, Token, Url, bearer

KIND = re.compile(r"([a-z][a-z_]*)/[A-Z][A-Za-z]*")
Answers = dict[str, dict[str, list[dict[str, Any]]]]


def apply(
    file: Annotated[list[Path], typer.Option("--file", "-f", exists=True, help="YAML file or folder, repeatable.")],
    url: Url = DEFAULT_URL,
    data: Data = DEFAULT_DATA,
    token: Token = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check everything, change nothing.")] = False,
) -> None:
    """Apply policies: priority matrices, calendars, agreements.

    Every document is checked by its service first; if one is refused, nothing changes and the line is named. A
    document that is already in force as it is changes nothing; any other becomes the next version of its name.
    """
    found, faults = load(file)
    if not faults and not found:
        raise Failed("there are no documents in these files")
    services, strays = sort(found)
    faults += strays
    if not faults:
        answers, faults = asyncio.run(_apply(services, url, bearer(token, data), dry_run))
    if faults:
        for fault in faults:
            print(fault, file=sys.stderr)
        raise Failed(f"nothing was applied: {len(faults)} fault{'s' if len(faults) > 1 else ''}")
    _show(answers, dry_run)


def load(paths: list[Path]) -> tuple[list[Document], list[Fault]]:
    """All documents of the files and of the folders' `*.yaml` and `*.yml`, and what could not be read."""
    found, faults = [], []
    for path in paths:
        files = sorted([*path.glob("*.yaml"), *path.glob("*.yml")]) if path.is_dir() else [path]
        for each in files:
            try:
                found += documents(each)
            except Unreadable as error:
                faults.append(error.fault)
            except OSError as error:
                raise Failed(str(error)) from error
    return found, faults


def sort(found: list[Document]) -> tuple[dict[str, list[Document]], list[Fault]]:
    """Documents by the service that their kind names, and the faults of those that name none."""
    services: dict[str, list[Document]] = {}
    faults = []
    for document in found:
        kind = document.value.get("kind") if isinstance(document.value, dict) else None
        if not isinstance(document.value, dict):
            faults.append(document.fault((), "a policy is a mapping with kind, name, effective_from and spec"))
        elif not isinstance(kind, str) or not (match := KIND.fullmatch(kind)):
            said = "it is missing" if kind is None else f'it is "{kind}"'
            faults.append(document.fault(("kind",), f"a kind such as sla/Calendar is needed; {said}"))
        else:
            services.setdefault(match[1], []).append(document)
    return services, faults


def located(service: str, sent: list[Document], refused: Refused) -> list[Fault]:
    """The faults a service found, at their lines. What it says of no document in particular goes to the first one."""
    faults = []
    for field, message in refused.errors:
        parts = field.split(".")
        if len(parts) > 1 and parts[0] == "documents" and parts[1].isdigit() and int(parts[1]) < len(sent):
            faults.append(sent[int(parts[1])].fault(tuple(parts[2:]), message))
        else:
            faults.append(sent[0].fault((), f"{field}: {message}"))
    if refused.status == 404 and not faults:
        faults = [document.fault(("kind",), f"there is no service {service} that takes policies") for document in sent]
    return faults


async def _apply(
    services: dict[str, list[Document]], url: str, token: str, dry_run: bool
) -> tuple[Answers, list[Fault]]:
    async with connected(url, token) as api:
        answers, faults = await _post(api, services, dry_run=True)
        if faults or dry_run:
            return answers, faults
        return await _post(api, services, dry_run=False)


async def _post(api: Api, services: dict[str, list[Document]], *, dry_run: bool) -> tuple[Answers, list[Fault]]:
    answers: Answers = {}
    faults: list[Fault] = []
    for service, sent in services.items():
        body = {"documents": [document.value for document in sent]}
        try:
            answers[service] = await api.post(f"/{service}/policies", body, dry_run="true" if dry_run else "false")
        except Refused as refused:
            if not (found := located(service, sent, refused)):
                raise Failed(f"{refused}{_applied(answers, dry_run)}") from refused
            if not dry_run:
                # Valid a moment ago and not any more: somebody else applied in between.
                raise Failed(f"{'; '.join(map(str, found))}{_applied(answers, dry_run)}") from refused
            faults += found
        except Failed as error:
            raise Failed(f"{error}{_applied(answers, dry_run)}") from error
    return answers, faults


def _applied(answers: Answers, dry_run: bool) -> str:
    if dry_run or not answers:
        return ""
    return f"; already applied for {', '.join(answers)}, and applying again changes nothing there"


def _show(answers: Answers, dry_run: bool) -> None:
    table = Table("kind", "name", "version", "effective from", "", box=None, pad_edge=False)
    done = "would be applied" if dry_run else "applied"
    for answer in answers.values():
        for outcome, listed in ((done, answer["applied"]), ("unchanged", answer["unchanged"])):
            for each in listed:
                version, since = str(each.get("version", "")), str(each.get("effective_from", ""))
                table.add_row(str(each["kind"]), str(each["name"]), version, since, outcome)
    Console(soft_wrap=True).print(table)
