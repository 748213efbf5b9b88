"""The company that lives: its people do what is allowed, so that records of every kind are opened, moved and ended."""

from collections import Counter

from cli.seed import seed
from cli.simulate import WORK, Company
from tests.system import Steward


async def test_people_open_work_on_and_end_records(fresh_steward: Steward) -> None:
    await seed(fresh_steward.client("root"), fresh_steward.clock.instant)
    company = Company(fresh_steward.client, lambda: fresh_steward.clock.instant, seed=7)
    answers = Counter[int]()
    for _ in range(400):
        answer = await company.step()
        fresh_steward.clock.advance(minutes=7)
        if answer is not None:
            answers[answer.status_code] += 1
    await fresh_steward.ticked()
    # What they send was read from what is allowed: anything but a rule's refusal (a problem is closed once its cause is
    # known, a change waits while another is in its way) would be a wrong body in the tables.
    assert set(answers) <= {200, 201, 409}, answers
    assert answers[409] < 100, answers
    root = fresh_steward.client("root")
    for work in WORK:
        listed = (await root.get(work.path, params={"limit": 200})).json()["items"]
        states = {each["state"] for each in listed}
        assert len(listed) >= 5, work.path
        assert len(states) >= 3, (work.path, states)
        assert "closed" in states, (work.path, states)


async def test_every_move_that_they_know_is_a_route(steward: Steward) -> None:
    described = (await steward.client(None).get("/openapi.json")).json()["paths"]
    for work in WORK:
        assert work.path in described
        for action in work.moves:
            assert f"{work.path}/{{id}}/{action}" in described
