"""Every service is the same room, and says the truth about itself."""

import ast
import importlib
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy.orm import class_mapper

from contracts.envelope import registry
from shared.database import Record
from shared.events.handling import name as handler_name
from shared.service import FOLDER, Service, discovered

ROOT = Path(__file__).parents[2]
SERVICES = {name: load() for name, load in discovered().items()}
COMMON = {"policy:read", "policy:apply", "log:follow", "log:verify", "dead-letter:read", "dead-letter:settle"}
MUST = {"__init__", "app", "api", "domain", "tables", "lifecycle", "migrations"}
MAY = {"handlers", "jobs", "queries", "rules"}

every_service = pytest.mark.parametrize("service", SERVICES.values(), ids=SERVICES.keys())


def sources(folder: Path) -> Iterator[tuple[Path, ast.Module]]:
    for path in sorted(folder.rglob("*.py")):
        if "versions" not in path.parts:
            yield path, ast.parse(path.read_text(), str(path))


def charter(service: Service) -> dict[str, str]:
    """The paragraphs of a service's charter by their first word."""
    tree = ast.parse((FOLDER / service.name / "__init__.py").read_text())
    words = re.split(r"\n(?=[A-Z][a-z]+: )", ast.get_docstring(tree) or "")
    return {part.partition(":")[0]: part.partition(":")[2].strip() for part in words if ":" in part.split("\n")[0]}


def test_every_folder_of_services_is_found_as_a_service() -> None:
    folders = {path.name for path in FOLDER.iterdir() if path.is_dir() and not path.name.startswith("__")}
    assert folders == set(SERVICES)


@every_service
def test_a_room_has_what_every_room_has_and_nothing_else(service: Service) -> None:
    found = {path.stem for path in (FOLDER / service.name).iterdir() if path.name != "__pycache__"}
    assert MUST - found == set()
    assert found - MUST - MAY == set()


@every_service
def test_a_service_is_named_after_its_folder_and_clause(service: Service) -> None:
    assert SERVICES[service.name] is service
    assert re.fullmatch(r"\d+(\.\d+)?|-", service.clause)
    first = (ast.get_docstring(ast.parse((FOLDER / service.name / "__init__.py").read_text())) or "").split("\n")[0]
    assert f"ISO/IEC 20000-2 {service.clause}" in first


@every_service
def test_a_charter_names_the_topics_that_are_published_and_consumed(service: Service) -> None:
    told = charter(service)
    assert {"Owns", "Publishes", "Consumes"} <= set(told)
    assert service.topic in told["Publishes"]
    assert set(re.findall(r"steward\.[a-z]+(?!\.?\w)", told["Consumes"])) == set(service.consumes)


@every_service
def test_a_service_publishes_events_of_its_own_topic_only(service: Service) -> None:
    own = {cls.__name__ for cls in registry().values() if cls.topic == service.topic}
    foreign = {cls.__name__ for cls in registry().values() if cls.topic != service.topic}
    assert own
    for path, tree in sources(FOLDER / service.name / "domain"):
        made = {
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        }
        assert made & foreign == set(), path


@every_service
def test_every_event_class_of_a_topic_is_made_somewhere(service: Service) -> None:
    used = {
        node.id for _, tree in sources(FOLDER / service.name) for node in ast.walk(tree) if isinstance(node, ast.Name)
    }
    promised = {cls.__name__ for cls in registry().values() if cls.topic == service.topic}
    assert promised - used == set()


@every_service
def test_every_permission_that_a_route_asks_for_is_in_the_table(service: Service) -> None:
    asked: set[str] = set()
    patterns: set[str] = set()
    for _, tree in sources(FOLDER / service.name):
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "require":
                (argument, *_) = node.args
                if isinstance(argument, ast.Constant):
                    asked.add(str(argument.value))
                elif isinstance(argument, ast.JoinedStr):
                    parts = [re.escape(str(p.value)) if isinstance(p, ast.Constant) else ".+" for p in argument.values]
                    patterns.add("".join(parts))
    table = set(service.permissions.table)
    assert asked
    assert asked - table == set()
    assert COMMON - table == set()
    for pattern in patterns:
        assert any(re.fullmatch(pattern, permission) for permission in table), pattern
    used = asked | COMMON | {each for each in table if any(re.fullmatch(pattern, each) for pattern in patterns)}
    # A permission that nothing asks for is a promise to administrators that nobody keeps.
    assert table - used == set()


@every_service
def test_handlers_of_a_service_have_names_of_their_own(service: Service) -> None:
    names = [handler_name(handler) for handler in service.handlers]
    assert len(names) == len(set(names))


@every_service
def test_records_have_numbers_from_a_sequence_of_their_own(service: Service) -> None:
    tables = importlib.import_module(f"services.{service.name}.tables")
    records = [each for each in vars(tables).values() if isinstance(each, type) and issubclass(each, Record)]
    numbered = [class_mapper(each).local_table for each in records if hasattr(each, "__table__")]
    assert numbered
    for table in numbered:
        assert {"id", "number", "version", "organisation"} <= set(table.c.keys())
        assert table.c.number.unique, table
        if table.c.number.server_default is None:
            continue  # the service gives it itself, from what the record is about
        drawn = re.findall(r"nextval\('(\w+)'\)", str(table.c.number.server_default.arg))
        assert len(drawn) == 1, table
        assert drawn[0] in service.rows._sequences, table


def test_nothing_of_a_process_is_in_what_they_share() -> None:
    """May a service be deleted without touching `shared/`? Words in comments are harmless; names and texts are not."""
    found = []
    for path, tree in sources(ROOT / "shared"):
        docs = {
            id(node.body[0].value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
            and node.body
            and isinstance(node.body[0], ast.Expr)
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docs:
                # The roles of the people of the embedded system are called after what they manage.
                words = set(re.findall(r"[a-z]+", re.sub(r"\w+_manager", "", node.value.lower())))
            elif isinstance(node, ast.Name | ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
                words = set((node.id if isinstance(node, ast.Name) else node.name).lower().split("_"))
            else:
                continue
            found += [(path.name, node.lineno, word) for word in words & set(SERVICES) - {"problem", "change"}]
    assert found == []


LONG = {"tests": 400}


@pytest.mark.parametrize("folder", ["contracts", "shared", "services", "cli", "tests", "bench"])
def test_files_are_short_and_say_what_one_learns_from_them(folder: str) -> None:
    for path, tree in sources(ROOT / folder):
        text = path.read_text()
        lines = text.count("\n")
        assert lines <= LONG.get(folder, 300), f"{path.relative_to(ROOT)} has {lines} lines"
        if text.strip():
            assert ast.get_docstring(tree), f"{path.relative_to(ROOT)} has no docstring"
