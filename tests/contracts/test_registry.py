"""The event classes: how they are found, and what all of them keep to."""

import ast
import gc
import importlib
import pkgutil
import sys
from pathlib import Path
from typing import Any, ClassVar

import pytest

import contracts
from contracts import incident
from contracts.envelope import Event, registry
from tests.contracts.specifications import PROJECT

EVENTS = pytest.mark.parametrize("event", registry().values(), ids=registry().keys())


def found() -> set[type[Event]]:
    """Every event class that stands in a module of the published language, whatever it derives from."""
    modules = [importlib.import_module(f"contracts.{each.name}") for each in pkgutil.iter_modules(contracts.__path__)]
    classes = {each for module in modules for each in vars(module).values() if isinstance(each, type)}
    return {each for each in classes if issubclass(each, Event) and each is not Event}


def test_what_several_events_have_in_common_is_not_an_event() -> None:
    facts = {each for each in found() if each.__name__.endswith("Fact")}
    assert len(facts) >= 8
    assert not facts & set(registry().values())


def test_every_class_with_a_name_is_registered_whatever_it_derives_from() -> None:
    assert {each for each in found() if hasattr(each, "name")} == set(registry().values())


def test_two_classes_of_one_wire_type_are_refused() -> None:
    def claim() -> type[Event]:
        class Another(incident.IncidentFact):
            name: ClassVar[str] = "incident.closed"

        Another.__module__ = "contracts.another"
        return Another

    another: Any = claim()
    with pytest.raises(ValueError, match=r"steward\.incident\.closed\.v1"):
        registry.__wrapped__()
    del another
    gc.collect()
    assert registry.__wrapped__() == registry()


@EVENTS
def test_an_event_says_when_it_is_true(event: type[Event]) -> None:
    assert event.__doc__, f"{event.__name__} has no docstring"
    assert event.__doc__.partition("\n")[0].endswith("."), "its first line is a sentence: it is the message's summary"


def test_a_module_is_of_one_topic_and_each_topic_has_a_module_of_its_name() -> None:
    topics: dict[str, set[str]] = {}
    for event in registry().values():
        topics.setdefault(event.__module__, set()).add(event.topic)
    assert {module: told for module, told in topics.items() if len(told) > 1} == {}
    names = {f"steward.{module.removeprefix('contracts.')}" for module in topics}
    assert {topic for told in topics.values() for topic in told} <= names


@EVENTS
def test_a_field_that_may_be_null_may_be_absent(event: type[Event]) -> None:
    schema = event.model_json_schema()
    nullable = {name for name, field in schema["properties"].items() if {"type": "null"} in field.get("anyOf", ())}
    assert not nullable & set(schema.get("required", ()))


@pytest.mark.parametrize("path", sorted((PROJECT / "contracts").rglob("*.py")), ids=lambda path: path.name)
def test_contracts_import_pydantic_and_nothing_else(path: Path) -> None:
    imported: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            imported |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            imported.add((node.module or "").partition(".")[0])
    assert imported - sys.stdlib_module_names <= {"contracts", "pydantic"}
