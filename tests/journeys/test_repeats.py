"""A request that is sent again with its Idempotency-Key gets the first answer, whatever has happened since."""

from uuid import uuid4

from tests.builders import Json
from tests.journeys.desk import Desk
from tests.journeys.test_across_services import moved, opened


async def wait_for_the_user(desk: Desk, incident: Json, key: str, note: str = "") -> tuple[int, Json]:
    path = f"/incident/incidents/{incident['id']}/wait"
    body = {"reason": "user", "note": note}
    answer = await desk.client("alice").post(path, json=body, headers={"Idempotency-Key": key})
    return answer.status_code, answer.json()


async def test_a_command_that_would_change_nothing_now_is_answered_as_it_was_at_first(desk: Desk) -> None:
    incident, key = await moved(desk, await opened(desk), "start"), str(uuid4())
    first = await wait_for_the_user(desk, incident, key)
    await moved(desk, incident, "comment", text="Have you tried it again?")
    assert await wait_for_the_user(desk, incident, key) == first


async def test_a_command_that_changed_nothing_changes_nothing_when_it_is_repeated(desk: Desk) -> None:
    incident, key = await moved(desk, await opened(desk), "wait", reason="user"), str(uuid4())
    first = await wait_for_the_user(desk, incident, key)
    assert first[1]["version"] == incident["version"]
    active = await moved(desk, incident, "resume")
    assert await wait_for_the_user(desk, incident, key) == first
    now = (await desk.client("alice").get(f"/incident/incidents/{incident['id']}")).json()
    assert (now["state"], now["version"]) == ("active", active["version"])
    assert (await wait_for_the_user(desk, incident, key, note="Another request"))[0] == 422
