"""A benchmark is believed only if its load generator counts right and its databases are held to what it counted."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench import pgbench
from bench.bare import ACTIONS
from bench.contestants import Direct, Invalid, Served
from bench.databases import count, execute
from bench.load import Load, Plan, fire, request
from bench.scenarios import OPENING, Scenario
from services.incident.api.views import IncidentView, actions_texts

CREATE = Scenario("create_c4", "create", 4)
UPDATE = Scenario("update_c4", "update", 4)
LIST = Scenario("list_c1", "list", 1)
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"


async def test_the_reference_answers_as_much_as_steward_does(bare: Served) -> None:
    shown = json.loads(await bare.sample())
    assert shown.keys() == IncidentView.model_fields.keys()
    desk = actions_texts(frozenset({"service_desk"}))
    assert {state: json.dumps(actions, separators=(",", ":")) for state, actions in ACTIONS.items()} == {
        state: desk[state] for state in ACTIONS
    }


async def test_every_acknowledged_command_is_a_row_a_history_row_and_an_outbox_row(bare: Served) -> None:
    await bare.measure(CREATE, 0.3, "a")
    await bare.measure(UPDATE, 0.3, "b")
    assert bare.tally.creates > 0
    assert bare.tally.updates > 0
    assert await bare.differences() == []


async def test_a_row_that_nobody_was_promised_and_one_that_is_gone_are_both_named(bare: Served) -> None:
    await bare.measure(CREATE, 0.1, "a")
    await execute(bare.url, "DELETE FROM outbox WHERE position = 1")
    (missing,) = await bare.differences()
    assert "outbox" in missing
    bare.tally.creates -= 1
    assert any("FROM incident answers" in each for each in await bare.differences())


async def test_a_page_is_read_to_its_last_byte_though_it_comes_in_pieces(bare: Served) -> None:
    await execute(bare.url, "UPDATE incident SET description = repeat('x', 100000)")
    figure = await bare.measure(LIST, 0.3, "a")
    assert figure.bytes == len(figure.sample.encode()) > 2_000_000
    assert len(json.loads(figure.sample)["items"]) == bare.seeded


async def test_an_answer_that_was_not_expected_ends_the_measurement_and_is_shown(bare: Served) -> None:
    plan = Plan(bare.port, request("POST", "/incident/incidents", b'{"title": ""}'), expect=201, seconds=0.1, warmup=0)
    outcome = await fire(plan)
    assert outcome.answered == {422: outcome.faults(201)}
    assert outcome.lost == 0
    assert "is not valid" in outcome.refusal
    with pytest.raises(Invalid, match="422"):
        bare.check(CREATE, outcome)


async def test_paced_commands_are_as_many_as_were_due(bare: Served) -> None:
    outcome = await fire(asking(bare.port, seconds=0.5, warmup=0.25, rate=40.0))
    assert outcome.answered == {200: 30}
    assert outcome.measured == 20


def asking(port: int, *, seconds: float, warmup: float = 0.0, rate: float | None = None, connections: int = 1) -> Plan:
    return Plan(port, request("GET", "/readyz"), 200, connections, seconds, warmup, rate)


@asynccontextmanager
async def answering(
    answer: Callable[[int, asyncio.StreamWriter], Awaitable[None]],
) -> AsyncIterator[int]:
    """A server whose nth request, from 1 and over all connections, is answered by `answer`; yields its port."""
    requests = 0

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal requests
        try:
            while await reader.readuntil(b"\r\n\r\n"):
                requests += 1
                await answer(requests, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield server.sockets[0].getsockname()[1]


async def test_a_request_counts_from_when_it_was_due_not_from_when_it_could_be_sent() -> None:
    async def late_at_first(n: int, writer: asyncio.StreamWriter) -> None:
        if n == 1:
            await asyncio.sleep(0.6)
        writer.write(ANSWER)

    async with answering(late_at_first) as port:
        outcome = await Load(asking(port, seconds=0.4, rate=100.0)).run()
    assert outcome.answered == {200: 40}
    # Due within the first 0.4 s and held back until 0.6 s, all of them; sent only then, they took a millisecond each.
    assert outcome.p50_ms > 200
    assert outcome.p99_ms > 500


async def test_a_request_whose_connection_breaks_is_lost_and_not_counted_as_answered() -> None:
    async def breaks(n: int, writer: asyncio.StreamWriter) -> None:
        if n > 3:
            writer.transport.abort()
        else:
            writer.write(ANSWER)

    async with answering(breaks) as port:
        outcome = await Load(asking(port, seconds=0.2, connections=2)).run()
    assert outcome.answered == {200: 3}
    assert outcome.lost == 2
    assert outcome.faults(200) == 2


async def test_a_head_that_comes_in_pieces_is_one_answer() -> None:
    async def in_pieces(_: int, writer: asyncio.StreamWriter) -> None:
        for piece in (ANSWER[:9], ANSWER[9:37], ANSWER[37:]):
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0.01)

    async with answering(in_pieces) as port:
        outcome = await Load(asking(port, seconds=0.1)).run()
    assert outcome.faults(200) == 0
    assert outcome.sample == "{}"


@pytest.mark.skipif(pgbench.program() is None, reason="there is no pgbench on this machine")
async def test_pgbench_writes_what_the_reference_writes(
    small_database: Callable[[], Awaitable[str]], bare: Served, workplace: Path
) -> None:
    direct = Direct("pgbench", await small_database(), folder=workplace, seeded=bare.seeded, open=bare.open)
    answer = (await bare.measure(CREATE, 0.1, "a")).sample
    direct.learn(answer)
    for scenario in (CREATE, UPDATE, LIST):
        await direct.measure(scenario, 1, "a")
    assert await direct.differences() == []
    opened = f"SELECT count(*) FROM incident WHERE version = 1 AND title = '{OPENING['title']}'"
    assert await count(direct.url, opened) == direct.tally.creates > 0
    body = "SELECT count(*) FROM outbox WHERE type = 'incident.opened' AND body::json ->> 'opened_at' LIKE '20%:%'"
    assert await count(direct.url, body) == direct.tally.creates
