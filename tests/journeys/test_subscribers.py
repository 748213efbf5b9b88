"""People whom nobody here knows read the topics: with kcat, and with the CloudEvents SDKs of Python and TypeScript."""

import json
from datetime import datetime
from typing import NamedTuple
from uuid import uuid4

import pytest

from contracts.envelope import registry
from tests.builders import Json, read, told
from tests.journeys.desk import Desk
from tests.journeys.examples import EXAMPLES, PYTHON, compiled, done, packages, running, tool

pytestmark = pytest.mark.kafka


class Message(NamedTuple):
    """One line of kcat."""

    key: str
    headers: dict[str, str]
    body: Json


async def kcat(desk: Desk, topic: str) -> list[Message]:
    """All that a topic holds, from its beginning to its end."""
    command = ("-b", desk.kafka, "-t", topic, "-C", "-e", "-q", "-o", "beginning", "-f", r"%k\t%h\t%s\n")
    found = []
    for line in (await done(tool("kcat"), *command, folder=EXAMPLES)).splitlines():
        key, headers, body = line.split("\t")
        found.append(Message(key, dict(each.split("=", 1) for each in headers.split(",")), json.loads(body)))
    return found


async def a_morning(desk: Desk) -> tuple[Json, Json]:
    """An incident from its opening to its closing, and the problem behind it, which hears of that."""
    problem = await told(desk.client("manager"), "/problem/problems", {"title": f"Printers burn {uuid4().hex[:8]}"})
    incident = await told(
        desk.client("alice"), "/incident/incidents", {"title": "Der Drucker brennt – schon wieder", "organisation": "n"}
    )
    for verb, order in (
        ("link", {"problem": problem["id"]}),
        ("start", {}),
        ("resolve", {"resolution_code": "fixed"}),
        ("close", {}),
    ):
        incident = await told(desk.client("alice"), f"/incident/incidents/{incident['id']}/{verb}", order)
    await desk.drained()
    return incident, problem


async def test_kcat_reads_keys_headers_and_bodies_of_what_was_done(desk_of_processes: Desk) -> None:
    desk = desk_of_processes
    incident, _ = await a_morning(desk)
    found = [each for each in await kcat(desk, "steward.incident") if each.key == incident["id"]]
    entries = (await read(desk.client("alice"), f"/incident/incidents/{incident['id']}/timeline"))["items"]
    assert [each.headers["ce_sequence"] for each in found] == ["1", "2", "3", "4", "5"]
    assert [each.body for each in found] == [entry["data"] for entry in entries]
    assert found[0].body["title"] == "Der Drucker brennt – schon wieder"
    for message, entry in zip(found, entries, strict=True):
        headers = message.headers
        assert headers["content-type"] == "application/json"
        assert headers["ce_specversion"] == "1.0"
        assert headers["ce_source"] == "/steward/incident"
        assert registry()[headers["ce_type"]].name == entry["event"]
        assert headers["ce_subject"] == incident["number"]
        assert headers["ce_partitionkey"] == incident["id"]
        assert (headers["ce_actor"], headers["ce_organisation"]) == ("alice", "n")
        assert datetime.fromisoformat(headers["ce_time"]) == datetime.fromisoformat(entry["at"])
    assert len({each.headers["ce_id"] for each in found}) == len(found)


@pytest.mark.parametrize("language", ["python", "typescript"])
async def test_a_subscriber_tells_every_change_once_and_goes_on_where_it_stopped(
    desk_of_processes: Desk, language: str
) -> None:
    desk = desk_of_processes
    if language == "python":
        command, folder = PYTHON, EXAMPLES / "subscriber-python"
    else:
        command, folder = ("node", "build/subscriber.js"), packages("subscriber-typescript")
        await compiled(folder)
    incident, problem = await a_morning(desk)
    environment = {"KAFKA": desk.kafka, "GROUP": f"subscriber-{uuid4().hex}"}
    number, recurred = incident["number"], f"came back with {incident['number']}; that makes 1"
    async with running(command, folder, environment) as first:
        await first.until(
            lambda lines: any(recurred in each for each in lines) and any(f"{number}  closed" in each for each in lines)
        )
        await first.stop()
    about = [each.split("  ")[1:] for each in first.lines if f"  {number}  " in each]
    assert about == [
        [number, "new", "P3", "opened: Der Drucker brennt – schon wieder", "(alice)"],
        [number, "new", "P3", "linked to its problem", "(alice)"],
        [number, "active", "P3", "started", "(alice)"],
        [number, "resolved", "P3", "resolved", "(alice)"],
        [number, "closed", "P3", "closed", "(alice)"],
    ]
    told_of = [each.split("  ")[1:] for each in first.lines if f"  {problem['number']}  " in each]
    assert [said for *_, said, _ in told_of] == [f"opened: {problem['title']}", "incident linked", recurred]
    # What happens while nobody reads is told afterwards, and nothing that was told before.
    await told(desk.client("alice"), f"/incident/incidents/{incident['id']}/reopen", {"reason": "it burns again"})
    await desk.drained()
    async with running(command, folder, environment) as second:
        await second.until(lambda lines: any(f"{number}  " in each for each in lines))
        await second.stop()
    assert not set(first.lines) & set(second.lines)
    assert [each.split("  ")[1:] for each in second.lines if f"  {number}  " in each] == [
        [number, "active", "P3", "reopened", "(alice)"]
    ]
