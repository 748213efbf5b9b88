"""`make faults SEED=n`: kill -9 of every part of the system while people work, and what that did to their work.

The seed decides what is killed when, and is drawn where none is given. The ledgers of all clients and a report are
kept under `var/faults/<seed>/`. Ends with 1 where anything was lost, doubled, out of order or otherwise wrong.
"""

import argparse
import asyncio
import random
import shutil
import signal
import socket
import sys
import time
from pathlib import Path

from shared.local.processes import CannotStart
from shared.local.system import clear
from tests.faults.campaign import Campaign

FOLDER = Path("var/faults")
SHOWN = 50


def tell(what: str) -> None:
    sys.stdout.write(f"{what}\n")
    sys.stdout.flush()


def free_base_port() -> int:
    """A port with a hundred free ones behind it, below those that the kernel hands out."""
    for _ in range(100):
        port = random.randrange(20_000, 32_000)
        try:
            for each in (port + 1, port + 90, port + 91):
                with socket.socket() as probe:
                    probe.bind(("127.0.0.1", each))
        except OSError:
            continue
        return port
    raise CannotStart("there is no free port between 20000 and 32000")


async def main() -> int:
    # Whoever ends the run ends what it has started, also where the shell has it ignore Ctrl-C.
    task = asyncio.current_task()
    assert task is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, task.cancel)
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--seed", type=int, help="what decides everything; drawn where it is not given")
    parser.add_argument("--kills", type=int, default=22, help="how many processes are killed (default: 22)")
    chosen = parser.parse_args()
    seed = chosen.seed if chosen.seed is not None else random.randrange(1_000_000)
    folder = (FOLDER / str(seed)).resolve()
    began = time.monotonic()
    try:
        if folder.exists():
            await clear(folder / "system")
            shutil.rmtree(folder)
        campaign = Campaign(seed, chosen.kills, folder, free_base_port(), tell)
        campaign.announce()
        outcome = await campaign.run()
    except CannotStart as reason:
        tell(f"the system cannot start: {reason}")
        return 2
    for finding in outcome.findings.all[:SHOWN]:
        tell(str(finding))
    if len(outcome.findings.all) > SHOWN:
        tell(f"and {len(outcome.findings.all) - SHOWN} more in the report")
    if outcome.clean:
        shutil.rmtree(folder / "system", ignore_errors=True)
    tell(f"{time.monotonic() - began:.0f} s; ledgers and report: {folder.relative_to(Path.cwd())}")
    tell(outcome.line())
    return 0 if outcome.clean else 1


if __name__ == "__main__":
    try:
        sys.exit(asyncio.run(main()))
    except asyncio.CancelledError:
        sys.exit("the run was ended before its end")
