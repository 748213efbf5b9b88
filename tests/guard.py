"""Ends the servers of a test run whose pytest was killed: `python -m tests.guard FOLDER`.

It holds the reading end of a pipe whose writing end only pytest has, so it learns of pytest's end however that came.
Everything that then still works in the folder is ended, and the folder removed.
"""

import subprocess
import sys
import time
from pathlib import Path

import psutil


def working_in(folder: Path) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        try:
            if Path(process.cwd()).is_relative_to(folder):
                found.append(process)
        except psutil.Error:  # gone meanwhile, or somebody else's
            continue
    return found


def sweep(folder: Path) -> None:
    """SIGKILL everything that works in the folder, five times at most (a supervisor may start something anew)."""
    for _ in range(5):
        processes = working_in(folder)
        if not processes:
            break
        for process in processes:
            try:
                process.kill()
            except psutil.NoSuchProcess:
                continue
        time.sleep(0.2)
    # A run leaves some ten thousand files. On a disk that is told of each the removal takes minutes, for which nobody
    # has to wait.
    subprocess.Popen(["rm", "-rf", str(folder)], start_new_session=True, stdin=subprocess.DEVNULL)


if __name__ == "__main__":
    sys.stdin.read()
    sweep(Path(sys.argv[1]))
