"""A request that the OpenAPI document does not allow is refused, and the refusal names the field."""

from typing import Any

import pytest

from tests.system import Steward

OPEN = {"title": "The printer is on fire", "organisation": "northwind"}


async def refusal(steward: Steward, method: str, path: str, **request: Any) -> list[str]:
    """The fields that a 422 names."""
    answer = await steward.client("root").request(method, path, **request)
    assert answer.status_code == 422, answer.text
    return [each["field"] for each in answer.json()["errors"]]


@pytest.mark.parametrize("given", ["2", 2.5, True, [2]])
async def test_what_is_no_number_is_not_taken_for_one(steward: Steward, given: object) -> None:
    assert await refusal(steward, "POST", "/incident/incidents", json={**OPEN, "impact": given}) == ["impact"]


async def test_a_number_is_not_taken_for_an_instant(steward: Steward) -> None:
    assert await refusal(steward, "POST", "/incident/incidents", json={**OPEN, "occurred_at": 5}) == ["occurred_at"]
    assert await refusal(steward, "GET", "/incident/incidents", params={"opened_before": "0.5"}) == ["opened_before"]
    assert await refusal(steward, "GET", "/sla/agreements", params={"at": "5"}) == ["at"]


@pytest.mark.parametrize("path", ["/incident/incidents", "/incident/history/complete"])
@pytest.mark.parametrize("key", ["", "k" * 201])
async def test_a_key_that_cannot_be_kept_is_refused_also_where_none_is_needed(
    steward: Steward, path: str, key: str
) -> None:
    body = OPEN if path.endswith("incidents") else {"origin": "nobody"}
    assert await refusal(steward, "POST", path, json=body, headers={"Idempotency-Key": key}) == ["Idempotency-Key"]


async def test_a_parameter_that_would_do_nothing_is_refused(steward: Steward) -> None:
    assert await refusal(steward, "GET", "/sla/metrics", params={"sort": "service"}) == ["sort"]
    assert await refusal(steward, "POST", "/sla/policies?limit=1", json={"documents": [{}]}) == ["limit"]


async def test_a_cursor_of_a_list_by_ids_is_an_id(steward: Steward) -> None:
    for path in ("/incident/dead-letters", "/sla/verification"):
        assert await refusal(steward, "GET", path, params={"cursor": "x"}) == ["cursor"]
