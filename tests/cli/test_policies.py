"""`steward apply`: nothing is sent while anything is wrong, and a service's faults come back with their lines."""

from pathlib import Path

from typer.testing import CliRunner

from cli.api import Refused
from cli.main import app
from cli.policies import load, located, sort

TWO_SERVICES = """\
kind: incident/PriorityMatrix
name: standard
---
kind: sla/Calendar
name: weekdays
---
kind: sla/Agreement
name: servicenow-log
spec:
  targets:
    - limits:
        "2": soon
"""
NOWHERE = ["--url", "http://127.0.0.1:9", "--token", "unused"]


def policies(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_documents_go_to_the_services_that_their_kinds_name(tmp_path: Path) -> None:
    found, faults = load([policies(tmp_path, TWO_SERVICES)])
    services, strays = sort(found)
    assert (faults, strays) == ([], [])
    assert {name: [each.index for each in sent] for name, sent in services.items()} == {"incident": [0], "sla": [1, 2]}


def test_a_services_fault_is_told_at_its_line_and_by_its_place_in_the_file(tmp_path: Path) -> None:
    path = policies(tmp_path, TWO_SERVICES)
    services, _ = sort(load([path])[0])
    problem = {"errors": [{"field": "documents.1.spec.targets.0.limits.2", "message": "a duration is needed"}]}
    faults = located("sla", services["sla"], Refused("POST /sla/policies", 422, problem))
    assert [str(fault) for fault in faults] == [f"{path}:12: documents.2.spec.targets.0.limits.2: a duration is needed"]


def test_a_kind_of_no_service_is_told_at_its_line(tmp_path: Path) -> None:
    path = policies(tmp_path, "name: x\nkind: bakery/Bread\n")
    services, _ = sort(load([path])[0])
    faults = located("bakery", services["bakery"], Refused("POST /bakery/policies", 404, {}))
    assert [str(fault) for fault in faults] == [
        f"{path}:2: documents.0.kind: there is no service bakery that takes policies"
    ]


def test_every_fault_of_every_file_is_told_and_nothing_is_sent(tmp_path: Path) -> None:
    first = policies(tmp_path, "name: x\n---\n- a list\n---\nkind: ../../x\n", "a.yaml")
    second = policies(tmp_path, "kind: sla/Calendar\nkind: sla/Calendar\n", "b.yml")
    # Nothing listens at the URL: had anything been sent, the command would say so.
    result = CliRunner().invoke(app, ["apply", "-f", str(tmp_path), *NOWHERE])
    assert result.exit_code == 1
    assert result.stderr.splitlines() == [
        f"{second}:2: documents.0.kind: this key is said twice",
        f"{first}:1: documents.0.kind: a kind such as sla/Calendar is needed; it is missing",
        f"{first}:3: documents.1: a policy is a mapping with kind, name, effective_from and spec",
        f'{first}:5: documents.2.kind: a kind such as sla/Calendar is needed; it is "../../x"',
        "steward: nothing was applied: 4 faults",
    ]


def test_a_file_without_documents_is_a_failure(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["apply", "-f", str(policies(tmp_path, "# nothing\n")), *NOWHERE])
    assert (result.exit_code, result.stderr) == (1, "steward: there are no documents in these files\n")
