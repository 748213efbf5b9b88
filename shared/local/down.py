"""`make down`: ends what `make up` started, services first, within two minutes; also what a killed supervisor left."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path

from rich.console import Console

from shared.local.processes import CannotStart, send, until
from shared.local.system import clear
from shared.local.up import holder, state_file


async def down(data: Path, console: Console) -> int:
    """Ask the supervisor to end, and see to it when it does not. Returns the exit code."""
    supervisor = holder(data)
    if supervisor:
        with console.status("stopping the services, Kafka and PostgreSQL"):
            send((supervisor,), signal.SIGTERM)
            if not await until(lambda: holder(data) is None, 90):
                send((supervisor,), signal.SIGKILL)
                await until(lambda: holder(data) is None, 5)
    try:
        await clear(data)
    except CannotStart as reason:
        console.print(str(reason), style="red", markup=False)
        return 1
    state_file(data).unlink(missing_ok=True)
    console.print("Steward is stopped. Its data stays in " + str(data))
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m shared.local.down", description=__doc__)
    parser.add_argument("--data", type=Path, default=Path("var"), help="the folder that `make up` had")
    return asyncio.run(down(parser.parse_args().data.resolve(), Console()))


if __name__ == "__main__":
    sys.exit(main())
