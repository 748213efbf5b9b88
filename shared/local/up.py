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

from shared.local.processes import CannotStart, Claim, FolderInUse, begin_log, last_lines, spawn, until
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


def runs(data: Path) -> bool:
    """Whether a supervisor holds the folder."""
    try:
        Claim(data / "up", "up").release()
    except FolderInUse:
        return True
    return False


async def supervise(data: Path, base_port: int) -> int:
    """Run the system until SIGTERM or SIGINT."""
    ending = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ending.set)
    system = System()
    own = {"supervisor": os.getpid()}
    write_state(data, {**own, "ready": False})
    starting = asyncio.create_task(system.start(data, base_port))
    ended = asyncio.create_task(ending.wait())
    await asyncio.wait((starting, ended), return_when=asyncio.FIRST_COMPLETED)
    if not starting.done():
        starting.cancel()
        await asyncio.wait((starting,))
        return 0
    if failure := starting.exception():
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
    table.add_row("PostgreSQL", state["postgres"]["url"].replace("{database}", "steward_<service>"))
    table.add_row("logs", str(data / "up" / "logs"))
    table.add_row("a token", ".venv/bin/steward token alice")
    table.add_row("stop", "make down")
    return Panel(table, title="Steward, a process per service", expand=False)


async def up(data: Path, base_port: int, console: Console) -> int:
    """Start the supervisor unless it runs, wait until all is ready and show where it is. Returns the exit code."""
    if runs(data) and read_state(data).get("ready"):
        console.print("It runs already.")
        console.print(box(data, read_state(data)))
        return 0
    log = data / "up" / "logs" / "supervisor.log"
    begin_log(log)
    state_file(data).unlink(missing_ok=True)
    command = (sys.executable, "-m", "shared.local.up", "--supervise", "--data", str(data), "--port", str(base_port))
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    supervisor = spawn(command, folder=ROOT, log=log, environment=environment)
    try:
        with console.status("starting PostgreSQL, Kafka and the services"):
            await until(lambda: bool(read_state(data).get("ready")) or supervisor.poll() is not None, 300)
    except asyncio.CancelledError:
        supervisor.terminate()
        await until(lambda: supervisor.poll() is not None, 60)
        raise
    state = read_state(data)
    if not state.get("ready"):
        console.print(f"Steward did not start: {state.get('failure') or last_lines(log)}", style="red", markup=False)
        if supervisor.poll() is None:
            supervisor.terminate()
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
