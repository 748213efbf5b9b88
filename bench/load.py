"""Sends requests over kept-alive connections and says what came back: how many, how quick, which statuses.

Runs in a process of its own (`python -m bench.load`, plan in, outcome out, both JSON), so that it shares no interpreter
with the server. Closed loop: each connection asks again as soon as it is answered. Paced: requests are due at a fixed
rate whatever the server does, and their latency counts from when they were due, so that a pause is not hidden by the
requests it held back. Nothing is counted that was not answered, and at the end every request has been.
"""

import asyncio
import random
import re
import sys
import time
from collections import deque
from collections.abc import Callable
from typing import cast

import msgspec
import uvloop

LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)", re.IGNORECASE)
PLACES = re.compile(r"(<n>|<id>)")
ANSWER_WITHIN = 30.0


class Plan(msgspec.Struct):
    """One load. `request` is the whole HTTP request with places to fill in: `<n>` the number of the request, twelve
    digits, and `<id>` the id of a seeded incident, by chance one of `ids` from place `first` on. `rate` is requests
    per second, None for a closed loop. Times in seconds."""

    port: int
    request: str
    expect: int
    connections: int = 8
    seconds: float = 3.0
    warmup: float = 0.5
    rate: float | None = None
    first: int = 1
    ids: int = 1
    chance: int = 1


class Outcome(msgspec.Struct):
    """What came back. `rate` (per second), `p50_ms` and `p99_ms` are of the `measured` answers within the measured
    time; `answered` counts all answers by status, the warm-up's and the last ones' too. `lost` requests got no
    readable answer. `bytes` is the size of an answer's body, on average; `sample` is the first one, `refusal` the
    first with another status than expected. `client_us` is the processor time that this client took for a request."""

    rate: float
    p50_ms: float
    p99_ms: float
    measured: int
    answered: dict[int, int]
    lost: int
    bytes: float
    client_us: float
    sample: str
    refusal: str

    def faults(self, expect: int) -> int:
        """Answers that were not the expected ones, and requests without any."""
        return self.lost + sum(count for status, count in self.answered.items() if status != expect)


def request(method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> str:
    """The text of a request for a `Plan`. The length of the body counts `<n>` and `<id>` as they are filled in."""
    filled = fill(body.decode(), 0, 0)
    lines = [f"{method} {path} HTTP/1.1", "host: 127.0.0.1"]
    if body:
        lines += ["content-type: application/json", f"content-length: {len(filled.encode())}"]
    lines += [f"{name}: {value}" for name, value in (headers or {}).items()]
    return "\r\n".join(lines) + "\r\n\r\n" + body.decode()


def seeded_id(place: int) -> str:
    """The id of the seeded incident at this place, counted from 1: `statements.ID_OF` in Python."""
    return f"00000000-0000-7000-8000-{place:012d}"


def fill(text: str, n: int, place: int) -> str:
    return text.replace("<n>", f"{n:012d}").replace("<id>", seeded_id(place))


def writer(plan: Plan) -> Callable[[], bytes]:
    """A function that gives the next request. Splits the text once: filling in costs about a microsecond."""
    pieces = [piece.encode() for piece in PLACES.split(plan.request)]
    numbers = [i for i, piece in enumerate(pieces) if piece == b"<n>"]
    ids = [i for i, piece in enumerate(pieces) if piece == b"<id>"]
    chance = random.Random(plan.chance)
    n = 0

    def following() -> bytes:
        nonlocal n
        n += 1
        for i in numbers:
            pieces[i] = b"%012d" % n
        for i in ids:
            pieces[i] = b"00000000-0000-7000-8000-%012d" % (plan.first + int(chance.random() * plan.ids))
        return b"".join(pieces)

    return following


class Connection(asyncio.Protocol):
    """One kept-alive HTTP/1.1 connection with at most one request under way."""

    def __init__(self, load: "Load") -> None:
        self.load = load
        self.transport: asyncio.Transport | None = None
        self.since = 0.0
        self.status = 0
        self.missing = 0
        self.size = 0
        self.head = b""
        self.body: bytes | None = None
        self.under_way = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)

    def send(self, message: bytes, since: float) -> None:
        assert self.transport is not None
        self.since = since
        self.under_way = True
        self.transport.write(message)

    def data_received(self, data: bytes) -> None:
        if self.missing:
            self.missing -= len(data)
            if self.body is not None:
                self.body += data
        else:
            data = self.head + data
            end = data.find(b"\r\n\r\n") + 4
            if end == 3:
                self.head = data
                return
            self.head = b""
            length = LENGTH.search(data, 0, end)
            self.status = int(data[9:12])
            self.size = int(length[1]) if length else 0
            self.missing = end + self.size - len(data)
            self.body = data[end:] if self.load.wants(self.status) else None
        if self.missing == 0:
            self.under_way = False
            self.load.answer(self)
        elif self.missing < 0:
            # Chunked, or more than was asked for: not an answer that this client can count.
            assert self.transport is not None
            self.transport.abort()

    def connection_lost(self, error: Exception | None) -> None:
        self.load.gone(self)


class Load:
    """One plan being carried out."""

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.next = writer(plan)
        self.latencies: list[float] = []
        self.answered: dict[int, int] = {}
        self.lost = 0
        self.size = 0
        self.sample = self.refusal = b""
        self.began = self.from_ = self.until = 0.0
        self.spent = time.process_time()
        self.paced = self.more_to_come = plan.rate is not None
        self.due: deque[float] = deque()
        self.idle: list[Connection] = []
        self.open = 0
        self.over = asyncio.Event()

    async def run(self) -> Outcome:
        loop = asyncio.get_running_loop()
        connections = []
        for _ in range(self.plan.connections):
            _, connection = await loop.create_connection(lambda: Connection(self), "127.0.0.1", self.plan.port)
            connections.append(connection)
        self.open = len(connections)
        self.began = time.perf_counter()
        self.from_ = self.began + self.plan.warmup
        self.until = self.from_ + self.plan.seconds
        if self.plan.rate is None:
            for connection in connections:
                connection.send(self.next(), time.perf_counter())
        else:
            self.idle = connections
            await self.pace(self.plan.rate)
        try:
            await asyncio.wait_for(self.over.wait(), self.plan.warmup + self.plan.seconds + ANSWER_WITHIN)
        except TimeoutError:
            self.lost += sum(connection.under_way for connection in connections) + len(self.due)
        for connection in connections:
            connection.under_way = False
            if connection.transport is not None:
                connection.transport.abort()
        return self.outcome()

    async def pace(self, rate: float) -> None:
        for n in range(round((self.plan.warmup + self.plan.seconds) * rate)):
            at = self.began + n / rate
            if (ahead := at - time.perf_counter()) > 0:
                await asyncio.sleep(ahead)
            if self.idle:
                self.idle.pop().send(self.next(), at)
            elif self.open:
                self.due.append(at)
            else:
                self.lost += 1
        self.more_to_come = False
        self.settle()

    def wants(self, status: int) -> bool:
        """Whether the body of an answer with this status is to be kept."""
        return not self.sample or (status != self.plan.expect and not self.refusal)

    def answer(self, connection: Connection) -> None:
        now = time.perf_counter()
        if connection.body is not None:
            self.sample = self.sample or connection.body
            if connection.status != self.plan.expect:
                self.refusal = self.refusal or connection.body
        self.answered[connection.status] = self.answered.get(connection.status, 0) + 1
        self.size += connection.size
        # A paced request belongs to the time it was due in, however late its answer.
        if self.from_ <= (connection.since if self.paced else now) < self.until:
            self.latencies.append(now - connection.since)
        if not self.paced:
            if now < self.until:
                connection.send(self.next(), now)
                return
        elif self.due:
            connection.send(self.next(), self.due.popleft())
            return
        self.idle.append(connection)
        self.settle()

    def settle(self) -> None:
        """The load is over when nothing is due and nobody waits for an answer."""
        if not self.more_to_come and not self.due and len(self.idle) >= self.open:
            self.over.set()

    def gone(self, connection: Connection) -> None:
        if connection.under_way:
            self.lost += 1
            connection.under_way = False
        self.open -= 1
        if connection in self.idle:
            self.idle.remove(connection)
        if self.open == 0:
            self.lost += len(self.due)
            self.due.clear()
        self.settle()

    def outcome(self) -> Outcome:
        times = sorted(self.latencies) or [0.0]
        return Outcome(
            rate=len(self.latencies) / self.plan.seconds,
            p50_ms=1000 * times[len(times) // 2],
            p99_ms=1000 * times[min(len(times) - 1, len(times) * 99 // 100)],
            measured=len(self.latencies),
            answered=self.answered,
            lost=self.lost,
            bytes=self.size / max(1, sum(self.answered.values())),
            client_us=1e6 * (time.process_time() - self.spent) / max(1, sum(self.answered.values())),
            sample=self.sample.decode(errors="replace"),
            refusal=self.refusal.decode(errors="replace"),
        )


async def fire(plan: Plan) -> Outcome:
    """Carry out a plan in a process of its own. Raises RuntimeError where that process fails."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bench.load", stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    try:
        out, _ = await process.communicate(msgspec.json.encode(plan))
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    if process.returncode != 0:
        raise RuntimeError(f"the load generator ended with {process.returncode}")
    return msgspec.json.decode(out, type=Outcome)


if __name__ == "__main__":
    plan = msgspec.json.decode(sys.stdin.buffer.read(), type=Plan)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        sys.stdout.buffer.write(msgspec.json.encode(runner.run(Load(plan).run())))
