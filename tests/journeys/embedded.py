"""`make run` in a process of its own, as a newcomer starts it; and the command line beside it."""

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import asyncpg
import httpx

from shared.local.postgres import SUPERUSER, socket_folder
from shared.local.processes import last_lines, processes_in, spawn, until
from shared.local.system import ROOT


class Embedded:
    """The embedded system on one folder. `start` and `stop` as often as one likes."""

    def __init__(self, data: Path, port: int, *, seeded: bool = False) -> None:
        self.data = data
        self.port = port
        self.log = data.with_name(f"{data.name}.log")
        self.seeded = seeded
        self.process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def said(self) -> str:
        """All that it has written to the terminal, over all its starts."""
        return self.log.read_text(errors="replace")

    async def start(self) -> float:
        """Return when /readyz answers 200: the seconds that it took from the command on."""
        # In a folder of the run, so that the run's guard finds it.
        self.data.mkdir(parents=True, exist_ok=True)
        command = (sys.executable, "-m", "shared.run", "--embedded", "--port", str(self.port), "--data", str(self.data))
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "STEWARD_SEED": "1" if self.seeded else "0"}
        began = time.monotonic()
        self.process = process = spawn(command, folder=self.data, log=self.log, environment=environment)
        async with httpx.AsyncClient(base_url=self.url, trust_env=False, timeout=5) as client:
            while process.poll() is None and time.monotonic() - began < 120:
                try:
                    if (await client.get("/readyz")).status_code == 200:
                        return time.monotonic() - began
                except httpx.TransportError:
                    # It does not listen yet.
                    pass
                await asyncio.sleep(0.05)
        raise AssertionError(f"the embedded system is not ready; it says:\n{last_lines(self.log, 40)}")

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Tell it to end, as Ctrl-C or a supervisor would; its exit code."""
        assert self.process is not None
        self.process.send_signal(number)
        assert await until(lambda: self.process is None or self.process.poll() is not None, 30), "it does not end"
        return int(self.process.returncode)

    def kill(self) -> None:
        """SIGKILL the process and every process of its PostgreSQL."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()
        for pid in processes_in(self.data.resolve() / "postgres", "postgres"):
            # Those whose postmaster has just died end by themselves.
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    async def connect(self, service: str) -> asyncpg.Connection:
        """The database of one service."""
        socket = str(socket_folder(self.data.resolve()))
        return await asyncpg.connect(host=socket, user=SUPERUSER, database=f"steward_{service}", timeout=10)


async def steward(*arguments: str | Path, data: Path, url: str | None = None) -> asyncio.subprocess.Process:
    """The command `steward`, begun."""
    place = ("--url", url) if url else ()
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "cli.main", *map(str, arguments), "--data", str(data), *place),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
