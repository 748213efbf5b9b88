"""What is no HTTP that can be read is refused by the server itself, in the same form as everything else."""

import asyncio
import json
from collections.abc import Callable

import pytest

from shared.run import server
from tests.journeys.desk import Quiet
from tests.journeys.probes import eventually
from tests.system import Steward

LONG = b"GET /incident/incidents?q=" + b"a" * 70_000 + b" HTTP/1.1\r\nHost: steward.test\r\n\r\n"


@pytest.mark.parametrize(
    "sent", [b"What is this?\r\n\r\n", b"GET / HTTP/9.9.9\r\n\r\n", LONG], ids=["no", "no2", "long"]
)
async def test_it_is_a_problem_document_and_the_end_of_the_connection(
    village: Steward, free_port: Callable[[], int], sent: bytes
) -> None:
    config, port = server(village.system).config, free_port()
    config.host, config.port, config.lifespan = "127.0.0.1", port, "off"
    quiet = Quiet(config)

    async def listening() -> bool:
        return quiet.started

    serving = asyncio.create_task(quiet.serve())
    try:
        await eventually("the server listens", listening, bool)
        async with asyncio.timeout(20):
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            writer.write(sent)
            answer = await reader.read()
            writer.close()
    finally:
        quiet.should_exit = True
        await serving
    head, _, body = answer.partition(b"\r\n\r\n")
    lines = head.split(b"\r\n")
    assert lines[0] == b"HTTP/1.1 400 Bad Request"
    assert b"content-type: application/problem+json" in lines
    assert b"content-length: %d" % len(body) in lines
    problem = json.loads(body)
    assert (problem["type"], problem["status"]) == ("https://steward.dev/problems/unreadable", 400)
    assert "too long" in problem["detail"]
