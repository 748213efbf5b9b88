"""The service catalogue: what its documents have to say, who reads it, and what in the documents does not fit."""

from datetime import timedelta
from typing import Any

import pytest

from tests.builders import read
from tests.sla.desk import Desk, at
from tests.sla.documents import Document, agreement, calendar, service, target
from tests.sla.test_policies import refused

pytestmark = pytest.mark.capability("SLM-1")


def own(desk: Desk, title: str = "Order portal", **spec: Any) -> Document:
    """A service of this test alone."""
    return service(f"portal-{desk.organisation}", title=title, **{"customers": [desk.organisation], **spec})


async def listed(desk: Desk, who: Any = "alice", **query: Any) -> list[dict[str, Any]]:
    """The services of this test that somebody sees."""
    found = await read(desk.steward.client(who), "/sla/services", **query)
    return [each for each in found["items"] if each["name"].endswith(desk.organisation)]


async def test_the_catalogue_says_what_a_service_is_and_what_is_promised_for_it(desk: Desk) -> None:
    name = f"portal-{desk.organisation}"
    entry = own(desk, hours="office", support_hours="office", prerequisites=["A browser"], security="Single sign-on",
                contacts=[{"name": "Mara", "role": "Service owner", "reach": "mara@desk.example"}])  # fmt: skip
    await desk.applies(calendar(), entry)
    await desk.promises(target("resolve"), services=[name])
    (found,) = await listed(desk)
    assert found == {**found, "state": "live", "version": 1, "hours": "office", "prerequisites": ["A browser"],
                     "security": "Single sign-on", "owner": "Mara", "criticality": 2}  # fmt: skip
    assert [(each["agreement"], [t["measure"] for t in each["targets"]]) for each in found["agreements"]
            if each["agreement"] == desk.organisation] == [(desk.organisation, ["resolve"])]  # fmt: skip
    one = await read(desk.steward.client("alice"), f"/sla/services/{name}")
    assert [each["standing"] for each in one["versions"]] == ["in force"]
    assert one["agreements"] == found["agreements"]


async def test_the_catalogue_is_read_as_of_any_instant_and_by_state(desk: Desk) -> None:
    effect = desk.now + timedelta(days=30)
    await desk.applies(own(desk, state="proposed", title="Coming"))
    await desk.applies({**own(desk, state="live", title="There"), "effective_from": at(effect)})
    assert [each["title"] for each in await listed(desk)] == ["Coming"]
    assert [each["title"] for each in await listed(desk, at=at(effect))] == ["There"]
    assert await listed(desk, state="live") == []
    assert [each["version"] for each in await listed(desk, state="live", at=at(effect))] == [2]
    assert await listed(desk, q="coming") != [] == await listed(desk, q="nowhere")
    one = await read(desk.steward.client("alice"), f"/sla/services/portal-{desk.organisation}")
    assert [(each["version"], each["standing"]) for each in one["versions"]] == [(2, "coming"), (1, "in force")]


async def test_a_contact_reads_the_services_that_are_offered_to_its_organisation(desk: Desk) -> None:
    await desk.applies(own(desk, customers=[desk.organisation, "somebody else"]))
    await desk.promises()
    (found,) = await listed(desk, desk.contact)
    assert found["customers"] == [desk.organisation]
    assert desk.organisation in {each["agreement"] for each in found["agreements"]}
    assert await listed(desk, "dave") == []
    path = f"/sla/services/portal-{desk.organisation}"
    assert (await desk.steward.client("dave").get(path)).status_code == 404
    assert (await desk.steward.client(desk.contact).get("/sla/findings")).status_code == 403
    await desk.applies(service(f"mail-{desk.organisation}", customers=[]))
    assert [each["name"] for each in await listed(desk, "dave")] == [f"mail-{desk.organisation}"]


async def test_a_service_names_calendars_that_are_there_when_it_takes_effect(desk: Desk) -> None:
    late = f"late-{desk.organisation}"
    faults = await refused(
        desk,
        calendar(late, effective_from="2025-01-01T00:00:00Z"),
        own(desk, hours=f"absent-{desk.organisation}", support_hours=late),
    )
    assert [field for field, _ in faults] == ["documents.1.spec.hours", "documents.1.spec.support_hours"]


@pytest.mark.parametrize(
    ("before", "after", "works"),
    [
        (None, "proposed", True), (None, "live", True), (None, "retired", False),
        ("proposed", "proposed", True), ("proposed", "live", True), ("proposed", "retired", True),
        ("live", "proposed", False), ("live", "live", True), ("live", "retired", True),
        ("retired", "proposed", True), ("retired", "live", False), ("retired", "retired", True),
    ],
)  # fmt: skip
async def test_a_state_follows_only_where_it_can(desk: Desk, before: str | None, after: str, works: bool) -> None:
    steps = {None: [], "retired": ["live", "retired"]}.get(before, [before])
    for number, state in enumerate(steps):
        day = {"effective_from": f"2020-01-0{number + 1}T00:00:00Z"}
        await desk.applies({**own(desk, state=state, title=f"Step {number}"), **day})
    document = {**own(desk, state=after, title="The next"), "effective_from": "2020-02-01T00:00:00Z"}
    if works:
        await desk.applies(document)
    else:
        assert [field for field, _ in await refused(desk, document)] == ["documents.0.spec.state"]


async def test_a_published_service_is_told(desk: Desk) -> None:
    await desk.applies(own(desk))
    await desk.steward.drained()
    messages = await desk.steward.runtime("sla").log.read(0, 100_000)
    (told,) = [each for each in messages if each.subject == f"sla/Service/portal-{desk.organisation}"]
    assert told.type == "steward.service.published.v1"


async def test_what_is_accepted_and_does_not_fit_is_found(desk: Desk) -> None:
    """An agreement may name a service that the catalogue has not got yet: it is flagged, not refused."""
    name, absent = f"portal-{desk.organisation}", f"absent-{desk.organisation}"
    promise = agreement(name=desk.organisation, customers=[desk.organisation], services=[name, absent])
    await desk.applies(own(desk, state="proposed"), calendar(), promise)
    found = (await read(desk.steward.client("alice"), "/sla/findings"))["items"]
    assert [(each["field"], each["message"]) for each in found if each["name"] == desk.organisation] == [
        ("spec.services.0", f"{name!r} is proposed, not live"),
        ("spec.services.1", f"the catalogue has no service {absent!r}"),
    ]
