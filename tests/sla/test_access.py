"""Who may see and do what: a customer's contact sees its own clocks and agreements, nobody but a manager applies."""

from uuid import uuid4

import pytest

from tests.builders import read
from tests.sla.desk import Desk
from tests.sla.documents import calendar, service, supporting, target


@pytest.mark.capability("SEC-6")
async def test_a_contact_sees_the_clocks_of_its_own_organisation_alone(desk: Desk) -> None:
    await desk.promises()
    clock = await desk.clock(await desk.opens())
    own, other = desk.steward.client(desk.contact), desk.steward.client("dave")
    assert [each["id"] for each in (await read(own, "/sla/clocks"))["items"]] == [clock["id"]]
    assert clock["id"] not in {each["id"] for each in (await read(other, "/sla/clocks"))["items"]}
    assert (await read(other, "/sla/clocks", organisation=desk.organisation))["items"] == []
    for path in ("", "/timeline", "/verification"):
        assert (await own.get(f"/sla/clocks/{clock['id']}{path}")).status_code == 200
        assert (await other.get(f"/sla/clocks/{clock['id']}{path}")).status_code == 404


async def test_a_contact_sees_the_agreements_of_its_own_organisation(desk: Desk) -> None:
    await desk.promises()
    path = f"/sla/agreements/{desk.organisation}"
    assert (await desk.steward.client(desk.contact).get(path)).status_code == 200
    assert (await desk.steward.client("dave").get(path)).status_code == 404


async def test_what_stands_behind_its_agreement_is_not_a_contacts_to_read(desk: Desk) -> None:
    await desk.promises()
    inside = f"network-{desk.organisation}"
    await desk.applies(service(inside), supporting(target(), name=inside, supports=[desk.organisation]))
    client = desk.steward.client(desk.contact)
    assert (await client.get(f"/sla/agreements/{inside}")).status_code == 404
    assert (await client.get("/sla/chains")).status_code == 403
    for who, count in ((desk.contact, 0), ("alice", 1)):
        found = await read(desk.steward.client(who), f"/sla/services/{inside}")
        assert len([each for each in found["agreements"] if each["agreement"] == inside]) == count


@pytest.mark.parametrize(
    ("path", "status"),
    [("/sla/metrics", 403), ("/sla/metrics/totals", 403), ("/sla/verification", 403), ("/sla/calendars", 200)],
)
async def test_figures_over_all_customers_are_for_staff(desk: Desk, path: str, status: int) -> None:
    assert (await desk.steward.client(desk.contact).get(path)).status_code == status
    assert (await desk.steward.client("alice").get(path)).status_code == 200


async def test_policies_are_applied_by_the_service_level_manager(desk: Desk) -> None:
    document = calendar(f"hours-{desk.organisation}")
    for person, status in (("alice", 403), (desk.contact, 403), ("keeper", 200)):
        answer = await desk.steward.client(person).post("/sla/policies", json={"documents": [document]})
        assert answer.status_code == status


async def test_an_unknown_clock_or_calendar_is_not_found(desk: Desk) -> None:
    client = desk.steward.client("alice")
    due = "due?start=2026-01-01T00:00:00Z&length=1h"
    for path in (
        f"/sla/clocks/{uuid4()}",
        f"/sla/clocks/{uuid4()}/verification",
        "/sla/calendars/nowhere",
        f"/sla/calendars/nowhere/{due}",
        "/sla/agreements/nothing",
    ):
        assert (await client.get(path)).status_code == 404, path


async def test_a_list_goes_by_pages_and_refuses_what_it_does_not_know(desk: Desk) -> None:
    await desk.promises(target("respond"), target("resolve"))
    for _ in range(3):
        await desk.opens()
    clocks = {each["id"] for each in await desk.clocks()}
    seen: list[str] = []
    cursor: dict[str, str] = {}
    for _ in range(3):
        page = await read(desk.steward.client("alice"), "/sla/clocks", organisation=desk.organisation, limit=2,
                          sort="due_at", **cursor)  # fmt: skip
        seen += [each["id"] for each in page["items"]]
        cursor = {"cursor": page["next"]}
    assert (set(seen), len(seen), page["next"]) == (clocks, 6, None)
    answer = await desk.steward.client("alice").get("/sla/clocks", params={"colour": "red"})
    assert answer.status_code == 422
