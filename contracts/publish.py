"""Writes what is made from the event classes: `python -m contracts.publish`, and `--release` for a release.

Schemas and examples go to contracts/schemas and contracts/examples, the page of events to docs/guide. A release keeps
the schemas of that day in contracts/released; from then on they are what the current ones may not break.
"""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from contracts.catalogue import catalogue
from contracts.envelope import Message, registry
from contracts.schema import breaking, schema_of
from contracts.story import examples

ROOT = Path(__file__).resolve().parents[1]
SCHEMAS = Path("contracts/schemas")
EXAMPLES = Path("contracts/examples")
RELEASED = Path("contracts/released")


def publications() -> dict[Path, str]:
    """Every file that is made, by its path in the project, as its text."""
    files = {SCHEMAS / f"{wire}.json": _json(schema_of(event)) for wire, event in registry().items()}
    files |= {EXAMPLES / f"{wire}.json": _json(example(message)) for wire, message in examples().items()}
    return files | {Path("docs/guide/events.md"): catalogue()}


def example(message: Message) -> dict[str, object]:
    """A message as a document: its CloudEvents attributes as text, and its body."""
    attributes = {name.removeprefix("ce_"): value.decode() for name, value in message.headers()}
    attributes["datacontenttype"] = attributes.pop("content-type")
    return {"attributes": attributes, "data": json.loads(message.data)}


def schemas(folder: Path) -> dict[str, dict[str, object]]:
    """The schemas in a folder by wire type."""
    return {path.stem: json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))}


def write(root: Path, files: Mapping[Path, str]) -> None:
    """Write these, and remove what else is in the two folders that hold nothing but made files."""
    for folder in (SCHEMAS, EXAMPLES):
        for path in (root / folder).glob("*.json"):
            if path.relative_to(root) not in files:
                path.unlink()
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)


def release(root: Path) -> None:
    """Keep the schemas in `root` as released. Raises SystemExit, and keeps the old ones, where they break those."""
    current = schemas(root / SCHEMAS)
    if found := breaking(schemas(root / RELEASED), current):
        raise SystemExit("\n".join(["These break readers of the last release; give the event a new version:", *found]))
    (root / RELEASED).mkdir(exist_ok=True)
    for wire in current:
        (root / RELEASED / f"{wire}.json").write_text((root / SCHEMAS / f"{wire}.json").read_text())


def _json(document: object) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--release", action="store_true", help="keep the schemas of this release to compare with")
    chosen = parser.parse_args()
    write(ROOT, publications())
    if chosen.release:
        release(ROOT)
