"""Server-sent events: everything that follows a position, once and in order, and to each only what is theirs."""

import asyncio

import pytest

from tests.builders import told
from tests.platform.streams import following
from tests.platform.test_commands import refused, sack
from tests.system import Steward


async def test_what_happens_is_told_to_those_who_follow(village: Steward) -> None:
    await village.drained()
    async with following(village, "alice") as stream:
        made = await sack(village)
        await told(village.client("alice"), f"/mill/sacks/{made['id']}/note", {"note": "dry"})
        filled, noted = await stream.until(2)
        assert stream.headers["content-type"].startswith("text/event-stream")
        assert stream.headers["cache-control"] == "no-store"
    assert (filled.type, noted.type) == ("steward.sack.filled.v1", "steward.sack.noted.v1")
    assert noted.position == filled.position + 1
    assert noted.data["subject"] == made["number"]
    assert noted.data["record"] == made["id"]
    assert (noted.data["sequence"], noted.data["actor"]) == (2, "alice")
    assert noted.data["data"] == {"note": "dry"}


async def test_who_comes_back_misses_nothing_and_gets_nothing_twice(fresh_village: Steward) -> None:
    seen: list[int] = []
    for turn in range(4):
        async with following(fresh_village, "alice", after=seen[-1] if seen else 0) as stream:
            for _ in range(2):
                await sack(fresh_village)
            events = await stream.until(3 if turn else 2)
            seen += [event.position for event in events]
        # While nobody follows, something happens all the same.
        await sack(fresh_village)
    async with following(fresh_village, "alice", after=seen[-1]) as stream:
        seen += [event.position for event in await stream.until(12 - len(seen))]
    assert seen == list(range(1, 13))


async def test_from_the_first_position_the_whole_past_is_told(fresh_village: Steward) -> None:
    for _ in range(5):
        await sack(fresh_village)
    await fresh_village.drained()
    async with following(fresh_village, "alice", "/mill/stream?after=0") as stream:
        assert [event.position for event in await stream.until(5)] == [1, 2, 3, 4, 5]
    async with following(fresh_village, "alice", "/mill/stream?after=3") as stream:
        assert [event.position for event in await stream.until(2)] == [4, 5]


async def test_many_who_follow_see_the_same(village: Steward) -> None:
    await village.drained()
    async with (
        following(village, "alice") as one,
        following(village, "alice") as two,
        following(village, "root") as three,
    ):
        await asyncio.gather(*(sack(village) for _ in range(10)))
        heard = [[event.data for event in await stream.until(10)] for stream in (one, two, three)]
    assert heard[0] == heard[1] == heard[2]


async def test_customers_hear_of_their_own_records_and_never_what_was_written(village: Steward) -> None:
    await village.drained()
    async with following(village, "carol") as carol, following(village, "dave") as dave:
        theirs = await sack(village, organisation="contoso")
        mine = await sack(village, organisation="northwind")
        await told(village.client("alice"), f"/mill/sacks/{mine['id']}/note", {"note": "between us"})
        nobodys = await sack(village, organisation=None)
        (filled, noted), (other,) = await carol.until(2), await dave.until(1)
        await village.drained()
        assert len(carol.events) == 2
    assert {filled.data["record"], noted.data["record"]} == {mine["id"]}
    assert other.data["record"] == theirs["id"]
    for event in (filled, noted, other):
        assert set(event.data) == {"id", "type", "subject", "record", "sequence", "time"}
    assert "between us" not in carol.text
    assert nobodys["number"] not in carol.text + dave.text


async def test_who_may_not_follow_is_refused(village: Steward) -> None:
    refused(await village.client("nobody").get("/mill/stream"), 403, "forbidden")
    refused(await village.client(None).get("/mill/stream"), 401, "unauthenticated")


@pytest.mark.parametrize("position", ["x", "-1", "1.5", "", "²", "٣", "9" * 30, "1 2"])
async def test_positions_that_are_none_are_refused(village: Steward, position: str) -> None:
    answer = await village.client("alice").get(
        "/mill/stream", headers={b"Last-Event-ID": position.encode("latin-1", "replace")}
    )
    assert refused(answer, 422, "invalid")["errors"][0]["field"] == "Last-Event-ID"
    answer = await village.client("alice").get("/mill/stream", params={"after": position})
    assert refused(answer, 422, "invalid")["errors"][0]["field"] == "after"


async def test_streams_end_when_the_service_stops(fresh_village: Steward) -> None:
    async with following(fresh_village, "alice") as stream, following(fresh_village, "carol") as other:
        await sack(fresh_village)
        await stream.until(1)
        fresh_village.runtime("mill").stopping.set()
        await stream.end()
        await other.end()


async def test_customers_hear_only_what_the_service_tells_them(village: Steward) -> None:
    await village.drained()
    async with following(village, "carol") as carol:
        made = await sack(village)
        await told(village.client("alice"), f"/mill/sacks/{made['id']}/grind", {})
        last = await sack(village)
        while not any(event.data["subject"] == last["number"] for event in carol.events):
            await carol.until(len(carol.events) + 1)
    of_the_first = [event.type for event in carol.events if event.data["subject"] == made["number"]]
    # Grinding notes and grinds; that it was ground is staff's.
    assert of_the_first == ["steward.sack.filled.v1", "steward.sack.noted.v1"]
