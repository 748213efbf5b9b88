"""docs/guide/a-service.md does what it says: its files are written into a copy of the project and its commands run."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from shared.local.system import ROOT

GUIDE = ROOT / "docs" / "guide" / "a-service.md"
BLOCK = re.compile(r"^```(python|sh) ?(\S*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def copied(folder: Path) -> Path:
    """The files of the project, those not committed yet included, and the environment they run in."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, capture_output=True, check=True,
    )  # fmt: skip
    for name in filter(None, listed.stdout.decode().split("\0")):
        if (ROOT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, folder / name)
    (folder / ".venv").symlink_to(ROOT / ".venv")
    if (ROOT / ".mypy_cache").exists():
        # What `make check` found out about the files that are the same.
        shutil.copytree(ROOT / ".mypy_cache", folder / ".mypy_cache")
    return folder


@pytest.mark.timeout(420)
def test_a_service_is_added_as_the_guide_says(workplace: Path) -> None:
    copy = copied(workplace / "guide" / "project")
    (copy.parent / "shared").symlink_to(ROOT.parent / "shared")
    blocks = BLOCK.findall(GUIDE.read_text())
    assert {name.split("/")[1] for kind, name, _ in blocks if name.startswith("services/")} == {"loan"}
    assert sum(kind == "sh" for kind, *_ in blocks) == 3
    for kind, name, text in blocks:
        if kind == "sh":
            ran = subprocess.run(
                ["bash", "-euo", "pipefail", "-c", text], cwd=copy, capture_output=True, text=True, timeout=300
            )
            assert ran.returncode == 0, f"{text}\n{ran.stdout[-4000:]}\n{ran.stderr[-2000:]}"
        else:
            (copy / name).parent.mkdir(parents=True, exist_ok=True)
            (copy / name).write_text(text)
    assert (copy / "services" / "loan" / "migrations" / "versions" / "0001_first_tables.py").exists()
