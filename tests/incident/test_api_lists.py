"""A record's text is what its model would have written, alone and in a list; lists are filtered and paged."""

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest

from services.incident.api.views import VIEW, IncidentQuery, IncidentView
from services.incident.lifecycle import State
from services.incident.queries import INCIDENTS, OWN_INCIDENTS
from services.incident.queries.lists import SHOWN
from shared.auth import Caller
from shared.http.ask import Query
from tests.builders import Json, moved_incident, opened_incident, read
from tests.incident.samples import at, brought, opened
from tests.system import Steward

ALICE = Caller("alice", "Alice", frozenset({"service_desk"}), None)
CAROL = Caller("carol", "Carol", frozenset({"customer"}), "northwind")
STAFFS = (
    "parent", "problem", "duplicate_of", "escalation", "escalated_to", "escalated_at", "acknowledged_at",
    "effort_minutes", "update_overdue_since", "sla_state", "sla_due_at", "cause_change", "workarounds", "suspects",
)  # fmt: skip


def test_a_list_shows_the_fields_of_the_model_in_their_order() -> None:
    assert [*SHOWN, "allowed_actions"] == list(IncidentView.model_fields)
    for listing in (INCIDENTS, OWN_INCIDENTS):
        assert [*listing.shown, *listing.chosen] == list(IncidentView.model_fields)


def test_every_filter_of_the_query_is_one_of_the_list() -> None:
    assert set(INCIDENTS.filters) == set(IncidentQuery.model_fields) - set(Query.model_fields)


@pytest.mark.parametrize("caller", [ALICE, CAROL], ids=["staff", "customer"])
@pytest.mark.parametrize("state", State)
def test_the_text_of_a_record_is_what_the_model_would_have_written(state: State, caller: Caller) -> None:
    incident = brought(state)
    incident.title = 'quotes " and \\ and \u2028 and é💥'
    incident.occurred_at = datetime(2026, 3, 1, 23, 59, 59, 120, tzinfo=UTC)
    text = VIEW.text(incident, caller)
    assert IncidentView.model_validate_json(text).model_dump_json() == text


def test_a_customer_is_not_told_what_staff_do_among_themselves() -> None:
    incident = opened(at(0))
    incident.parent = incident.problem = incident.duplicate_of = UUID(int=1)
    incident.escalation, incident.escalated_to = "functional", "Network"
    incident.escalated_at = incident.acknowledged_at = at(1).now
    incident.update_overdue_since = incident.sla_due_at = at(1).now
    incident.sla_state, incident.cause_change = "breached", UUID(int=2)
    told, whole = json.loads(VIEW.text(incident, CAROL)), json.loads(VIEW.text(incident, ALICE))
    assert {name for name, value in whole.items() if value != told[name]} == {*STAFFS, "allowed_actions"}
    assert {told[name] for name in STAFFS} == {None}


async def one_with_everything(steward: Steward, service: str) -> Json:
    found = await opened_incident(
        steward, service=service, description='a "quoted"\nline \\ é💥', occurred_at="2026-03-02T08:00:00.000120Z"
    )
    await moved_incident(steward, found, "link", problem=str(uuid4()))
    await moved_incident(steward, found, "escalate", to="hierarchic", target="Duty manager", reason="a bank is down")
    return await moved_incident(steward, found, "wait", reason="vendor")


@pytest.mark.parametrize("who", ["alice", "carol"])
async def test_an_item_of_a_list_says_what_the_record_says_alone(steward: Steward, who: str) -> None:
    service = uuid4().hex
    made = await one_with_everything(steward, service)
    client = steward.client(who)
    alone = (await client.get(f"/incident/incidents/{made['id']}")).text
    (item,) = (await read(client, "/incident/incidents", service=service))["items"]
    # PostgreSQL writes an instant in another way; that it is the same one, the model says.
    assert IncidentView.model_validate(item).model_dump_json() == alone
    assert list(item) == list(json.loads(alone))


@pytest.mark.parametrize("sort", ["-opened_at", "opened_at", "priority", "-number"])
async def test_pages_show_every_record_once_and_in_order(steward: Steward, sort: str) -> None:
    service = uuid4().hex
    made = [await opened_incident(steward, service=service, impact=1 + number % 3) for number in range(7)]
    seen: list[Json] = []
    query: dict[str, Any] = {"service": service, "limit": 2, "sort": sort}
    while True:
        page = await read(steward.client("alice"), "/incident/incidents", **query)
        seen += page["items"]
        assert len(page["items"]) <= 2
        if page["next"] is None:
            break
        query["cursor"] = page["next"]
    assert sorted(each["id"] for each in seen) == sorted(each["id"] for each in made)
    values = [each[sort.removeprefix("-")] for each in seen]
    assert values == sorted(values, reverse=sort.startswith("-"))


async def test_filters_narrow_together(steward: Steward) -> None:
    service = uuid4().hex
    high = await opened_incident(steward, service=service, impact=1, urgency=1)
    low = await opened_incident(steward, service=service, impact=3, urgency=3, kind="request")
    client = steward.client("alice")

    async def found(**query: Any) -> list[str]:
        page = await read(client, "/incident/incidents", service=service, **query)
        return [each["id"] for each in page["items"]]

    assert await found(priority=[1, 2]) == [high["id"]]
    assert await found(kind="request") == [low["id"]]
    assert await found(priority=1, kind="request") == []
    assert await found(state=["new", "active"], organisation="northwind", open="true") == [low["id"], high["id"]]
    assert await found(open="false") == []
    assert await found(q=high["title"].split()[-1]) == [high["id"]]
    assert await found(opened_after="2100-01-01T00:00:00Z") == []
