"""What the figures depend on and the code does not: processors, load by others, and what a durable write costs here."""

import os
import platform
import time
from collections.abc import Mapping
from pathlib import Path
from statistics import median


def fdatasync_us(folder: Path, times: int = 200) -> float:
    """The median cost of making 8 KiB durable in this folder, in microseconds."""
    path = folder / "fdatasync"
    costs = []
    handle = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    try:
        os.write(handle, bytes(8192))
        os.fsync(handle)
        for _ in range(times):
            os.pwrite(handle, bytes(8192), 0)
            begin = time.perf_counter()
            os.fdatasync(handle)
            costs.append(time.perf_counter() - begin)
    finally:
        os.close(handle)
        path.unlink()
    return round(1e6 * median(costs), 1)


def facts(folder: Path) -> dict[str, object]:
    """By name; `load` is the number of processes that wanted to run, on average over the last minute."""
    return {
        "processors": len(os.sched_getaffinity(0)),
        "load": round(os.getloadavg()[0], 2),
        "fdatasync_us": fdatasync_us(folder),
        "python": platform.python_version(),
    }


SLOW_DISK_US = 500.0


def caveats(facts: Mapping[str, object]) -> list[str]:
    """Why figures taken on this machine at this time may say little, a sentence each."""
    found = []
    if float(str(facts["fdatasync_us"])) > SLOW_DISK_US:
        found.append("The disk is slow or busy: it decides the rates of commands, and their ratios come near 1.")
    if float(str(facts["load"])) > float(str(facts["processors"])):
        found.append("Others were using the processors when this began: latencies and start times are theirs too.")
    return found
