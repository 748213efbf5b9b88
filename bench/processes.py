"""Starting what is measured and stopping it again, by its own pid, whatever happens in between."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Container, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import psutil

from shared.local.processes import last_lines

START_WITHIN = 120.0
STOP_WITHIN = 15.0


class NotReady(Exception):
    """What was started did not become ready; the message has its last answer and the end of its log."""


class Started:
    """A process that was started here: its pid, the port it answers on and the seconds until it was ready."""

    def __init__(self, process: asyncio.subprocess.Process, port: int, ready_after: float, log: Path) -> None:
        self.process = process
        self.port = port
        self.ready_after = ready_after
        self.log = log

    def memory_mb(self) -> float:
        """Resident memory of the process alone, in MiB."""
        return float(psutil.Process(self.process.pid).memory_info().rss / 2**20)


def free_port(besides: Container[int] = ()) -> int:
    """A port nobody listens on now, below the range that outgoing connections are given."""
    for port in range(21_000 + os.getpid() % 5_000, 32_000):
        if port in besides:
            continue
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise RuntimeError("no free port below 32000")


@asynccontextmanager
async def started(
    *arguments: str, port: int, log: Path, environment: Mapping[str, str], ready: str = "/readyz"
) -> AsyncIterator[Started]:
    """Run `python *arguments` until the block is left. Enters when `ready` answers 200; raises NotReady where
    the process ends or stays silent instead."""
    begin = time.perf_counter()
    with log.open("ab") as output:
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, stdout=output, stderr=output, start_new_session=True,
            env={**os.environ, **environment},
        )  # fmt: skip
    try:
        await answering(f"http://127.0.0.1:{port}{ready}", process, log)
        yield Started(process, port, time.perf_counter() - begin, log)
    finally:
        await asyncio.shield(stop(process))


async def answering(url: str, process: asyncio.subprocess.Process, log: Path) -> None:
    until, last = time.perf_counter() + START_WITHIN, "nothing"
    async with httpx.AsyncClient(timeout=5.0) as client:
        while process.returncode is None and time.perf_counter() < until:
            try:
                answer = await client.get(url)
            except httpx.TransportError as error:
                last = repr(error)
            else:
                if answer.status_code == 200:
                    return
                last = f"{answer.status_code} {answer.text}"
            await asyncio.sleep(0.05)
    raise NotReady(f"{url} does not answer 200, its last answer was {last}; the log ends:\n{last_lines(log, 40)}")


async def stop(process: asyncio.subprocess.Process) -> None:
    """Ask it to end, and end it where it does not."""
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(process.wait(), STOP_WITHIN)
    except TimeoutError:
        process.kill()
        await process.wait()


async def output_of(*command: str, environment: Mapping[str, str] | None = None) -> str:
    """What a program printed. Raises RuntimeError with its complaint where it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env={**os.environ, **(environment or {})},
    )  # fmt: skip
    try:
        out, complaint = await process.communicate()
    finally:
        await asyncio.shield(stop(process))
    if process.returncode != 0:
        raise RuntimeError(f"{command[0]} ended with {process.returncode}: {complaint.decode()[-2000:]}")
    return out.decode()
