"""What is left when a test run ends, or is killed: nothing that runs, and soon no file."""

import subprocess
import sys
import time
from pathlib import Path

GRACE = 60.0


def test_the_guard_ends_what_works_in_its_folder_and_removes_it(workplace: Path) -> None:
    folder = workplace / "guarded"
    folder.mkdir()
    server = subprocess.Popen(["sleep", "600"], cwd=folder)
    guard = subprocess.Popen([sys.executable, "-m", "tests.guard", str(folder)], stdin=subprocess.PIPE)
    assert guard.stdin is not None
    assert server.poll() is None
    guard.stdin.close()
    assert server.wait(GRACE) == -9
    assert guard.wait(GRACE) == 0
    until = time.monotonic() + GRACE
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)
    assert not folder.exists()
