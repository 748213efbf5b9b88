"""How processes of one's own are started, found again after a crash, and ended; and how a folder is held alone.

Each server works in a folder of its own (its current directory). That is how the ones a killed Steward has left behind
are recognised: a remembered process number may long belong to somebody else, a folder does not.
"""

import asyncio
import fcntl
import logging
import os
import signal
import subprocess
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from pathlib import Path

import psutil

log = logging.getLogger(__name__)


class CannotStart(Exception):
    """A server did not come up; the message says why and what to do, for the person at the terminal."""


class FolderInUse(CannotStart):
    """Another live Steward holds the folder: the process `holder`, 0 in the moment before it has said so."""

    def __init__(self, folder: Path, holder: int) -> None:
        super().__init__(
            f"{folder} is in use by another Steward (process {holder}): stop that one first, or use another folder"
        )
        self.holder = holder


class Claim:
    """An exclusive hold on `<folder>/<name>.lock`. The kernel lets go of it when the process ends, however it ends."""

    def __init__(self, folder: Path, name: str) -> None:
        """Raises FolderInUse that names the process holding it."""
        folder.mkdir(parents=True, exist_ok=True)
        self._file = os.open(folder / f"{name}.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = int(os.read(self._file, 20).decode().strip() or 0)
            os.close(self._file)
            raise FolderInUse(folder, holder) from None
        os.truncate(self._file, 0)
        os.write(self._file, f"{os.getpid()}\n".encode())

    def release(self) -> None:
        """Let go. The file stays: removing it would let two processes hold two files of one name."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def spawn(
    arguments: Sequence[str], *, folder: Path, log: Path, environment: Mapping[str, str]
) -> subprocess.Popen[bytes]:
    """Start a program in a session of its own, so that Ctrl-C at the terminal ends only the one who started it."""
    with log.open("ab") as output:
        return subprocess.Popen(  # noqa: S603 - the arguments are built here, not taken from outside
            arguments,
            cwd=folder,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def processes_in(folder: Path, program: str) -> list[int]:
    """The live processes whose program begins with this name and whose current directory is the folder."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.name().startswith(program) and Path(process.cwd()) == folder:
                found.append(process.pid)
        except psutil.Error:  # gone meanwhile, a zombie (which has no directory), or somebody else's
            continue
    return found


def works_in(pid: int, folder: Path) -> bool:
    """Whether the process lives and its current directory is the folder: far cheaper than looking at all of them."""
    try:
        return Path(psutil.Process(pid).cwd()) == folder
    except psutil.Error:
        return False


def send(pids: Iterable[int], number: signal.Signals) -> None:
    for pid in pids:
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            continue


async def until(condition: Callable[[], bool], seconds: float) -> bool:
    """Look every 20 ms whether the condition holds; False if it does not within these seconds."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        await asyncio.sleep(0.02)
    return True


async def keep_alive(what: str, alive: Callable[[], bool], restart: Callable[[], Awaitable[None]]) -> None:
    """Restart a server whenever it has died, at growing intervals while that fails. Runs until cancelled."""
    pause = 0.2
    while True:
        await asyncio.sleep(pause)
        if alive():
            pause = 0.2
            continue
        log.warning("%s has died; starting it again", what)
        try:
            await restart()
        except CannotStart as error:
            pause = min(pause * 2, 10)
            log.error("%s does not start again, next try in %.1f s: %s", what, pause, error)


async def end_processes_in(folder: Path, program: str, signals: Sequence[tuple[signal.Signals, float]]) -> None:
    """End whatever still works in the folder: each signal in turn, with the seconds it is given to be obeyed.

    Raises CannotStart if something outlives them all.
    """
    for number, patience in signals:
        pids = processes_in(folder, program)
        if not pids:
            return
        send(pids, number)
        await until(lambda: not processes_in(folder, program), patience)
    left = processes_in(folder, program)
    if left:
        raise CannotStart(f"{program} of an earlier run still works in {folder} and cannot be ended: processes {left}")


async def end(process: subprocess.Popen[bytes], patience: float) -> None:
    """SIGTERM, and SIGKILL when that is not obeyed within these seconds. Harmless on a process that has ended."""
    if process.poll() is None:
        process.terminate()
        if not await until(lambda: process.poll() is not None, patience):
            process.kill()
    await until(lambda: process.poll() is not None, 5)


def last_lines(log: Path, count: int = 15) -> str:
    """The end of a log, for a message about why something did not start."""
    if not log.exists():
        return "(it wrote no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-count:])


def begin_log(log: Path) -> None:
    """Start a new log, keeping the one before as `<name>.previous`."""
    log.parent.mkdir(parents=True, exist_ok=True)
    if log.exists():
        log.replace(log.with_name(log.name + ".previous"))
