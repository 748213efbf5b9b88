"""Status accounting: an item with its versions, its relationships, and the open records that name it."""

from typing import Any
from uuid import uuid4

import pytest
from sqlalchemy import text

from contracts.incident import IncidentClassified, IncidentClosed, IncidentEdited, IncidentOpened, IncidentReopened
from contracts.problem import ProblemClosed, ProblemOpened
from services.cmdb.app import service
from shared.events.handling import Projection
from shared.memory import arrival
from tests.builders import Json, read
from tests.cmdb.samples import ChangeElsewhere, an_item, message, related
from tests.system import MONDAY, Steward

pytestmark = pytest.mark.capability("CFG-7")


class Elsewhere:
    """An incident or problem that tells what happens to it."""

    def __init__(self, kind: str, item: Json) -> None:
        self.kind, self.item = kind, item["name"]
        self.id, self.sequence, self.state = uuid4(), 0, "new"
        self.number = f"{'INC' if kind == 'incident' else 'PRB'}-{self.id.int % 10**9 + 1}"
        self.facts: Json = {"opened_at": MONDAY, "priority": 2, "ci": self.item}
        if kind == "incident":
            self.facts |= {"kind": "incident", "organisation": "northwind"}

    async def tells(self, steward: Steward, event: Any, **fields: Any) -> None:
        self.sequence += 1
        self.state = fields.pop("state", self.state)
        self.facts |= {name: fields.pop(name) for name in ("ci", "service") if name in fields}
        told = message(event(**self.facts, state=self.state, **fields), self.id, self.number, self.sequence)
        await steward.runtime("cmdb").inbox.receive([arrival(f"steward.{self.kind}", told)])


async def accounting(steward: Steward, item: Json, **query: Any) -> Json:
    return await read(steward.client("alice"), f"/cmdb/items/{item['id']}/accounting", **query)


async def opened(steward: Steward, item: Json) -> Elsewhere:
    incident = Elsewhere("incident", item)
    await incident.tells(steward, IncidentOpened, title="On fire", impact=2, urgency=2, recorded_at=MONDAY)
    return incident


async def test_open_records_that_name_it_are_told_with_it(steward: Steward) -> None:
    item = await an_item(steward, location="Berlin")
    change = ChangeElsewhere(item["name"]).approved()
    number = await change.arrives(steward)
    incident, problem = await opened(steward, item), Elsewhere("problem", item)
    await problem.tells(steward, ProblemOpened, title="Burns often", description="", source="incident", incidents=[])
    found = await accounting(steward, item)
    assert [(each["number"], each["title"], each["state"]) for each in found["incidents"]] == [
        (incident.number, "On fire", "new")]  # fmt: skip
    assert [(each["number"], each["priority"]) for each in found["problems"]] == [(problem.number, 2)]
    assert [(each["number"], each["state"]) for each in found["changes"]] == [(number, "approved")]
    assert (found["location"], found["complete"]) == ("Berlin", True)


async def test_a_record_that_is_over_or_names_another_item_goes(steward: Steward) -> None:
    item, other = await an_item(steward), await an_item(steward)
    incident = await opened(steward, item)
    await incident.tells(steward, IncidentEdited, changes={"title": {"before": "On fire", "after": "Smoke"}})
    assert [each["title"] for each in (await accounting(steward, item))["incidents"]] == ["Smoke"]
    await incident.tells(steward, IncidentClosed, state="closed", confirmed_by="staff")
    assert (await accounting(steward, item))["incidents"] == []
    await incident.tells(steward, IncidentReopened, state="active", reason="x", reopened_from="closed", reopen_count=1)
    await incident.tells(steward, IncidentClassified, ci=other["name"])
    assert (await accounting(steward, item))["incidents"] == []
    assert [each["title"] for each in (await accounting(steward, other))["incidents"]] == ["Smoke"]
    problem = Elsewhere("problem", item)
    await problem.tells(steward, ProblemOpened, title="x", description="", source="incident", incidents=[])
    await problem.tells(steward, ProblemClosed, state="closed", incidents=[], recurrences=0)
    change = ChangeElsewhere(item["name"]).approved().closed()
    await change.arrives(steward)
    found = await accounting(steward, item)
    assert (found["problems"], found["changes"]) == ([], [])


async def test_a_service_is_an_item_and_records_name_it(steward: Steward) -> None:
    portal, host = await an_item(steward, "application"), await an_item(steward)
    incident = Elsewhere("incident", host)
    order: Json = {"title": "Slow", "impact": 2, "urgency": 2, "recorded_at": MONDAY}
    await incident.tells(steward, IncidentOpened, service=portal["name"], **order)
    for item in (portal, host):
        assert [each["number"] for each in (await accounting(steward, item))["incidents"]] == [incident.number]


async def test_versions_are_told_from_the_newest_on_page_by_page(steward: Steward) -> None:
    item, frank = await an_item(steward, item_version="1.0"), steward.client("frank")
    for number in range(1, 4):
        await frank.patch(
            f"/cmdb/items/{item['id']}", json={"item_version": f"1.{number}"}, headers={"If-Match": f'"{number}"'}
        )
    page = await accounting(steward, item, limit=3)
    versions = [(each["version"], each["item_version"]) for each in page["versions"]]
    assert versions == [(4, "1.3"), (3, "1.2"), (2, "1.1")]
    assert page["versions"][0]["changes"] == {"item_version": {"before": "1.2", "after": "1.3"}}
    assert (page["complete"], page["versions"][0]["by"]) == (False, "frank")
    last = await accounting(steward, item, limit=3, cursor=page["next"])
    assert [(each["event"], each["item_version"]) for each in last["versions"]] == [("ci.registered", "1.0")]
    assert last["next"] is None


async def test_what_it_is_related_to_is_told(steward: Steward) -> None:
    item = await an_item(steward)
    edges = [await related(steward, item, "runs-on", await an_item(steward)) for _ in range(2)]
    found = await accounting(steward, item)
    assert [each["number"] for each in found["relationships"]] == [each["number"] for each in edges]
    assert (await accounting(steward, item, limit=1))["complete"] is False


async def test_a_message_that_comes_twice_changes_nothing(steward: Steward) -> None:
    item = await an_item(steward)
    change = ChangeElsewhere(item["name"]).approved()
    for _ in range(2):
        await change.arrives(steward)
    rows = await steward.database("cmdb").rows(
        text("SELECT state, open FROM known_record WHERE id = :id"), {"id": change.id}
    )
    assert [(row.state, row.open) for row in rows] == [("approved", True)]


def test_what_is_known_of_others_can_be_derived_again() -> None:
    assert all(isinstance(handler, Projection) for handler in service.handlers)
