"""The operating system account that the embedded PostgreSQL runs as.

PostgreSQL refuses to run as root. Whoever is not root runs it as themselves; root runs it as the account `pgserver`,
made on first use, and lets that account pass through the folders on the way to the programs and the data.
"""

import asyncio
import logging
import os
import pwd
import stat
import subprocess
from pathlib import Path

from shared.local.processes import CannotStart

log = logging.getLogger(__name__)

NAME = "pgserver"


async def server_account() -> pwd.struct_passwd | None:
    """The account to run the server as; None means as oneself. Raises CannotStart where root cannot make one."""
    if os.geteuid() != 0:
        return None
    try:
        return pwd.getpwnam(NAME)
    except KeyError:
        arguments = ("useradd", "--system", "--no-create-home", "--shell", "/usr/sbin/nologin", NAME)
    try:
        making = await asyncio.to_thread(subprocess.run, arguments, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise CannotStart(
            f"PostgreSQL does not run as root, and there is no useradd to make the account {NAME}: run as another user"
        ) from None
    try:
        return pwd.getpwnam(NAME)  # whether we made it or another start in the same moment did
    except KeyError:
        raise CannotStart(f"cannot make the account {NAME} for PostgreSQL: {making.stderr.strip()}") from None


def give(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Make the folder if need be, the server's own, closed to others. Raises CannotStart if it is somebody else's."""
    try:
        folder.mkdir(mode=0o700)
    except FileExistsError:
        # In /tmp anybody may have made it first, or a link of that name to a folder we would then give away.
        found = os.lstat(folder)
        owners = {os.geteuid()} if account is None else {os.geteuid(), account.pw_uid}
        if not stat.S_ISDIR(found.st_mode) or found.st_uid not in owners:
            raise CannotStart(f"{folder} belongs to somebody else: choose another data folder") from None
    folder.chmod(0o700)
    if account is not None:
        os.chown(folder, account.pw_uid, account.pw_gid)


def open_way(path: Path, account: pwd.struct_passwd | None) -> None:
    """Let the account pass through (not read) the folders above the path, where it cannot do so yet."""
    if account is None:
        return
    closed = [
        folder
        for folder in path.parents
        if not folder.stat().st_mode & 0o001 and folder.stat().st_uid != account.pw_uid
    ]
    for folder in closed:
        folder.chmod(folder.stat().st_mode & 0o7777 | 0o001)
    if closed:
        names = ", ".join(map(str, closed))
        log.warning("the account %s, which PostgreSQL runs as, may now pass through %s", account.pw_name, names)


def open_tree(folder: Path, account: pwd.struct_passwd | None) -> None:
    """Let the account read and run what lies in the folder, where the installation's umask forbade it."""
    if account is None or folder.stat().st_mode & 0o005 == 0o005:
        return
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode & 0o7777
            path.chmod(mode | (mode & 0o500) >> 6)  # what the owner may read and run, others may
