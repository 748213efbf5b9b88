"""One first cause is found again in everything that it led to, across services."""

import re
from collections.abc import AsyncIterator
from uuid import uuid4

from sqlalchemy import text

from contracts.envelope import Message
from shared.events.log import Log
from tests.platform.test_commands import post
from tests.system import Steward

TRACE = "0af7651916cd43dd8448eb211c80319c"


async def test_correlation_causation_and_trace_pass_from_a_request_through_services(village: Steward) -> None:
    correlation = str(uuid4())
    headers = {"X_Correlation_ID": correlation, "traceparent": f"00-{TRACE}-b7ad6b7169203331-01"}
    made = await post(village, "/mill/sacks", {"grain": "rye"}, **headers)
    await post(village, f"/mill/sacks/{made.json()['id']}/grind", **headers)
    await village.drained()
    mill, bakery = (Log(name, village.database(name)) for name in ("mill", "bakery"))
    cause = {each.type.split(".")[1] + each.type.split(".")[2]: each async for each in of(mill, correlation)}
    effect = {each.type.split(".")[1]: each async for each in of(bakery, correlation)}
    assert set(cause) == {"sackfilled", "sacknoted", "sackground"}
    assert set(effect) == {"label", "loaf"}
    assert effect["label"].causation == cause["sackfilled"].id
    assert effect["loaf"].causation == cause["sackground"].id
    for each in (*cause.values(), *effect.values()):
        assert each.actor == "alice"
        assert re.fullmatch(rf"00-{TRACE}-[0-9a-f]{{16}}-01", each.traceparent or "")


async def of(log: Log, correlation: str) -> AsyncIterator[Message]:
    """The messages of every record that has something of this correlation."""
    rows = await log.database.rows(
        text("SELECT DISTINCT aggregate_id FROM event WHERE correlation = CAST(:correlation AS uuid)"),
        {"correlation": correlation},
    )
    for row in rows:
        for message in await log.timeline(row.aggregate_id):
            yield message


async def test_requests_without_a_trace_begin_one_and_broken_ones_are_not_believed(village: Steward) -> None:
    seen = set()
    for sent in (None, "", "00-x-y-01", f"00-{'0' * 32}-b7ad6b7169203331-01", f"00-{TRACE}-{'0' * 16}-01", "é" * 55):
        headers = {} if sent is None else {"traceparent": sent}
        made = await village.client("alice").post(
            "/mill/sacks", json={"grain": "rye"}, headers={k.encode(): v.encode() for k, v in headers.items()}
        )
        (message,) = await Log("mill", village.database("mill")).timeline(made.json()["id"])
        assert message.traceparent is not None
        assert TRACE not in message.traceparent
        assert re.fullmatch(r"00-[0-9a-f]{32}-[0-9a-f]{16}-01", message.traceparent)
        seen.add(message.traceparent[3:35])
    assert len(seen) == 6
