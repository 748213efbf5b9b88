"""The database's own limit: the SQL of the reference run by pgbench, without any application.

The scripts are made from `bench.statements`: each parameter is replaced by what the application would have sent, so
that the server executes the same text. The bodies of history and outbox are as long as the application's.
"""

import json
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from bench import statements
from bench.processes import output_of
from shared.local.postgres import programs

PARAMETER = re.compile(r"\$(\d+)")
PROCESSED = re.compile(r"transactions actually processed: (\d+)")
FAILED = re.compile(r"failed transactions: (\d+)")
RATE = re.compile(r"tps = ([\d.]+) \(without initial")


@dataclass(frozen=True)
class Measured:
    """Transactions per second, and how many were committed in all."""

    rate: float
    transactions: int


def program() -> str | None:
    """Where pgbench is: beside the server's programs, or on the path."""
    beside = programs() / "pgbench"
    return str(beside) if beside.exists() else shutil.which("pgbench")


def with_values(statement: str, *values: str) -> str:
    """The statement with $1, $2 … replaced by these expressions."""
    return PARAMETER.sub(lambda found: values[int(found[1]) - 1], statement.replace("\n", " "))


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def recording(type: str, sequence: str, body: str) -> list[str]:
    """The history row and the outbox row of a write to the incident :id."""
    text = quoted(body)
    return [
        with_values(statements.HISTORY, "gen_random_uuid()", ":id", sequence, quoted(type), "'alice'", "now()", text),
        with_values(statements.OUTBOX, "gen_random_uuid()", ":id", quoted(type), text),
    ]


def scripts(opening: dict[str, object], body: str, first: int, last: int) -> dict[str, str]:
    """pgbench scripts by name. `opening` is what a caller sends to open an incident, `body` an incident as it is
    answered; updates go to the seeded incidents from place `first` to `last`."""

    def given(name: str) -> str:
        value = opening.get(name)
        return str(value) if isinstance(value, int) else "NULL" if value is None else quoted(str(value))

    create = with_values(
        statements.CREATE, "gen_random_uuid()", "'incident'", given("title"), given("description"), given("impact"),
        given("urgency"), "3", given("organisation"), given("service"), given("ci"), given("category"),
        given("subcategory"), given("symptom"), given("caller"), given("channel"), "now()",
    )  # fmt: skip
    update = with_values(
        statements.UPDATE, statements.ID_OF.format(place=":place"), "NULL", "NULL", "'network-' || :n", "NULL", "NULL"
    )
    return {
        "create": lines("BEGIN;", create + r" \gset", *ended(recording("incident.opened", "1", body)), "COMMIT;"),
        "update": lines(
            rf"\set place random({first}, {last})",
            r"\set n random(1, 1000000000)",
            "BEGIN;",
            update + r" \gset",
            *ended(recording("incident.classified", ":version", body)),
            "COMMIT;",
        ),
        **{
            name: lines(with_values(statements.page(statements.STATES_OPEN, descending), "50") + ";")
            for name, descending in (("list", True), ("list_oldest", False))
        },
    }


def ended(texts: list[str]) -> list[str]:
    return [text + ";" for text in texts]


def lines(*texts: str) -> str:
    return "\n".join(texts) + "\n"


async def run(script: Path, url: str, connections: int, seconds: float) -> Measured | None:
    """Run one script for some seconds. None where there is no pgbench; raises RuntimeError for a failed transaction."""
    pgbench = program()
    if pgbench is None:
        return None
    out = await output_of(
        pgbench, "--no-vacuum", "--protocol=prepared", f"--client={connections}", "--jobs=1",
        f"--time={max(1, round(seconds))}", f"--file={script}", url,
    )  # fmt: skip
    processed, failed, rate = PROCESSED.search(out), FAILED.search(out), RATE.search(out)
    if processed is None or rate is None or (failed is not None and int(failed[1])):
        raise RuntimeError(f"pgbench failed: {out}")
    return Measured(float(rate[1]), int(processed[1]))


def literal_body(sample: str) -> str:
    """An answer of the reference, for the bodies that pgbench writes. A colon before a word is a variable to pgbench,
    even inside quotes; JSON may write it as an escape."""
    return re.sub(r":(?=\w)", r"\\u003a", json.dumps(json.loads(sample)))
