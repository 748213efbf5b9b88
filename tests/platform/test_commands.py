"""Commands over HTTP: their answers, preconditions, repeated requests, and each way to be refused."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any
from uuid import uuid4

import httpx
import pytest
from sqlalchemy import text

from shared.http.problems import TYPES
from tests.builders import Json, read, told
from tests.system import MONDAY, Steward


async def sack(village: Steward, by: str = "alice", **changed: Any) -> Json:
    return await told(village.client(by), "/mill/sacks", {"grain": "rye", "organisation": "northwind", **changed})


async def post(
    village: Steward, path: str, body: Any = None, by: str | None = "alice", **headers: str
) -> httpx.Response:
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return await village.client(by).post(path, json={} if body is None else body, headers=names)


def refused(answer: httpx.Response, status: int, type: str) -> Json:
    """The problem document, which must be one, of this type."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    document: Json = answer.json()
    assert document["type"] == TYPES + type
    assert document["status"] == status
    assert document["title"]
    assert document["detail"]
    return document


async def state(village: Steward) -> tuple[int, int, int]:
    row = (
        await village.database("mill").rows(
            text("SELECT (SELECT count(*) FROM sack) AS sacks, (SELECT count(*) FROM event) AS events, "
                 "(SELECT count(*) FROM idempotency) AS answers"), {})
    )[0]  # fmt: skip
    return row.sacks, row.events, row.answers


class TestAnswers:
    async def test_what_is_made_tells_where_it_is_and_its_version(self, village: Steward) -> None:
        answer = await post(village, "/mill/sacks", {"grain": "rye"})
        assert answer.status_code == 201
        assert answer.headers["etag"] == '"1"'
        found = await village.client("alice").get(answer.headers["location"])
        assert found.json() == answer.json()
        assert found.headers["etag"] == '"1"'

    async def test_a_version_that_the_client_has_is_not_sent_again(self, village: Steward) -> None:
        client, path = village.client("alice"), f"/mill/sacks/{(await sack(village))['id']}"
        for tags in ('"1"', 'W/"1"', '"7", "1"', "*"):
            answer = await client.get(path, headers={"If-None-Match": tags})
            assert (answer.status_code, answer.content, answer.headers["etag"]) == (304, b"", '"1"'), tags
        assert (await client.get(path, headers={"If-None-Match": '"2"'})).status_code == 200

    async def test_an_answer_is_json_whatever_a_client_accepts(self, village: Steward) -> None:
        for accept in ("text/html", "application/xml;q=1", "", "*/*;q=0"):
            answer = await village.client("alice").get("/mill/sacks", headers={"Accept": accept})
            assert answer.headers["content-type"] == "application/json"
            refused(await village.client("alice").get("/mill/none", headers={"Accept": accept}), 404, "not-found")

    async def test_a_correlation_id_is_echoed_or_made(self, village: Steward) -> None:
        mine = str(uuid4())
        answer = await village.client("alice").get("/mill/sacks", headers={"X-Correlation-ID": mine})
        assert answer.headers["x-correlation-id"] == mine
        for broken in ("not-a-uuid", "", "é"):
            answer = await village.client("alice").get("/mill/sacks", headers={b"X-Correlation-ID": broken.encode()})
            assert len(answer.headers["x-correlation-id"]) == 36
            assert answer.status_code == 200


class TestPreconditions:
    async def test_an_old_version_is_refused_and_the_current_one_named(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        await told(village.client("alice"), f"{path}/note", {"note": "a"})
        answer = await post(village, f"{path}/note", {"note": "b"}, If_Match='"1"')
        assert refused(answer, 412, "stale")["version"] == 2
        assert (await post(village, f"{path}/note", {"note": "b"}, If_Match='"2"')).headers["etag"] == '"3"'
        assert (await post(village, f"{path}/note", {"note": "c"}, If_Match='W/"3"')).headers["etag"] == '"4"'

    async def test_an_edit_must_say_what_it_edits(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        client = village.client("alice")
        refused(await client.patch(path, json={"note": "x"}), 428, "precondition-required")
        for broken in ("abc", '"-1"', '"1.0"', '"١"', "1" * 5000, "", '""', '"1"x'):
            answer = await client.patch(path, json={"note": "x"}, headers={b"If-Match": broken.encode()})
            problem = refused(answer, 422, "invalid")
            assert problem["errors"][0]["field"] == "If-Match", broken
        assert (await client.patch(path, json={"note": "x"}, headers={"If-Match": '"1"'})).status_code == 200
        assert (await client.patch(path, json={"note": "x"}, headers={"If-Match": "*"})).status_code == 200

    async def test_of_racing_writers_each_decides_on_what_the_others_left(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        answers = await asyncio.gather(*(post(village, f"{path}/note", {"note": f"{n}"}) for n in range(6)))
        assert {answer.status_code for answer in answers} <= {200, 409}
        succeeded = [f"{n}" for n, answer in enumerate(answers) if answer.status_code == 200]
        now = await read(village.client("alice"), path)
        assert sorted(now["notes"]) == sorted(succeeded)
        assert now["version"] == 1 + len(succeeded)
        assert len(succeeded) > 1

    async def test_of_racing_writers_who_name_a_version_one_succeeds(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        answers = await asyncio.gather(
            *(post(village, f"{path}/note", {"note": f"{n}"}, If_Match='"1"') for n in range(8))
        )
        assert sorted(answer.status_code for answer in answers) == [200] + [412] * 7

    async def test_of_racing_moves_one_succeeds(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        answers = await asyncio.gather(*(post(village, f"{path}/grind") for _ in range(8)))
        assert sorted(answer.status_code for answer in answers) == [200] + [409] * 7
        assert (await read(village.client("alice"), path))["version"] == 3


class TestRepeatedRequests:
    async def test_the_same_request_gets_the_same_answer_and_does_nothing(self, fresh_village: Steward) -> None:
        first = await post(fresh_village, "/mill/sacks", {"grain": "rye"}, Idempotency_Key="k")
        before = await state(fresh_village)
        again = await post(fresh_village, "/mill/sacks", {"grain": "rye"}, Idempotency_Key="k")
        assert (again.status_code, again.json()) == (201, first.json())
        assert again.headers["idempotency-replayed"] == "true"
        assert "idempotency-replayed" not in first.headers
        assert again.headers["etag"] == first.headers["etag"]
        assert again.headers["location"] == first.headers["location"]
        assert await state(fresh_village) == before

    async def test_a_move_that_worked_is_answered_again_after_the_state_has_moved_on(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        first = await post(village, f"{path}/grind", Idempotency_Key=path, If_Match='"1"')
        await told(village.client("alice"), f"{path}/note", {"note": "later"})
        again = await post(village, f"{path}/grind", Idempotency_Key=path, If_Match='"1"')
        assert (again.status_code, again.json()) == (200, first.json())
        assert again.headers["etag"] == first.headers["etag"] == '"3"'
        refused(await post(village, f"{path}/grind"), 409, "conflict")

    async def test_what_changed_nothing_changes_nothing_when_it_is_repeated_later(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        for note in ("a", "b"):
            await told(village.client("alice"), f"{path}/note", {"note": note})
        first = await post(village, f"{path}/note", {"note": "b"}, Idempotency_Key=f"{path}-b")
        assert first.headers["etag"] == '"3"'
        await told(village.client("alice"), f"{path}/note", {"note": "c"})
        again = await post(village, f"{path}/note", {"note": "b"}, Idempotency_Key=f"{path}-b")
        assert again.json() == first.json()
        assert (await read(village.client("alice"), path))["notes"] == ["a", "b", "c"]

    @pytest.mark.parametrize("change", ["body", "path", "verb"])
    async def test_another_request_under_a_used_key_is_refused(self, village: Steward, change: str) -> None:
        path, other = [f"/mill/sacks/{(await sack(village))['id']}" for _ in range(2)]
        await post(village, f"{path}/note", {"note": "a"}, Idempotency_Key=f"key {path}")
        where, what = {
            "body": (f"{path}/note", {"note": "b"}),
            "path": (f"{other}/note", {"note": "a"}),
            "verb": (f"{path}/grind", {}),
        }[change]
        refused(await post(village, where, what, Idempotency_Key=f"key {path}"), 422, "idempotency-key-reused")
        assert (await read(village.client("alice"), path))["version"] == 2

    async def test_of_many_at_once_with_one_key_one_is_done_and_all_get_its_answer(self, village: Steward) -> None:
        key = uuid4().hex
        answers = await asyncio.gather(
            *(post(village, "/mill/sacks", {"grain": "rye"}, Idempotency_Key=key) for _ in range(6))
        )
        assert {answer.status_code for answer in answers} == {201}
        assert len({answer.json()["id"] for answer in answers}) == 1
        path = f"/mill/sacks/{answers[0].json()['id']}"
        answers = await asyncio.gather(*(post(village, f"{path}/grind", Idempotency_Key=path) for _ in range(6)))
        assert {answer.status_code for answer in answers} == {200}
        assert (await read(village.client("alice"), path))["version"] == 3

    async def test_another_callers_key_is_another_key(self, village: Steward) -> None:
        key = uuid4().hex
        mine = await post(village, "/mill/sacks", {"grain": "rye"}, Idempotency_Key=key)
        theirs = await post(village, "/mill/sacks", {"grain": "rye"}, by="carol", Idempotency_Key=key)
        assert mine.json()["id"] != theirs.json()["id"]
        assert theirs.json()["organisation"] == "northwind"

    async def test_a_refused_request_may_be_sent_again(self, village: Steward) -> None:
        key = uuid4().hex
        refused(await post(village, "/mill/sacks", {"grain": 1}, Idempotency_Key=key), 422, "invalid")
        assert (await post(village, "/mill/sacks", {"grain": "rye"}, Idempotency_Key=key)).status_code == 201

    async def test_a_key_without_end_is_refused(self, village: Steward) -> None:
        for key in ("", "k" * 201):
            problem = refused(await post(village, "/mill/sacks", {"grain": "rye"}, Idempotency_Key=key), 422, "invalid")
            assert problem["errors"][0]["field"] == "Idempotency-Key"

    async def test_policies_applied_again_under_a_key_get_the_first_answer(self, village: Steward) -> None:
        name = uuid4().hex
        recipe = {"kind": "mill/Recipe", "name": name, "effective_from": MONDAY.isoformat(), "spec": {"flour": 3}}
        body = {"documents": [recipe]}
        first = await post(village, "/mill/policies", body, by="root", Idempotency_Key=name)
        assert len(first.json()["applied"]) == 1
        again = await post(village, "/mill/policies", body, by="root", Idempotency_Key=name)
        assert again.json() == first.json()


class TestRefusals:
    async def test_who_does_not_say_who_they_are(self, village: Steward) -> None:
        answer = await post(village, "/mill/sacks", {"grain": "rye"}, by=None)
        refused(answer, 401, "unauthenticated")
        assert answer.headers["www-authenticate"].startswith("Bearer")

    async def test_who_may_not(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        problem = refused(await post(village, f"{path}/grind", by="carol"), 403, "forbidden")
        assert problem["permission"] == "sack:grind"
        assert problem["roles"] == ["administrator", "service_desk"]

    async def test_what_belongs_to_others_is_not_there(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        assert (await village.client("carol").get(path)).status_code == 200
        hidden = refused(await village.client("dave").get(path), 404, "not-found")
        absent = refused(await village.client("dave").get(f"/mill/sacks/{uuid4()}"), 404, "not-found")
        assert hidden["detail"].split()[:2] == absent["detail"].split()[:2]

    @pytest.mark.parametrize(
        "path", ["/mill/sacks/no-id", "/mill/nothing", "/nothing", "/nothing/at/all", "/mill", "/%00"]
    )
    async def test_what_there_is_not(self, village: Steward, path: str) -> None:
        refused(await village.client("alice").get(path), 404, "not-found")

    async def test_what_the_state_does_not_permit(self, village: Steward) -> None:
        path = f"/mill/sacks/{(await sack(village))['id']}"
        await post(village, f"{path}/grind")
        assert refused(await post(village, f"{path}/grind"), 409, "conflict")["allowed"] == []

    async def test_a_method_that_a_path_does_not_have(self, village: Steward) -> None:
        answer = await village.client("alice").delete("/mill/sacks")
        refused(answer, 405, "method-not-allowed")
        assert "GET" in answer.headers["allow"]
        assert "POST" in answer.headers["allow"]

    @pytest.mark.parametrize(
        "content", [b"{", b"[]", b"null", b'"text"', b"{'grain': 1}", b"\xff\xfe", b'{"grain": "\xff"}', b"[" * 5000]
    )
    async def test_a_body_that_is_not_what_was_asked_for(self, village: Steward, content: bytes) -> None:
        answer = await village.client("alice").post("/mill/sacks", content=content)
        assert refused(answer, 422, "invalid")["errors"]

    @pytest.mark.parametrize(
        ("body", "fields"),
        [
            ({}, ["grain"]),
            ({"grain": "rye", "weight": 0}, ["weight"]),
            ({"grain": "rye", "weight": "heavy", "colour": "red"}, ["weight", "colour"]),
            ({"grain": "rye\x00", "organisation": "a"}, ["grain"]),
            ({"grain": "rye", "organisation": "\x00"}, ["organisation"]),
        ],
    )
    async def test_each_faulty_field_is_named(self, village: Steward, body: Json, fields: list[str]) -> None:
        problem = refused(await post(village, "/mill/sacks", body), 422, "invalid")
        assert sorted(error["field"] for error in problem["errors"]) == sorted(fields)
        assert all(error["message"] for error in problem["errors"])

    async def test_a_backslash_before_u0000_is_only_text(self, village: Steward) -> None:
        made = await sack(village, grain="C:\\u0000 rye")
        assert made["grain"] == "C:\\u0000 rye"

    async def test_a_body_beyond_the_bound(self, village: Steward) -> None:
        large = b'{"grain": "' + b"x" * (8 * 1024 * 1024) + b'"}'
        refused(await village.client("alice").post("/mill/sacks", content=large), 413, "too-large")

        async def unannounced() -> AsyncIterator[bytes]:
            for start in range(0, len(large), 1 << 20):
                yield large[start : start + (1 << 20)]

        refused(await village.client("alice").post("/mill/sacks", content=unannounced()), 413, "too-large")

    async def test_a_fault_of_ours_tells_nothing_of_itself(
        self, village: Steward, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        async def fails(*_: object) -> None:
            raise RuntimeError("secret")

        monkeypatch.setattr(village.database("mill"), "load", fails)
        answer = await village.client("alice").get(f"/mill/sacks/{uuid4()}")
        refused(answer, 500, "fault")
        assert "secret" not in answer.text
        assert answer.headers["x-correlation-id"]
