"""`make up`: starts the whole system in the background and says where everything is; `make down` ends it.

`python -m shared.local.up` starts a supervisor (the same module with --supervise) in a session of its own, waits until
it is ready and prints the addresses. The supervisor keeps `<data>/up/state.json` true:
`{"supervisor": pid, "step": …, "ready": bool, "failure": …, "postgres": {…}, "kafka": {…}, "services": {name: {…}}}`.
"""

import argparse
import asyncio
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.panel import Panel
from rich.table import Table

from shared.local.processes import CannotStart, Claim, FolderInUse, begin_log, end, last_lines, spawn, until
from shared.local.system import ROOT, System

STATE = "state.json"
BASE_PORT = 8100


def state_file(data: Path) -> Path:
    return data / "up" / STATE


def read_state(data: Path) -> dict[str, Any]:
    """What the supervisor wrote last; empty before it wrote anything."""
    try:
        state: dict[str, Any] = json.loads(state_file(data).read_text())
    except FileNotFoundError:
        return {}
    return state


def write_state(data: Path, state: Mapping[str, Any]) -> None:
    """Replace the file at once, so that nobody reads half of it."""
    file = state_file(data)
    file.parent.mkdir(parents=True, exist_ok=True)
    draft = file.with_name(f"{STATE}.{os.getpid()}")
    draft.write_text(json.dumps(state, indent=2) + "\n")
    draft.replace(file)


def holder(data: Path) -> int | None:
    """The supervisor that holds the folder, None if there is none."""
    try:
        Claim(data / "up", "up").release()
    except FolderInUse as use:
        return use.holder
    return None


async def supervise(data: Path, base_port: int) -> int:
    """Run the system until SIGTERM or SIGINT."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    system = System()
    own = {"supervisor": os.getpid()}
    starting = asyncio.create_task(system.start(data, base_port))
    ended = asyncio.create_task(ending.wait())
    await asyncio.wait((starting, ended), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait((starting,))
        return 0
    if failure := starting.exception():
        if isinstance(failure, FolderInUse):
            # The state there is another one's. Whoever waits for this one reads its log.
            sys.stderr.write(f"{failure}\n")
            return 1
        write_state(data, {**own, "ready": False, "failure": str(failure)})
        if not isinstance(failure, CannotStart):
            raise failure
        return 1
    last: dict[str, Any] = {}
    while not ending.is_set():
        state = {**own, "ready": True, **system.state()}
        if state != last:
            write_state(data, state)
            last = state
        await asyncio.wait((ended,), timeout=0.5)
    await system.stop()
    state_file(data).unlink(missing_ok=True)
    return 0


def box(data: Path, state: Mapping[str, Any]) -> Panel:
    """What runs where, how to sign in and how to stop, for the person at the terminal."""
    table = Table.grid(padding=(0, 2))
    for name, service in state["services"].items():
        table.add_row(name, f"{service['url']}/docs")
    table.add_row("Kafka", state["kafka"]["bootstrap"])
    table.add_row("PostgreSQL", f"{data / 'up' / STATE} has its URL; databases steward_<service>")
    table.add_row("logs", str(data / "up" / "logs"))
    folder = "" if data == Path("var").resolve() else f" --data {data}"
    table.add_row("a token", f".venv/bin/steward token alice{folder}")
    table.add_row("stop", f"make down{folder and f' DATA={data}'}")
    return Panel(table, title="Steward, a process per service", expand=False)


async def start_supervisor(data: Path, base_port: int, console: Console) -> None:
    """Start it and wait until it is ready or has given up. Whoever interrupts the waiting ends it."""
    log = data / "up" / "logs" / "supervisor.log"
    begin_log(log)
    command = (sys.executable, "-m", "shared.local.up", "--supervise", "--data", str(data), "--port", str(base_port))
    supervisor = spawn(command, folder=ROOT, log=log, environment={**os.environ, "PYTHONPATH": str(ROOT)})
    ready = False
    try:
        with console.status("starting PostgreSQL, Kafka and the services"):
            await until(lambda: bool(read_state(data).get("ready")) or supervisor.poll() is not None, 300)
        ready = bool(read_state(data).get("ready"))
    finally:
        if not ready:
            await end(supervisor, 60)


async def up(data: Path, base_port: int, console: Console) -> int:
    """Start the supervisor unless it runs, wait until all is ready and show where it is. Returns the exit code."""
    if holder(data) is not None:
        console.print("It runs already.")
    else:
        state_file(data).unlink(missing_ok=True)
        await start_supervisor(data, base_port, console)
    state = read_state(data)
    if not state.get("ready"):
        reason = state.get("failure") or last_lines(data / "up" / "logs" / "supervisor.log")
        console.print(f"Steward is not ready: {reason}", style="red", markup=False)
        return 1
    console.print(box(data, state))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.local.up", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("var"), help="the folder everything is kept in")
    parser.add_argument("--port", type=int, default=BASE_PORT, help="the services' ports come after this one")
    parser.add_argument("--supervise", action="store_true", help="run in the foreground until SIGTERM")
    arguments = parser.parse_args()
    data = arguments.data.resolve()
    if arguments.supervise:
        return asyncio.run(supervise(data, arguments.port))
    return asyncio.run(up(data, arguments.port, Console()))


if __name__ == "__main__":
    try:
        sys.exit(main())
    except KeyboardInterrupt:
        sys.exit(130)
