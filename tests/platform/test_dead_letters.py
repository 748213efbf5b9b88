"""Dead letters over HTTP: seen by staff, settled by those who may, and each settled once."""

from dataclasses import replace
from typing import Any
from uuid import UUID, uuid4

from shared.events.handling import Delivery
from tests.builders import Json, read
from tests.platform.bakery import Oven
from tests.platform.letters import arrivals, effects, life
from tests.platform.test_commands import post, refused
from tests.system import Steward

PATH = "/bakery/dead-letters"


def failing(delivery: Delivery[Any]) -> None:
    if getattr(delivery.event, "note", None) == "stone":
        raise ValueError("a stone")


async def ill(village: Steward) -> list[Json]:
    """A record whose third message is poison, as the list shows what is parked of it."""
    found = life(uuid4())
    found[2] = replace(found[2], data='{"note": "stone"}')
    Oven.fault = staticmethod(failing)
    await village.runtime("bakery").inbox.receive(arrivals(found))
    listed = await read(village.client("alice"), PATH, limit=200)
    return [each for each in listed["items"] if each["aggregate_id"] == str(found[0].aggregate_id)]


async def test_what_could_not_be_taken_in_is_listed_with_its_reason(village: Steward) -> None:
    poison, *behind = await ill(village)
    assert (poison["topic"], poison["sequence"], poison["reason"], poison["tries"]) == ("steward.mill", 3, "poison", 3)
    assert "a stone" in poison["fault"]
    assert poison["settled_at"] is None
    assert [each["reason"] for each in behind] == ["behind", "behind"]


async def test_replaying_after_the_handler_was_mended_takes_it_in(village: Steward) -> None:
    poison, *_ = await ill(village)
    problem = refused(await post(village, f"{PATH}/{poison['id']}/replay", by="root"), 409, "conflict")
    assert "a stone" in problem["detail"]
    Oven.fault = staticmethod(lambda delivery: None)
    answer = await post(village, f"{PATH}/{poison['id']}/replay", by="root")
    assert answer.status_code == 200
    assert (answer.json()["outcome"], answer.json()["settled_by"]) == ("replayed", "root")
    shown = (await effects(village.database("bakery")))[UUID(poison["aggregate_id"])]
    assert shown == ("1;stone;3;", True, 1)


async def test_settling_twice_is_refused(village: Steward) -> None:
    poison, *_ = await ill(village)
    assert (await post(village, f"{PATH}/{poison['id']}/discard", by="root")).json()["outcome"] == "discarded"
    for verb in ("discard", "replay"):
        refused(await post(village, f"{PATH}/{poison['id']}/{verb}", by="root"), 409, "conflict")
    settled = await read(village.client("alice"), PATH, settled="true", limit=200)
    assert poison["id"] in {each["id"] for each in settled["items"]}


async def test_what_waits_behind_is_not_settled_before_its_turn(village: Steward) -> None:
    _, behind, _ = await ill(village)
    for verb in ("discard", "replay"):
        refused(await post(village, f"{PATH}/{behind['id']}/{verb}", by="root"), 409, "conflict")


async def test_they_are_seen_by_staff_and_settled_by_administrators_alone(village: Steward) -> None:
    poison, *_ = await ill(village)
    refused(await village.client("carol").get(PATH), 403, "forbidden")
    for verb in ("discard", "replay"):
        for by in ("alice", "carol"):
            problem = refused(await post(village, f"{PATH}/{poison['id']}/{verb}", by=by), 403, "forbidden")
            assert problem["permission"] == "dead-letter:settle"
    refused(await post(village, f"{PATH}/{uuid4()}/discard", by="root"), 404, "not-found")


async def test_pages_of_them_leave_none_out(village: Steward) -> None:
    for _ in range(3):
        await ill(village)
    every = (await read(village.client("alice"), PATH, limit=200))["items"]
    paged: list[Json] = []
    cursor = None
    while True:
        page = await read(village.client("alice"), PATH, limit=2, **({"cursor": cursor} if cursor else {}))
        paged += page["items"]
        cursor = page["next"]
        if cursor is None:
            break
    assert paged == every
    refused(await village.client("alice").get(PATH, params={"cursor": "x"}), 422, "invalid")
