"""Reading YAML documents together with the line on which each of their values stands.

The schema is YAML 1.2's core without floats that JSON lacks: `NO`, `on` and `9:00` are texts and so are dates, which
the services read themselves. Tags that would make objects, merge keys, a key said twice and documents that grow
beyond all bounds by aliases are refused with their line.
"""

import re
from dataclasses import dataclass
from pathlib import Path

import yaml
from yaml.nodes import MappingNode, Node, ScalarNode, SequenceNode

LARGEST_FILE = 1024 * 1024
MOST_VALUES, DEEPEST = 50_000, 40

Key = tuple[str, ...]
"""Where a value stands in its document: `("spec", "targets", "0")`."""


@dataclass(frozen=True, slots=True)
class Fault:
    """What is wrong where. `field` is a dotted path that starts with `documents.<n>`, or empty."""

    file: Path
    line: int
    field: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {f'{self.field}: ' if self.field else ''}{self.message}"


class Unreadable(Exception):
    """A file that is not YAML, or not of the kind that is taken."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


@dataclass(frozen=True, slots=True)
class Document:
    """`index` counts the documents of the file from 0."""

    file: Path
    index: int
    value: object
    lines: dict[Key, int]

    def fault(self, field: Key, message: str) -> Fault:
        """The fault at a path; where the path leads to nothing, the line is that of the nearest thing around it."""
        for length in range(len(field), -1, -1):
            if (line := self.lines.get(field[:length])) is not None:
                break
        else:
            line = 1
        return Fault(self.file, line, ".".join(("documents", str(self.index), *field)), message)


class _Loader(yaml.SafeLoader):
    yaml_implicit_resolvers = {}  # noqa: RUF012  (PyYAML's name for it; a class attribute by design)


_PREFIX = "tag:yaml.org,2002:"
_INTEGER = re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,30})$")
_FLOAT = re.compile(r"^[-+]?(?:0|[1-9][0-9]{0,30})(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,2})?$")
for _name, _pattern, _first in (
    ("null", re.compile(r"^(?:~|null|Null|NULL|)$"), ["~", "n", "N", ""]),
    ("bool", re.compile(r"^(?:true|True|TRUE|false|False|FALSE)$"), list("tTfF")),
    ("int", _INTEGER, list("-+0123456789")),
    ("float", _FLOAT, list("-+0123456789")),
):
    _Loader.add_implicit_resolver(_PREFIX + _name, _pattern, _first)


def documents(path: Path) -> list[Document]:
    """The documents of a file, empty ones left out. Raises Unreadable, or OSError where there is no such file."""
    if path.stat().st_size > LARGEST_FILE:
        raise Unreadable(Fault(path, 1, "", f"the file is larger than {LARGEST_FILE:,} bytes"))
    try:
        text = path.read_text(encoding="utf-8")
        nodes = list(yaml.compose_all(text, Loader=_Loader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        words = ", ".join(part for part in (error.context, error.problem) if part)
        raise Unreadable(Fault(path, mark.line + 1 if mark else 1, "", words)) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise Unreadable(Fault(path, 1, "", " ".join(str(error).split()))) from error
    except RecursionError:
        raise Unreadable(Fault(path, 1, "", f"it is nested deeper than {DEEPEST} levels")) from None
    found = []
    for index, node in enumerate(nodes):
        if isinstance(node, ScalarNode) and node.tag == _PREFIX + "null":
            continue
        builder = _Builder(path, index)
        found.append(Document(path, index, builder.build(node, ()), builder.lines))
    return found


class _Builder:
    """Makes one document's value out of PyYAML's nodes, and remembers their lines."""

    def __init__(self, path: Path, index: int) -> None:
        self.path = path
        self.index = index
        self.lines: dict[Key, int] = {}
        self.count = 0

    def build(self, node: Node, key: Key) -> object:
        self.lines.setdefault(key, node.start_mark.line + 1)
        self.count += 1
        if len(key) > DEEPEST:
            raise self.refusal(node, key[:3], f"it is nested deeper than {DEEPEST} levels")
        if self.count > MOST_VALUES:
            raise self.refusal(node, (), f"the document holds more than {MOST_VALUES:,} values")
        if isinstance(node, MappingNode) and node.tag == _PREFIX + "map":
            return self.mapping(node, key)
        if isinstance(node, SequenceNode) and node.tag == _PREFIX + "seq":
            return [self.build(each, (*key, str(place))) for place, each in enumerate(node.value)]
        if isinstance(node, ScalarNode):
            return self.scalar(node, key)
        raise self.refusal(node, key, f"the tag {node.tag} is not taken here")

    def mapping(self, node: MappingNode, key: Key) -> dict[str, object]:
        found: dict[str, object] = {}
        for name_node, value in node.value:
            if not isinstance(name_node, ScalarNode):
                raise self.refusal(name_node, key, "a key must be a text or a number")
            # JSON's keys are texts: `1:` and `"1":` are the same one.
            name = str(name_node.value)
            if name == "<<":
                raise self.refusal(name_node, key, "merge keys (<<) are not taken here")
            if name in found:
                raise self.refusal(name_node, (*key, name), "this key is said twice")
            self.lines[*key, name] = name_node.start_mark.line + 1
            found[name] = self.build(value, (*key, name))
        return found

    def scalar(self, node: ScalarNode, key: Key) -> object:
        text = str(node.value)
        match node.tag.removeprefix(_PREFIX):
            case "null":
                return None
            case "bool" if text.lower() in ("true", "false"):
                return text.lower() == "true"
            case "int" if _INTEGER.fullmatch(text):
                return int(text)
            case "float" if _FLOAT.fullmatch(text):
                return float(text)
            case "str":
                return text
        raise self.refusal(node, key, f"the tag {node.tag} is not taken here")

    def refusal(self, node: Node, key: Key, message: str) -> Unreadable:
        field = ".".join(("documents", str(self.index), *key))
        return Unreadable(Fault(self.path, node.start_mark.line + 1, field, message))
