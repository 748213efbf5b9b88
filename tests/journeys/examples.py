"""The programs of examples/ as processes of their own, as somebody who has only their folder runs them."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from shared.local.processes import CannotStart
from shared.local.system import ROOT
from tests.conftest import not_available

EXAMPLES = ROOT / "examples"
PYTHON = (sys.executable, "subscriber.py")


class Running:
    """A program and the lines that it has printed."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        self.lines: list[str] = []

    async def until(self, holds: Callable[[list[str]], bool], seconds: float = 60) -> list[str]:
        """Its lines as soon as this is true of them. Fails after these seconds, or when it ends before."""
        assert self.process.stdout is not None
        try:
            async with asyncio.timeout(seconds):
                while not holds(self.lines):
                    line = await self.process.stdout.readline()
                    assert line, f"it has ended after {self.lines}"
                    self.lines.append(line.decode().rstrip("\n"))
        except TimeoutError:
            raise AssertionError(f"not printed within {seconds:.0f} s; there was: {self.lines}") from None
        return self.lines

    async def stop(self) -> None:
        """As a supervisor ends it: it finishes what it is at and has no fault."""
        self.process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(30):
            output, _ = await self.process.communicate()
        self.lines += output.decode().splitlines()
        assert self.process.returncode == 0, self.process.returncode


@asynccontextmanager
async def running(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> AsyncIterator[Running]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=folder, env={**os.environ, **environment}, stdout=asyncio.subprocess.PIPE
    )
    try:
        yield Running(process)
    finally:
        if process.returncode is None:
            process.kill()
            await process.communicate()


async def done(*command: str | Path, folder: Path, environment: Mapping[str, str] | None = None) -> str:
    """What a program that must succeed has printed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command), cwd=folder, env={**os.environ, **(environment or {})},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    assert process.returncode == 0, f"{command}: {output.decode()}"
    return output.decode()


def tool(name: str) -> str:
    """The path of a program of this machine; without it the test is skipped, or fails where CI=true."""
    found = shutil.which(name)
    if found is None:
        not_available(CannotStart(f"{name} is not installed"))
    return found


def packages(example: str) -> Path:
    """The folder of an example in TypeScript whose packages are there."""
    tool("node")
    folder = EXAMPLES / example
    if not (folder / "node_modules" / ".package-lock.json").exists():
        not_available(CannotStart(f"examples/{example}/node_modules is not there; `make node-tools` installs it"))
    return folder


async def compiled(folder: Path) -> None:
    """Checked by the strict compiler, and in its folder build/."""
    await done(tool("npm"), "run", "--silent", "build", folder=folder)
