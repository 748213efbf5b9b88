"""Which capabilities of docs/capabilities.md are proven by which tests: `python -m tests.capabilities`.

It reads the tests without running them: `@pytest.mark.capability("INC-6")` on a function, on a class, in a module's
`pytestmark`, or on a parameter of a test. Ends with 1 where a test names an id that the list does not have.
"""

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
LIST = ROOT / "docs" / "capabilities.md"
ROW = re.compile(r"^\| ([A-Z]{3}-\d+) \| (.+?) \| ([^|]*) \|$")


def listed(text: str) -> dict[str, str]:
    """The capabilities by id, in the list's order. Raises ValueError where an id is there twice."""
    found: dict[str, str] = {}
    for line in text.splitlines():
        if row := ROW.match(line):
            if row[1] in found:
                raise ValueError(f"{row[1]} is there twice")
            found[row[1]] = row[2]
    return found


def marks(tree: ast.AST) -> list[str]:
    """The ids of every mark below this node."""
    return [
        str(argument.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "capability"
        for argument in node.args
        if isinstance(argument, ast.Constant)
    ]


def carried(module: ast.Module) -> Iterator[tuple[str, list[str]]]:
    """Each test of a module with the ids that it proves."""
    whole = [id for node in module.body if _is_pytestmark(node) for id in marks(node)]
    for node in module.body:
        if isinstance(node, ast.ClassDef):
            inherited = [id for decorator in node.decorator_list for id in marks(decorator)]
            inherited += [id for each in node.body if _is_pytestmark(each) for id in marks(each)]
            for test in _functions(node.body):
                yield f"{node.name}::{test.name}", whole + inherited + _own(test)
    for test in _functions(module.body):
        yield test.name, whole + _own(test)


def _is_pytestmark(node: ast.stmt) -> bool:
    return isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "pytestmark" for t in node.targets)


def _functions(body: list[ast.stmt]) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test"):
            yield node


def _own(test: ast.FunctionDef | ast.AsyncFunctionDef) -> list[str]:
    return [id for decorator in test.decorator_list for id in marks(decorator)]


def proven(folder: Path) -> dict[str, list[str]]:
    """The tests below a folder by the id that they prove."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("test_*.py")):
        for name, ids in carried(ast.parse(path.read_text(), str(path))):
            for id in dict.fromkeys(ids):
                found.setdefault(id, []).append(f"{path.relative_to(ROOT)}::{name}")
    return found


def main() -> int:
    every, found = listed(LIST.read_text()), proven(ROOT / "tests")
    lines = []
    for id, what in every.items():
        lines.append(f"{id}  {what}")
        lines += [f"    {test}" for test in found.get(id, ["- no test"])]
    without = [id for id in every if id not in found]
    lines.append(
        f"\n{len(every) - len(without)} of {len(every)} capabilities have tests. Without: {', '.join(without)}"
    )
    unknown = {id: tests for id, tests in found.items() if id not in every}
    lines += [f"{id} is no capability of {LIST.relative_to(ROOT)}: {', '.join(tests)}" for id, tests in unknown.items()]
    sys.stdout.write("\n".join(lines) + "\n")
    return 1 if unknown else 0


if __name__ == "__main__":
    sys.exit(main())
